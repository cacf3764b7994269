//! **set aside**: what came in and can never be read is kept for a person, so that its record can be acknowledged and what
//! is behind it goes on.
//!
//! It must not fail for anything that the payload is: a record that can be neither read nor set aside would hold up its
//! shard. So the payload is kept as base64 of its beginning, and every text is cut.

#![expect(clippy::disallowed_methods, reason = "this is the adapter: the protocol lives in this crate")]

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use chrono::TimeDelta;

use crate::clock::Timestamp;
use crate::error::Error;
use crate::item::{AsideSource, PK, SetAsideRow};
use crate::limits::MAX_ERROR_BYTES;
use crate::table::{About, ControlTable};

/// The beginning of a payload that is kept. An item has at most 400 KB; whoever wrote the payload is known by less.
const KEPT_BYTES: usize = 16 * 1024;

/// How long it is kept: a fortnight spans somebody's holiday.
const KEPT_FOR: TimeDelta = TimeDelta::days(14);

/// Sets a record aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// Who came upon it.
    pub source: AsideSource,
    /// The record's event ID; empty if it has none.
    pub event_id: String,
    /// Why it cannot be read.
    pub reason: String,
    /// What is in it.
    pub payload: Vec<u8>,
    /// The present moment.
    pub now: Timestamp,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetAsideOutcome {
    /// It is set aside, now.
    SetAside,
    /// It was before: its record came again.
    AlreadySetAside,
}

impl SetAside {
    /// What it means.
    pub fn apply(&self, row: &mut Option<SetAsideRow>) -> SetAsideOutcome {
        if row.is_some() {
            return SetAsideOutcome::AlreadySetAside;
        }
        *row = Some(self.row());
        SetAsideOutcome::SetAside
    }

    /// The row that it writes where there is none.
    #[must_use]
    pub fn row(&self) -> SetAsideRow {
        let kept = &self.payload[..self.payload.len().min(KEPT_BYTES)];
        let reason = &self.reason[..self.reason.floor_char_boundary(MAX_ERROR_BYTES)];
        SetAsideRow {
            source: self.source,
            event_id: SetAsideRow::usable_id(&self.event_id, &self.payload),
            reason: reason.to_owned(),
            payload: SetAsideRow::encode(kept),
            payload_bytes: u64::try_from(self.payload.len()).unwrap_or(u64::MAX),
            set_aside_at: self.now,
            expires_at: self.now.plus(KEPT_FOR).as_ttl_seconds(),
        }
    }
}

impl ControlTable {
    /// Sets a record aside, once.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn set_aside(&self, request: &SetAside) -> Result<SetAsideOutcome, Error> {
        let row = request.row();
        let about = About { operation: "set aside", subject: &row.event_id };
        let put = self
            .client
            .put_item()
            .table_name(&*self.name)
            .set_item(Some(about.write(&row)?))
            .condition_expression("attribute_not_exists(#pk)")
            .expression_attribute_names("#pk", PK);
        match put.send().await {
            Ok(_) => Ok(SetAsideOutcome::SetAside),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(_)) => Ok(SetAsideOutcome::AlreadySetAside),
                _ => Err(self.sdk_error(about, error)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::{Row, from_item, to_item};

    fn set_aside(event_id: &str, payload: &[u8]) -> SetAside {
        SetAside {
            source: AsideSource::Worker,
            event_id: event_id.to_owned(),
            reason: "é".repeat(MAX_ERROR_BYTES),
            payload: payload.to_vec(),
            now: Timestamp::from_millis(1_000),
        }
    }

    #[test]
    fn a_record_is_set_aside_once() {
        let mut row = None;
        assert_eq!(set_aside("e", b"first").apply(&mut row), SetAsideOutcome::SetAside);
        let before = row.clone();
        assert_eq!(set_aside("e", b"second").apply(&mut row), SetAsideOutcome::AlreadySetAside);
        assert_eq!(row, before);
    }

    #[test]
    fn whatever_it_is_its_row_has_keys_and_bounds_and_reads_back() {
        let long = "x".repeat(5_000);
        for (event_id, payload) in [("", vec![0xff; 2_000_000]), (long.as_str(), Vec::new()), ("e", vec![0])] {
            let row = set_aside(event_id, &payload).row();
            let key = row.key();
            assert_eq!(key.pk, "ASIDE#worker");
            assert!((1..=1_024).contains(&key.sk.len()), "{key:?}");
            assert!(row.payload.len() < 22_000 && row.reason.len() <= MAX_ERROR_BYTES);
            assert_eq!(row.payload_bytes, payload.len() as u64);
            assert_eq!(from_item::<SetAsideRow>(to_item(&row).unwrap()).unwrap(), row);
        }
    }

    #[test]
    fn records_without_a_name_are_told_apart_by_their_contents() {
        let [one, same, other] = [&b"1"[..], b"1", b"2"].map(|payload| set_aside("", payload).row().event_id);
        assert_eq!(one, same);
        assert_ne!(one, other);
    }

    #[test]
    fn people_can_read_what_is_text() {
        assert_eq!(set_aside("e", b"hello \xff").row().text(), "hello \u{fffd}");
    }

    #[test]
    fn it_is_kept_for_a_fortnight() {
        assert_eq!(set_aside("e", b"").row().expires_at, 1 + 14 * 24 * 60 * 60 + 1);
    }
}
