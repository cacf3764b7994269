//! The dead letter row: a record that could not be read, kept for a person to look at.

use std::fmt;

use aws_smithy_types::base64;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::Timestamp;

/// The consumer that could not read a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeadLetterSource {
    /// A worker, which reads the segment stream.
    Worker,
    /// The gather, which reads the stream of the control table.
    Gather,
}

impl DeadLetterSource {
    /// Both consumers.
    pub const ALL: [Self; 2] = [Self::Worker, Self::Gather];

    /// As the table and the CLI spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Worker => "worker",
            Self::Gather => "gather",
        }
    }
}

impl fmt::Display for DeadLetterSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The dead letter item. Written once, by [`crate::operation::AddDeadLetter`]. `source` and `event_id` are also its keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetterRow {
    /// The consumer that could not read the record.
    pub source: DeadLetterSource,
    /// The event ID of the record, or a name made of its content.
    pub event_id: String,
    /// Why the record could not be read.
    pub reason: String,
    /// The beginning of the record's content, in base64: it may be any bytes.
    pub payload: String,
    /// The length of the whole content, in bytes.
    pub payload_bytes: u64,
    /// When the dead letter was added.
    pub recorded_at: Timestamp,
    /// When `DynamoDB` deletes the item (TTL), in seconds since 1970.
    pub expires_at: i64,
}

/// The longest event ID that is used as a sort key, which has at most 1,024 bytes.
const MAX_EVENT_ID_BYTES: usize = 512;

impl DeadLetterRow {
    /// The beginning of every dead letter's partition key.
    pub const PK_PREFIX: &str = "DEADLETTER#";

    /// The partition key of that consumer's dead letters.
    #[must_use]
    pub fn pk_of(source: DeadLetterSource) -> String {
        format!("{}{source}", Self::PK_PREFIX)
    }

    /// The event ID as a sort key. One that is empty or too long is replaced by a name made of the content, so that the same
    /// record is still kept once.
    pub(crate) fn usable_id(event_id: &str, payload: &[u8]) -> String {
        if (1..=MAX_EVENT_ID_BYTES).contains(&event_id.len()) {
            return event_id.to_owned();
        }
        let contents = if event_id.is_empty() { payload } else { event_id.as_bytes() };
        format!("unnamed-{}", Uuid::new_v5(&Uuid::NAMESPACE_OID, contents))
    }

    pub(crate) fn encode(payload: &[u8]) -> String {
        base64::encode(payload)
    }

    /// The kept part of the payload as text; bytes that are no UTF-8 are replaced by a mark.
    #[must_use]
    pub fn text(&self) -> String {
        let bytes = base64::decode(&self.payload).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}
