//! Add external group: a caller adds segments to an execution that has no plan. Rows, tally, mark and the execution's counts
//! change in one transaction.
//!
//! One transaction, because there is no plan from which the sweeper could write the missing rows of a half-written group.
//! The mark makes a repeated add change nothing. The condition on the number of groups lets one of two callers win the next
//! number. The group need not be full; the indexes of its missing offsets do not exist.

use serde_json::Value;

use crate::clock::Timestamp;
use crate::id::GroupId;
use crate::operation::{Change, Operation, Part, Update, Write};
use crate::rows::{
    AddMarkRow, AddPart, CorruptItem, ExecutionRow, ExecutionStatus, RowKey, SegmentRow, TallyRow, to_item,
};

/// Adds a group of an external caller's segments.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct AddExternal {
    /// The next group of the execution when the caller read it.
    pub group: GroupId,
    /// The part of the add that this group is.
    pub part: AddPart,
    /// A digest of all segments of the add: a token that comes again with other segments is a mistake of its caller.
    pub digest: String,
    /// The spec of each segment, by offset; 1 to [`crate::limits::SEGMENTS_PER_ADD`].
    pub specs: Vec<Value>,
    /// The generation of the execution.
    pub generation: u32,
    pub now: Timestamp,
}

/// Outcomes of [`AddExternal`]; only `Added` changes rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddExternalOutcome {
    /// Added now.
    Added,
    /// This part was added before: by an earlier call, or by a first try whose answer was lost. Its mark.
    AlreadyAdded(Box<AddMarkRow>),
    /// The execution has this number of groups by now: another caller added one.
    GroupsMoved(u64),
    /// The execution takes no more groups: it is sealed or stopped.
    NotOpen(ExecutionStatus),
    /// There is no such execution.
    Missing,
}

impl Operation for AddExternal {
    type Rows = (Part<AddMarkRow>, Part<ExecutionRow>, Part<TallyRow>, Vec<Part<SegmentRow>>);
    type Outcome = AddExternalOutcome;

    const NAME: &'static str = "add external group";

    fn subject(&self) -> String {
        self.group.to_string()
    }

    fn keys(&self) -> Vec<RowKey> {
        let execution_id = self.group.execution_id;
        let mark = RowKey::AddMark(execution_id, self.part.clone());
        let segments = self.rows().map(|row| RowKey::Segment(row.id()));
        [mark, RowKey::Execution(execution_id), RowKey::Tally(self.group)].into_iter().chain(segments).collect()
    }

    /// Mark, tally, rows and count are only made together, so mark and execution decide. The mark comes first: a part that
    /// was added is reported as added whatever the execution's status is now.
    fn apply(&self, (mark, execution, tally, segments): &mut Self::Rows) -> Self::Outcome {
        let added = |mark: &AddMarkRow| AddExternalOutcome::AlreadyAdded(Box::new(mark.clone()));
        if let Some(outcome) = mark.refuses(|mark| mark.map(added)) {
            return outcome;
        }
        if let Some(outcome) = execution.refuses(|row| self.refused_by(row)) {
            return outcome;
        }
        execution.change(|execution| {
            execution.groups += 1;
            execution.segments += self.size();
        });
        mark.insert(self.mark());
        tally.insert(self.tally());
        for (segment, row) in segments.iter_mut().zip(self.rows()) {
            segment.insert(row);
        }
        AddExternalOutcome::Added
    }

    fn write(&self) -> Result<Write, CorruptItem> {
        let mut changes = vec![
            Change::Insert(to_item(&self.mark())?),
            Change::Update(self.update()),
            Change::Insert(to_item(&self.tally())?),
        ];
        for row in self.rows() {
            changes.push(Change::Insert(to_item(&row)?));
        }
        Ok(Write::All(changes))
    }
}

impl AddExternal {
    fn refused_by(&self, execution: Option<&ExecutionRow>) -> Option<AddExternalOutcome> {
        let Some(execution) = execution else { return Some(AddExternalOutcome::Missing) };
        if execution.status != ExecutionStatus::Scattering {
            return Some(AddExternalOutcome::NotOpen(execution.status));
        }
        (execution.groups != self.group.group).then_some(AddExternalOutcome::GroupsMoved(execution.groups))
    }

