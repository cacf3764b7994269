//! Overwrite if unchanged: a repair replaces a row, if the row is still as the repair read it.
//!
//! It may write any attribute, so its condition is the whole row: if a worker, a fold or a redrive changed the row in
//! between, it is refused, and the repair counts again. Attributes that this version of the program does not know are left
//! as they are.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;

use crate::operation::{Operation, Update, Write};
use crate::rows::{CorruptItem, Item, PK, Row, RowKey, SK, to_item};

/// Attributes that read as zero if the item does not have them: the row that was read does not tell the two apart.
const ABSENT_AT_ZERO: [&str; 2] = ["item_count", "duration_ms"];

/// Replaces a row, or inserts one that did not exist.
#[derive(Debug, Clone, PartialEq)]
pub struct OverwriteIfUnchanged<R> {
    seen: Option<R>,
    row: R,
}

/// Outcomes of [`OverwriteIfUnchanged`].
#[derive(Debug, Clone, PartialEq)]
pub enum OverwriteOutcome<R> {
    /// The row is as it has to be: by this call, or by a first try whose answer was lost.
    Overwritten,
    /// The row has changed since it was read; the present row, `None` if it does not exist. Nothing was written.
    Moved(Option<Box<R>>),
}

impl<R: Row> Operation for OverwriteIfUnchanged<R> {
    type Rows = Option<R>;
    type Outcome = OverwriteOutcome<R>;

    const NAME: &'static str = "overwrite";

    fn subject(&self) -> String {
        self.row.key().to_string()
    }

    fn keys(&self) -> Vec<RowKey> {
        vec![self.row.key()]
    }

    fn apply(&self, stored: &mut Self::Rows) -> Self::Outcome {
        if *stored == self.seen || stored.as_ref() == Some(&self.row) {
            *stored = Some(self.row.clone());
            OverwriteOutcome::Overwritten
        } else {
            OverwriteOutcome::Moved(stored.clone().map(Box::new))
        }
    }

    fn write(&self) -> Result<Write, CorruptItem> {
        let row = to_item(&self.row)?;
        let Some(seen) = &self.seen else { return Ok(Write::Insert(row)) };
        let seen = to_item(seen)?;
        let mut expression = Expression::default();
        expression.is_still(&seen, &row);
        expression.becomes(&seen, &row);
        Ok(Write::Update(expression.finish()))
    }
}

impl<R: Row> OverwriteIfUnchanged<R> {
    /// The change from the row that was read, `None` if it did not exist, to `row`, which has the same key. `None` if they
    /// are equal.
    #[must_use]
    pub fn new(seen: Option<R>, row: R) -> Option<Self> {
        (seen.as_ref() != Some(&row)).then_some(Self { seen, row })
    }
}

/// The clauses of the update, with a numbered placeholder for each attribute: a counter of the user's may have any name.
#[derive(Default)]
struct Expression {
    conditions: Vec<String>,
    sets: Vec<String>,
    removes: Vec<String>,
    write: Update,
    names: BTreeMap<String, String>,
}

impl Expression {
    fn name(&mut self, attribute: &str) -> String {
        let next = format!("a{}", self.names.len());
        self.names.entry(attribute.to_owned()).or_insert(next).clone()
    }

    fn value(&mut self, placeholder: &str, value: &AttributeValue) {
        self.write = std::mem::take(&mut self.write).value(placeholder, value.clone());
    }

    /// Conditions: the attributes that were read are the same, and those that the new row adds do not exist.
    fn is_still(&mut self, seen: &Item, row: &Item) {
        for (attribute, value) in sorted(seen) {
            let name = self.name(attribute);
            let is_zero = value.as_n().is_ok_and(|number| number == "0");
            let or_absent = is_zero && ABSENT_AT_ZERO.contains(&attribute.as_str());
            self.conditions.push(if or_absent {
                format!("(#{name} = :s{name} OR attribute_not_exists(#{name}))")
            } else {
                format!("#{name} = :s{name}")
            });
            self.value(&format!("s{name}"), value);
        }
        for (attribute, _) in sorted(row).filter(|(attribute, _)| !seen.contains_key(*attribute)) {
            let name = self.name(attribute);
            self.conditions.push(format!("attribute_not_exists(#{name})"));
        }
    }

