//! The segment: one slice of the work.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

use super::{Counts, Due, ItemKey, Row};
use crate::clock::Timestamp;
use crate::id::{GroupId, SegmentId};
use crate::limits::MAX_ERROR_BYTES;

/// Where a segment stands: `PENDING -> RUNNING -> SUCCEEDED | FAILED | PENDING (retry)`, and
/// `PENDING | RUNNING -> CANCELLED`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SegmentStatus {
    /// Waiting for a worker, or for its retry.
    Pending,
    /// Claimed by a worker.
    Running,
    /// Done.
    Succeeded,
    /// Failed for good in this generation.
    Failed,
    /// Will not be done.
    Cancelled,
}

impl SegmentStatus {
    /// Whether the segment has its outcome for this generation.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }

    /// As the table and the CLI spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::Cancelled => "CANCELLED",
        }
    }
}

/// Why an attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The user's work says another attempt may help.
    Retryable,
    /// The user's work says no attempt will help.
    Permanent,
    /// The user's work panicked.
    Panic,
    /// The invocation's deadline, or the policy's limit for a segment, came first.
    TimedOut,
    /// The worker disappeared: its lease ran out, or its record came again after the last attempt.
    WorkerLost,
    /// The work's output cannot be recorded.
    InvalidOutput,
    /// Its row was lost or damaged, and a repair could not tell what had become of it.
    RowLost,
}

impl ErrorKind {
    /// Whether another attempt may help.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        match self {
            Self::Retryable | Self::Panic | Self::TimedOut => true,
            Self::Permanent | Self::WorkerLost | Self::InvalidOutput | Self::RowLost => false,
        }
    }
}

/// What ends a message that was cut.
const CUT_MARK: &str = " … (cut)";

/// The failure of an attempt, as kept in the row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentFailure {
    /// Why.
    pub kind: ErrorKind,
    /// What happened, in the words of whoever noticed.
    pub message: String,
}

impl SegmentFailure {
    /// A failure whose message is cut to [`MAX_ERROR_BYTES`], so that a row stays small whatever an error prints.
    #[must_use]
    pub fn new(kind: ErrorKind, message: &str) -> Self {
        if message.len() <= MAX_ERROR_BYTES {
            return Self { kind, message: message.to_owned() };
        }
        let mut end = MAX_ERROR_BYTES - CUT_MARK.len();
        while !message.is_char_boundary(end) {
            end -= 1;
        }
        Self { kind, message: format!("{}{CUT_MARK}", &message[..end]) }
    }
}

/// The segment item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SegmentRow {
    /// Its group, and the item's `pk`.
    #[serde(rename = "pk")]
    pub group: GroupId,
    /// Its offset in the group, and the item's `sk`.
    #[serde(rename = "sk", serialize_with = "offset_to_sk", deserialize_with = "offset_from_sk")]
    pub offset: u8,
    /// Its index in the execution.
    pub index: u64,
    /// What the source said is to be done.
    #[serde(with = "super::plan::json_text")]
    pub spec: Value,
    /// Where it stands.
    pub status: SegmentStatus,
    /// The generation that its status belongs to.
    pub generation: u32,
    /// Attempts made in this generation; with it, the fencing token.
    pub attempt: u32,
    /// The event ID of the record whose worker has it, or had it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed_by: Option<String>,
    /// The nonce of the claim, by which a claim whose answer was lost knows itself again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim_id: Option<String>,
    /// Until when the worker that has it may be presumed alive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_until: Option<Timestamp>,
    /// Not before this moment may it be tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<Timestamp>,
    /// When its row was written.
    pub created_at: Timestamp,
    /// When its latest attempt began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When its latest attempt ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// What it contributes to the tally.
    #[serde(flatten)]
    pub counts: Counts,
    /// The work's small result.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional_json_text")]
    pub result: Option<Value>,
    /// Why the latest failed attempt failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<SegmentFailure>,
    /// In the due index while it waits for a retry.
    #[serde(flatten)]
    pub due: Option<Due>,
    /// When it is deleted, in seconds since 1970 (`DynamoDB`'s TTL).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
}