    /// The rows of the segments.
    pub fn rows(&self) -> impl Iterator<Item = SegmentRow> {
        self.specs.iter().enumerate().map(|(offset, spec)| {
            // A group has fewer than 128 segments: the offset fits.
            let id = self.group.segment(u8::try_from(offset).unwrap_or(u8::MAX));
            SegmentRow::pending(id, spec.clone(), self.generation, self.now)
        })
    }

    /// The tally of the group.
    #[must_use]
    pub fn tally(&self) -> TallyRow {
        TallyRow { put_at: self.now, ..TallyRow::fresh(self.group, self.size(), self.generation) }
    }

    /// The mark of the part.
    #[must_use]
    pub fn mark(&self) -> AddMarkRow {
        AddMarkRow {
            execution_id: self.group.execution_id,
            part: self.part.clone(),
            group: self.group.group,
            digest: self.digest.clone(),
        }
    }

    fn size(&self) -> u64 {
        self.specs.len() as u64
    }

    fn update(&self) -> Update {
        Update::new("SET #groups = :next, #segments = #segments + :size", "#status = :scattering AND #groups = :group")
            .text("scattering", ExecutionStatus::Scattering.as_str())
            .number("next", self.group.group + 1)
            .number("group", self.group.group)
            .number("size", self.size())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::SEGMENTS_PER_ADD;
    use crate::operation::testing::{at, execution_id, opened, sealed};

    type Rows = <AddExternal as Operation>::Rows;

    /// What the operation meets in a table with that execution, and with no row of the group.
    fn rows(mark: Option<AddMarkRow>, execution: Option<ExecutionRow>) -> Rows {
        (Part::Is(mark), Part::Is(execution), Part::Is(None), vec![Part::Is(None); 3])
    }

    fn add(group: u64, token: &str) -> AddExternal {
        AddExternal {
            group: execution_id().group(group),
            part: AddPart { token: token.parse().unwrap(), number: 0 },
            digest: "digest".to_owned(),
            specs: vec![Value::Null; 3],
            generation: 1,
            now: at(9),
        }
    }

    #[test]
    fn of_two_callers_one_gets_the_number_and_the_other_the_next() {
        let mut first = rows(None, opened());
        assert_eq!(add(0, "a").apply(&mut first), AddExternalOutcome::Added);
        let Part::Is(execution) = first.1 else { panic!("{first:?}") };
        assert_eq!(add(0, "b").apply(&mut rows(None, execution.clone())), AddExternalOutcome::GroupsMoved(1));
        let mut second = rows(None, execution);
        assert_eq!(add(1, "b").apply(&mut second), AddExternalOutcome::Added);
        let (Part::Is(Some(mark)), Part::Is(Some(execution)), Part::Is(Some(tally)), segments) = second else {
            panic!()
        };
        assert_eq!((execution.groups, execution.segments), (2, 6));
        assert_eq!((mark, tally), (add(1, "b").mark(), add(1, "b").tally()));
        assert_eq!(segments, add(1, "b").rows().map(|row| Part::Is(Some(row))).collect::<Vec<_>>());
    }

    #[test]
    fn a_repeated_add_changes_nothing_even_after_the_seal() {
        let mark = add(0, "a").mark();
        for execution in [opened(), sealed(1), None] {
            let mut rows = rows(Some(mark.clone()), execution);
            let before = rows.clone();
            let outcome = add(1, "a").apply(&mut rows);
            assert_eq!(outcome, AddExternalOutcome::AlreadyAdded(Box::new(mark.clone())));
            assert_eq!(rows, before);
        }
    }

    #[test]
    fn a_sealed_execution_takes_no_group() {
        let outcome = add(1, "a").apply(&mut rows(None, sealed(1)));
        assert_eq!(outcome, AddExternalOutcome::NotOpen(ExecutionStatus::Running));
        assert_eq!(add(0, "a").apply(&mut rows(None, None)), AddExternalOutcome::Missing);
    }

    #[test]
    fn a_group_need_not_be_full_and_fits_one_transaction() {
        let request = add(2, "a");
        let indexes: Vec<_> = request.rows().map(|row| row.index).collect();
        assert_eq!((indexes, request.tally().pending), (vec![256, 257, 258], 3));
        // Rows, tally, mark and execution.
        const { assert!(SEGMENTS_PER_ADD + 3 <= 100) };
    }
}