    /// Changes: only the attributes that differ.
    fn becomes(&mut self, seen: &Item, row: &Item) {
        for (attribute, value) in sorted(row).filter(|(attribute, value)| seen.get(*attribute) != Some(*value)) {
            let name = self.name(attribute);
            self.sets.push(format!("#{name} = :{name}"));
            self.value(&name, value);
        }
        for (attribute, _) in sorted(seen).filter(|(attribute, _)| !row.contains_key(*attribute)) {
            let name = self.name(attribute);
            self.removes.push(format!("#{name}"));
        }
    }

    fn finish(self) -> Update {
        let mut clauses = Vec::new();
        if !self.sets.is_empty() {
            clauses.push(format!("SET {}", self.sets.join(", ")));
        }
        if !self.removes.is_empty() {
            clauses.push(format!("REMOVE {}", self.removes.join(", ")));
        }
        let mut write = self.write;
        write.update = clauses.join(" ");
        write.condition = self.conditions.join(" AND ");
        let names = self.names.into_iter().map(|(attribute, name)| (format!("#{name}"), attribute));
        write.names.extend(names);
        write
    }
}

/// The attributes beside the key, in order, so that the same change has the same text.
fn sorted(item: &Item) -> impl Iterator<Item = (&String, &AttributeValue)> {
    let attributes: BTreeMap<_, _> = item.iter().filter(|(name, _)| *name != PK && *name != SK).collect();
    attributes.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::testing::{execution_id, running};
    use crate::rows::{SegmentRow, SegmentStatus, TallyRow};

    fn tally(pending: u64) -> TallyRow {
        TallyRow { pending, ..TallyRow::fresh(execution_id().group(0), 3, 1) }
    }

    fn overwrite(seen: Option<TallyRow>, row: TallyRow) -> OverwriteIfUnchanged<TallyRow> {
        OverwriteIfUnchanged::new(seen, row).unwrap()
    }

    fn update<R: Row>(request: &OverwriteIfUnchanged<R>) -> Update {
        let Write::Update(update) = request.write().unwrap() else { panic!("{request:?}") };
        update
    }

    #[test]
    fn only_the_row_that_was_read_is_replaced_and_repeating_it_changes_nothing() {
        let request = overwrite(Some(tally(1)), tally(3));
        let mut stored = Some(tally(1));
        assert_eq!(request.apply(&mut stored), OverwriteOutcome::Overwritten);
        assert_eq!(request.apply(&mut stored), OverwriteOutcome::Overwritten);
        let mut other = Some(tally(2));
        assert_eq!(request.apply(&mut other), OverwriteOutcome::Moved(Some(Box::new(tally(2)))));
        assert_eq!(request.apply(&mut None), OverwriteOutcome::Moved(None));
    }

    #[test]
    fn a_row_that_did_not_exist_is_inserted_only_if_it_still_does_not() {
        let request = overwrite(None, tally(3));
        assert_eq!(request.apply(&mut Some(tally(2))), OverwriteOutcome::Moved(Some(Box::new(tally(2)))));
        let mut stored = None;
        assert_eq!(request.apply(&mut stored), OverwriteOutcome::Overwritten);
        assert!(matches!(request.write().unwrap(), Write::Insert(_)));
    }

    #[test]
    fn a_row_that_is_right_needs_no_operation() {
        assert_eq!(OverwriteIfUnchanged::new(Some(tally(1)), tally(1)), None);
    }

    #[test]
    fn only_what_differs_is_written_and_all_that_was_read_is_a_condition() {
        let row = running(0).unwrap();
        let mut pending = SegmentRow { status: SegmentStatus::Pending, lease_until: None, ..row.clone() };
        pending.counts.counters.0.insert("any name".to_owned(), 1);
        let write = update(&OverwriteIfUnchanged::new(Some(row.clone()), pending).unwrap());
        let attributes = crate::rows::to_item(&row).unwrap().len() - 2;
        assert_eq!(write.condition.matches(" = :s").count(), attributes);
        assert_eq!((write.update.matches(" = :").count(), write.update.matches("REMOVE").count()), (2, 1));
        assert!(write.names.values().any(|name| name == "counter:any name"));
        assert_eq!(write.condition.matches("attribute_not_exists").count(), 3, "two sums at zero, and the counter");
    }
}