impl SegmentRow {
    /// What the sort key of segment items begins with.
    pub const SK_PREFIX: &str = "SEGMENT#";

    /// A fresh row: pending, in that generation.
    #[must_use]
    pub fn pending(id: SegmentId, spec: Value, generation: u32, created_at: Timestamp) -> Self {
        Self {
            group: id.group(),
            offset: id.offset(),
            index: id.index,
            spec,
            status: SegmentStatus::Pending,
            generation,
            attempt: 0,
            claimed_by: None,
            claim_id: None,
            lease_until: None,
            retry_at: None,
            created_at,
            started_at: None,
            finished_at: None,
            counts: Counts::default(),
            result: None,
            error: None,
            due: None,
            expires_at: None,
        }
    }

    /// Which segment this is.
    #[must_use]
    pub const fn id(&self) -> SegmentId {
        self.group.segment(self.offset)
    }

    /// The keys of that segment's row.
    #[must_use]
    pub fn key_of(id: SegmentId) -> ItemKey {
        ItemKey { pk: id.group().to_string(), sk: sk(id.offset()) }
    }
}

impl Row for SegmentRow {
    fn key(&self) -> ItemKey {
        Self::key_of(self.id())
    }
}

/// Three digits, so that a query gives a group's segments in order.
fn sk(offset: u8) -> String {
    format!("{}{offset:03}", SegmentRow::SK_PREFIX)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn offset_to_sk<S: Serializer>(offset: &u8, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&sk(*offset))
}

fn offset_from_sk<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    let text = String::deserialize(deserializer)?;
    let offset = text.strip_prefix(SegmentRow::SK_PREFIX).and_then(|offset| offset.parse().ok());
    offset.ok_or_else(|| de::Error::custom(format!("{text:?} is not the sort key of a segment")))
}

/// As [`super::plan::json_text`], for a value that may be absent.
mod optional_json_text {
    use serde::{Deserialize, Deserializer, Serializer, de};
    use serde_json::Value;

    #[expect(clippy::ref_option, reason = "serde gives a reference to the field")]
    pub fn serialize<S: Serializer>(value: &Option<Value>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => super::super::plan::json_text::serialize(value, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| serde_json::from_str(&text).map_err(de::Error::custom)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ExecutionId;

    #[test]
    fn a_long_error_is_cut_at_a_character() {
        let failure = SegmentFailure::new(ErrorKind::Permanent, &"é".repeat(MAX_ERROR_BYTES));
        assert!(failure.message.len() <= MAX_ERROR_BYTES && failure.message.ends_with("(cut)"));
        assert_eq!(SegmentFailure::new(ErrorKind::Panic, "short").message, "short");
    }

    #[test]
    fn a_row_reads_back_what_it_writes() {
        let id = ExecutionId::new(uuid::Uuid::from_u128(9)).segment(130);
        let mut row = SegmentRow::pending(id, serde_json::json!({"a": [1, 1.0, ""]}), 1, Timestamp::from_millis(5));
        let bare = crate::item::to_item(&row).unwrap();
        assert_eq!(bare["sk"].as_s().unwrap(), "SEGMENT#002");
        assert!(!bare.contains_key("due_at"));
        assert_eq!(crate::item::from_item::<SegmentRow>(bare).unwrap(), row);

        row.counts.counters.0.insert("rows".to_owned(), 3);
        row.result = Some(Value::Null);
        row.error = Some(SegmentFailure::new(ErrorKind::TimedOut, "late"));
        row.due = Some(Due::segment(id, Timestamp::from_millis(77)));
        assert_eq!(crate::item::from_item::<SegmentRow>(crate::item::to_item(&row).unwrap()).unwrap(), row);
    }
}
