//! **append**: a group from outside, for an execution that is filled while it runs: rows, tally, mark and the execution's
//! count, in one transaction.
//!
//! One transaction, because there is no plan from which somebody else could write the missing rows of a half-written group.
//! Its mark makes a repeated add change nothing, and the number of groups as it was seen lets one of two adders at once win
//! a number. The group need not be full: the indexes of the offsets that are missing do not exist.

use serde_json::Value;

use crate::clock::Timestamp;
use crate::error::Error;
use crate::id::GroupId;
use crate::item::{AddMarkRow, AddPart, ExecutionRow, ExecutionStatus, SegmentRow, TallyRow};
use crate::table::{About, ControlTable, Part, Transacted, Write};

/// Adds a group from outside.
#[derive(Debug, Clone, PartialEq)]
pub struct Append {
    /// The group: the next one of its execution, as it was seen.
    pub group: GroupId,
    /// Which part of which add it is.
    pub part: AddPart,
    /// A digest of all segments of the add.
    pub digest: String,
    /// What each segment is to do, by offset; 1 to [`crate::limits::SEGMENTS_PER_ADD`].
    pub specs: Vec<Value>,
    /// The generation the segments begin in.
    pub generation: u32,
    /// The present moment.
    pub now: Timestamp,
    /// When the execution is deleted, and its rows with it.
    pub expires_at: Option<i64>,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppendOutcome {
    /// Added, now.
    Appended,
    /// This part was added before: by an earlier call, or by a first try whose answer was lost.
    AlreadyAppended(Box<AddMarkRow>),
    /// The execution has another number of groups by now.
    GroupsMoved(u64),
    /// The execution takes no groups any more.
    NotOpen(ExecutionStatus),
    /// There is no such execution.
    Missing,
}

impl Append {
    /// The rows of its segments.
    pub fn rows(&self) -> impl Iterator<Item = SegmentRow> {
        self.specs.iter().enumerate().map(|(offset, spec)| {
            // A group has fewer than 128 segments: the offset fits.
            let id = self.group.segment(u8::try_from(offset).unwrap_or(u8::MAX));
            let row = SegmentRow::pending(id, spec.clone(), self.generation, self.now);
            SegmentRow { expires_at: self.expires_at, ..row }
        })
    }

    /// Its tally.
    #[must_use]
    pub fn tally(&self) -> TallyRow {
        TallyRow { expires_at: self.expires_at, ..TallyRow::fresh(self.group, self.size(), self.generation) }
    }

    /// Its mark.
    #[must_use]
    pub fn mark(&self) -> AddMarkRow {
        AddMarkRow {
            execution_id: self.group.execution_id,
            part: self.part.clone(),
            group: self.group.group,
            digest: self.digest.clone(),
            expires_at: self.expires_at,
        }
    }

    fn size(&self) -> u64 {
        self.specs.len() as u64
    }

    /// What it means for the execution and the mark; where it is [`AppendOutcome::Appended`], [`Self::rows`] and
    /// [`Self::tally`] are there with them.
    pub fn apply(&self, execution: &mut Option<ExecutionRow>, mark: &mut Option<AddMarkRow>) -> AppendOutcome {
        // First: what was added stays added, whatever has become of the execution.
        if let Some(mark) = mark {
            return AppendOutcome::AlreadyAppended(Box::new(mark.clone()));
        }
        let Some(execution) = execution else { return AppendOutcome::Missing };
        if execution.status != ExecutionStatus::Scattering {
            return AppendOutcome::NotOpen(execution.status);
        }
        if execution.groups != self.group.group {
            return AppendOutcome::GroupsMoved(execution.groups);
        }
        execution.groups += 1;
        execution.segments += self.size();
        *mark = Some(self.mark());
        AppendOutcome::Appended
    }

