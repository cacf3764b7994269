//! The set-aside item: what came in and could not be read, for a person to look at.

use std::fmt;

use aws_smithy_types::base64;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{ItemKey, Row};
use crate::clock::Timestamp;

/// Who came upon it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AsideSource {
    /// A worker, on the segment stream.
    Worker,
    /// The gather, on the control table's stream.
    Gather,
}

impl AsideSource {
    /// All of them.
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

impl fmt::Display for AsideSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The set-aside item. Written once; deleted two weeks later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAsideRow {
    /// Who came upon it.
    pub source: AsideSource,
    /// The ID of the record that brought it.
    pub event_id: String,
    /// Why it could not be read.
    pub reason: String,
    /// Its beginning, in base64: it may be anything.
    pub payload: String,
    /// How long all of it is, in bytes.
    pub payload_bytes: u64,
    /// When it was set aside.
    pub set_aside_at: Timestamp,
    /// When it is deleted, in seconds since 1970 (`DynamoDB`'s TTL).
    pub expires_at: i64,
}

/// The longest ID that is kept as it is; a sort key has at most 1,024 bytes.
const MAX_EVENT_ID_BYTES: usize = 512;

impl SetAsideRow {
    /// What the partition key of set-aside items begins with.
    pub const PK_PREFIX: &str = "ASIDE#";

    /// The partition key of what that source came upon.
    #[must_use]
    pub fn pk_of(source: AsideSource) -> String {
        format!("{}{source}", Self::PK_PREFIX)
    }

    /// An event's ID as a sort key, which must be neither empty nor long: of one that is, and of none at all, a name made
    /// of the contents, so that the same record is still set aside once.
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

    /// The beginning of the payload, for people: what is no text is replaced by marks.
    #[must_use]
    pub fn text(&self) -> String {
        let bytes = base64::decode(&self.payload).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Row for SetAsideRow {
    fn key(&self) -> ItemKey {
        ItemKey { pk: Self::pk_of(self.source), sk: self.event_id.clone() }
    }
}
