//! Add dead letter: a record that cannot be read is kept for a person to look at, so that the stream's consumer can
//! acknowledge it and continue.
//!
//! No payload may make it fail: a record that can be neither read nor kept would block its shard. So the beginning of the
//! payload is kept in base64, and every text is cut.

use chrono::TimeDelta;

use crate::clock::Timestamp;
use crate::limits::MAX_ERROR_BYTES;
use crate::operation::{Operation, Write};
use crate::rows::{CorruptItem, DeadLetterRow, DeadLetterSource, Row, RowKey, to_item};

/// Bytes of a payload that are kept: enough to recognise its writer, and far below the 400 KB of an item.
const KEPT_BYTES: usize = 16 * 1024;

/// How long a dead letter is kept.
const KEPT_FOR: TimeDelta = TimeDelta::days(14);

/// Keeps a record that cannot be read. It expires after 14 days.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct AddDeadLetter {
    /// The consumer that could not read the record.
    pub source: DeadLetterSource,
    /// The event ID of the record; empty if it has none.
    pub event_id: String,
    /// Why the record cannot be read.
    pub reason: String,
    /// The content of the record.
    pub payload: Vec<u8>,
    pub now: Timestamp,
}

/// Outcomes of [`AddDeadLetter`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddDeadLetterOutcome {
    /// Added now.
    Added,
    /// Added before: the record was delivered again.
    AlreadyAdded,
}

impl Operation for AddDeadLetter {
    type Rows = Option<DeadLetterRow>;
    type Outcome = AddDeadLetterOutcome;

    const NAME: &'static str = "add dead letter";

    fn subject(&self) -> String {
        self.row().event_id
    }

    fn keys(&self) -> Vec<RowKey> {
        vec![self.row().key()]
    }

    fn apply(&self, row: &mut Self::Rows) -> Self::Outcome {
        if row.is_some() {
            return AddDeadLetterOutcome::AlreadyAdded;
        }
        *row = Some(self.row());
        AddDeadLetterOutcome::Added
    }

    fn write(&self) -> Result<Write, CorruptItem> {
        Ok(Write::Insert(to_item(&self.row())?))
    }
}

impl AddDeadLetter {
    /// The row that it inserts.
    #[must_use]
    pub fn row(&self) -> DeadLetterRow {
        let kept = &self.payload[..self.payload.len().min(KEPT_BYTES)];
        let reason = &self.reason[..self.reason.floor_char_boundary(MAX_ERROR_BYTES)];
        DeadLetterRow {
            source: self.source,
            event_id: DeadLetterRow::usable_id(&self.event_id, &self.payload),
            reason: reason.to_owned(),
            payload: DeadLetterRow::encode(kept),
            payload_bytes: u64::try_from(self.payload.len()).unwrap_or(u64::MAX),
            recorded_at: self.now,
            expires_at: self.now.plus(KEPT_FOR).as_ttl_seconds(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::from_item;

    fn dead_letter(event_id: &str, payload: &[u8]) -> AddDeadLetter {
        AddDeadLetter {
            source: DeadLetterSource::Worker,
            event_id: event_id.to_owned(),
            reason: "é".repeat(MAX_ERROR_BYTES),
            payload: payload.to_vec(),
            now: Timestamp::from_millis(1_000),
        }
    }

    #[test]
    fn a_record_is_added_once() {
        let mut row = None;
        assert_eq!(dead_letter("e", b"first").apply(&mut row), AddDeadLetterOutcome::Added);
        let before = row.clone();
        assert_eq!(dead_letter("e", b"second").apply(&mut row), AddDeadLetterOutcome::AlreadyAdded);
        assert_eq!(row, before);
    }

    #[test]
    fn any_payload_makes_a_row_with_keys_and_bounds_that_reads_back() {
        let long = "x".repeat(5_000);
        for (event_id, payload) in [("", vec![0xff; 2_000_000]), (long.as_str(), Vec::new()), ("e", vec![0])] {
            let row = dead_letter(event_id, &payload).row();
            let key = row.key().item_key();
            assert_eq!(key.pk, "DEADLETTER#worker");
            assert!((1..=1_024).contains(&key.sk.len()), "{key:?}");
            assert!(row.payload.len() < 22_000 && row.reason.len() <= MAX_ERROR_BYTES);
            assert_eq!(row.payload_bytes, payload.len() as u64);
            assert_eq!(from_item::<DeadLetterRow>(to_item(&row).unwrap()).unwrap(), row);
        }
    }

    #[test]
    fn records_without_an_event_id_are_told_apart_by_their_content() {
        let [one, same, other] = [&b"1"[..], b"1", b"2"].map(|payload| dead_letter("", payload).row().event_id);
        assert_eq!(one, same);
        assert_ne!(one, other);
    }

    #[test]
    fn text_is_shown_as_text() {
        assert_eq!(dead_letter("e", b"hello \xff").row().text(), "hello \u{fffd}");
    }

    #[test]
    fn it_expires_after_14_days() {
        assert_eq!(dead_letter("e", b"").row().expires_at, 1 + 14 * 24 * 60 * 60 + 1);
    }
}