    fn write(&self) -> Write {
        Write::new("SET #groups = :next, #segments = #segments + :size", "#status = :scattering AND #groups = :group")
            .text("scattering", ExecutionStatus::Scattering.as_str())
            .number("next", self.group.group + 1)
            .number("group", self.group.group)
            .number("size", self.size())
    }
}

impl ControlTable {
    /// Adds a group from outside.
    ///
    /// # Errors
    /// When the table cannot be written or read.
    pub async fn append(&self, request: &Append) -> Result<AppendOutcome, Error> {
        let about = About { operation: "append", subject: &request.group };
        let key = ExecutionRow::key_of(request.group.execution_id);
        let mut parts = vec![
            self.update_part(about, &key, request.write())?,
            self.put_part(about, &request.mark())?,
            self.put_part(about, &request.tally())?,
        ];
        for row in request.rows() {
            parts.push(self.put_part(about, &row)?);
        }
        let met = match self.transact(about, parts).await? {
            Transacted::Applied => return Ok(AppendOutcome::Appended),
            Transacted::Refused(met) => met,
        };
        let mut met = met.into_iter();
        let (execution, mark) = (met.next(), met.next());
        if let Some(Part::Met(Some(item))) = mark {
            return Ok(AppendOutcome::AlreadyAppended(Box::new(about.read(item)?)));
        }
        // Rows and tally are only ever made together with the count: without a mark, the execution's part was refused.
        let Some(Part::Met(execution)) = execution else {
            return Err(about.disagreement());
        };
        let mut execution = execution.map(|item| about.read(item)).transpose()?;
        match request.apply(&mut execution, &mut None) {
            AppendOutcome::Appended => Err(about.disagreement()),
            outcome => Ok(outcome),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::SEGMENTS_PER_ADD;
    use crate::op::testing::{at, execution_id, opened, sealed};

    fn append(group: u64, token: &str) -> Append {
        Append {
            group: execution_id().group(group),
            part: AddPart { token: token.parse().unwrap(), number: 0 },
            digest: "digest".to_owned(),
            specs: vec![Value::Null; 3],
            generation: 1,
            now: at(9),
            expires_at: Some(7),
        }
    }

    #[test]
    fn of_two_adders_at_once_one_has_the_number_and_the_other_the_next() {
        let mut execution = opened();
        assert_eq!(append(0, "a").apply(&mut execution, &mut None), AppendOutcome::Appended);
        assert_eq!(append(0, "b").apply(&mut execution, &mut None), AppendOutcome::GroupsMoved(1));
        assert_eq!(append(1, "b").apply(&mut execution, &mut None), AppendOutcome::Appended);
        let execution = execution.unwrap();
        assert_eq!((execution.groups, execution.segments), (2, 6));
    }

    #[test]
    fn a_repeated_add_changes_nothing_even_after_the_seal() {
        let (mut execution, mut mark) = (opened(), None);
        append(0, "a").apply(&mut execution, &mut mark);
        let before = (execution.clone(), mark.clone());
        let outcome = append(1, "a").apply(&mut execution, &mut mark);
        assert_eq!(outcome, AppendOutcome::AlreadyAppended(Box::new(append(0, "a").mark())));
        assert_eq!((execution, mark.clone()), before);
        assert!(matches!(append(5, "a").apply(&mut sealed(1), &mut mark), AppendOutcome::AlreadyAppended(_)));
    }

    #[test]
    fn what_is_sealed_takes_nothing() {
        let outcome = append(1, "a").apply(&mut sealed(1), &mut None);
        assert_eq!(outcome, AppendOutcome::NotOpen(ExecutionStatus::Running));
        assert_eq!(append(0, "a").apply(&mut None, &mut None), AppendOutcome::Missing);
    }

    #[test]
    fn a_group_need_not_be_full_and_fits_one_transaction() {
        let request = append(2, "a");
        let indexes: Vec<_> = request.rows().map(|row| row.index).collect();
        assert_eq!((indexes, request.tally().pending), (vec![256, 257, 258], 3));
        assert!(request.rows().all(|row| row.expires_at == Some(7)) && request.tally().expires_at == Some(7));
        // Rows, tally, mark and execution.
        const { assert!(SEGMENTS_PER_ADD + 3 <= 100) };
    }
}
