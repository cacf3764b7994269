//! **restore**: an item becomes what a recount says it has to be, if it still is what was seen.
//!
//! The one operation that may write any attribute, and so the one whose condition is the whole row: a worker, a fold or a redrive
//! that came in between makes it fail, and the recount begins again. Attributes that this version does not know are left alone.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};

use crate::error::Error;
use crate::item::{Item, PK, Row, SK};
use crate::repair::Seen;
use crate::table::{About, ControlTable, Write, Written};

/// Sums that read as zero where an item has none: both are the same to whoever saw the row.
const ABSENT_AT_ZERO: [&str; 2] = ["item_count", "duration_ms"];

/// Replaces a row.
#[derive(Debug, Clone, PartialEq)]
pub struct Restore<R> {
    /// The row as it was seen; `None` if there was none.
    pub seen: Option<R>,
    /// Counts of it that are below zero in the table, where the row has them as zero (see [`Seen`]).
    pub below_zero: BTreeMap<String, i64>,
    /// The row as it has to be, with the same key.
    pub row: R,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq)]
pub enum RestoreOutcome<R> {
    /// The item is as it has to be: by this call, or by a first try whose answer was lost.
    Restored,
    /// The item is not as it was seen any more; the row as it is now.
    Moved(Option<Box<R>>),
}

impl<R: Row> Restore<R> {
    /// The change of a row as it was seen, or of one that was not there, into this one.
    #[must_use]
    pub fn of(seen: Option<&Seen<R>>, row: R) -> Self {
        let below_zero = seen.map(|seen| seen.below_zero.clone()).unwrap_or_default();
        Self { seen: seen.map(|seen| seen.row.clone()), below_zero, row }
    }

    /// What it means.
    pub fn apply(&self, stored: &mut Option<R>) -> RestoreOutcome<R> {
        if *stored == self.seen || stored.as_ref() == Some(&self.row) {
            *stored = Some(self.row.clone());
            RestoreOutcome::Restored
        } else {
            RestoreOutcome::Moved(stored.clone().map(Box::new))
        }
    }

    fn write(&self, about: About<'_>) -> Result<Write, Error> {
        let row = about.write(&self.row)?;
        let seen = self.seen_item(about)?;
        let mut expression = Expression::default();
        match &seen {
            None => expression.conditions.push("attribute_not_exists(#pk)".to_owned()),
            Some(seen) => expression.is_still(seen, &row),
        }
        expression.becomes(&seen.unwrap_or_default(), &row);
        Ok(expression.finish())
    }

    /// The item as it must be found, numbers below zero included.
    fn seen_item(&self, about: About<'_>) -> Result<Option<Item>, Error> {
        let Some(seen) = &self.seen else { return Ok(None) };
        let mut item = about.write(seen)?;
        for (name, number) in &self.below_zero {
            item.insert(name.clone(), AttributeValue::N(number.to_string()));
        }
        Ok(Some(item))
    }
}

/// The clauses of the update, with a numbered placeholder for each attribute: the user's counters have any name.
#[derive(Default)]
struct Expression {
    conditions: Vec<String>,
    sets: Vec<String>,
    removes: Vec<String>,
    write: Write,
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

    /// Every attribute that was seen is still the same, and there is none yet that the new row has in addition.
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

    fn finish(self) -> Write {
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

/// The attributes beside the key, in order, so that the same change is the same text.
fn sorted(item: &Item) -> impl Iterator<Item = (&String, &AttributeValue)> {
    let attributes: BTreeMap<_, _> = item.iter().filter(|(name, _)| *name != PK && *name != SK).collect();
    attributes.into_iter()
}

impl ControlTable {
    /// Replaces a row, if it still is as it was seen.
    ///
    /// # Errors
    /// When the table cannot be written or read.
    pub async fn restore<R: Row + Sync>(&self, request: &Restore<R>) -> Result<RestoreOutcome<R>, Error> {
        let key = request.row.key();
        let subject = format!("{} / {}", key.pk, key.sk);
        let about = About { operation: "repair", subject: &subject };
        let write = request.write(about)?;
        if write.update.is_empty() {
            // Nothing is to be changed, and an update without a clause is refused.
            return Ok(RestoreOutcome::Restored);
        }
        match self.update(about, key, write, ReturnValue::None).await? {
            Written::Applied(_) => Ok(RestoreOutcome::Restored),
            Written::Refused(item) => {
                let met: Option<Seen<R>> = item.map(|item| Seen::read(about, item)).transpose()?;
                let is_still =
                    |met: &Seen<R>| Some(&met.row) == request.seen.as_ref() && met.below_zero == request.below_zero;
                if met.as_ref().is_some_and(is_still) || (met.is_none() && request.seen.is_none()) {
                    return Err(about.disagreement());
                }
                let mut stored = met.map(|met| met.row);
                if stored == request.seen {
                    return Ok(RestoreOutcome::Moved(stored.map(Box::new)));
                }
                Ok(request.apply(&mut stored))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::{SegmentRow, SegmentStatus, TallyRow};
    use crate::op::testing::{execution_id, running};

    fn tally(pending: u64) -> TallyRow {
        TallyRow { pending, ..TallyRow::fresh(execution_id().group(0), 3, 1) }
    }

    fn restore(seen: Option<TallyRow>, row: TallyRow) -> Restore<TallyRow> {
        Restore { seen, below_zero: BTreeMap::new(), row }
    }

    fn write<R: Row>(request: &Restore<R>) -> Write {
        request.write(About { operation: "repair", subject: &"a test" }).unwrap()
    }

    #[test]
    fn only_the_row_that_was_seen_is_replaced_and_repeating_it_changes_nothing() {
        let request = restore(Some(tally(1)), tally(3));
        let mut stored = Some(tally(1));
        assert_eq!(request.apply(&mut stored), RestoreOutcome::Restored);
        assert_eq!(request.apply(&mut stored), RestoreOutcome::Restored);
        let mut other = Some(tally(2));
        assert_eq!(request.apply(&mut other), RestoreOutcome::Moved(Some(Box::new(tally(2)))));
        assert_eq!(request.apply(&mut None), RestoreOutcome::Moved(None));
    }

    #[test]
    fn a_row_that_was_not_there_is_made_only_if_it_still_is_not() {
        let request = restore(None, tally(3));
        assert_eq!(request.apply(&mut Some(tally(2))), RestoreOutcome::Moved(Some(Box::new(tally(2)))));
        let mut stored = None;
        assert_eq!(request.apply(&mut stored), RestoreOutcome::Restored);
        assert_eq!(write(&request).condition, "attribute_not_exists(#pk)");
    }

    #[test]
    fn only_what_differs_is_written_and_all_that_was_seen_is_asked_for() {
        let row = running(0).unwrap();
        let mut pending = SegmentRow { status: SegmentStatus::Pending, lease_until: None, ..row.clone() };
        pending.counts.counters.0.insert("any name".to_owned(), 1);
        let write = write(&Restore { seen: Some(row.clone()), below_zero: BTreeMap::new(), row: pending });
        let attributes = crate::item::to_item(&row).unwrap().len() - 2;
        assert_eq!(write.condition.matches(" = :s").count(), attributes);
        assert_eq!((write.update.matches(" = :").count(), write.update.matches("REMOVE").count()), (2, 1));
        assert!(write.names.values().any(|name| name == "counter:any name"));
        assert_eq!(write.condition.matches("attribute_not_exists").count(), 3, "two sums at zero and the counter");
    }
}
