//! The segment row: a slice of the work, and the state of it.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

use super::{Counts, Due, FailedAttempt, ItemKey};
use crate::clock::Timestamp;
use crate::id::{GroupId, SegmentId};
use crate::limits::MAX_ERROR_BYTES;

/// The status of a segment: `PENDING -> RUNNING -> SUCCEEDED | FAILED | PENDING (retry)`, and
/// `PENDING | RUNNING -> CANCELLED`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SegmentStatus {
    /// Waits for a worker, or for its retry.
    Pending,
    /// A worker has claimed it.
    Running,
    /// The work succeeded.
    Succeeded,
    /// Failed for good in this generation.
    Failed,
    /// Cancelled before it had an outcome.
    Cancelled,
}

impl SegmentStatus {
    /// Whether the segment has an outcome in this generation.
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
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The user's work returned an error that another attempt may avoid.
    Retryable,
    /// The user's work returned an error that no attempt will avoid.
    Permanent,
    /// The user's work panicked.
    Panic,
    /// The attempt reached the deadline of its invocation, or the policy's limit for a segment.
    TimedOut,
    /// The worker died: its lease ended, or its record was delivered again after the last attempt.
    WorkerLost,
    /// The output of the work cannot be stored.
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

/// The end of a message that was cut.
const CUT_MARK: &str = " … (cut)";

/// The failure of an attempt, as kept in the row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SegmentFailure {
    /// What kind of failure it is.
    pub kind: ErrorKind,
    /// What happened: the error of the work, or the words of the worker or sweeper that found it failed.
    pub message: String,
}

impl SegmentFailure {
    /// A failure, with its message cut to [`MAX_ERROR_BYTES`] so that the row stays small.
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
    /// The item's `pk`.
    #[serde(rename = "pk")]
    pub group: GroupId,
    /// The offset in the group, and the item's `sk`.
    #[serde(rename = "sk", serialize_with = "offset_to_sk", deserialize_with = "offset_from_sk")]
    pub offset: u8,
    /// The index in the execution.
    pub index: u64,
    /// What is to be done, as the source said.
    #[serde(with = "super::plan::json_text")]
    pub spec: Value,
    /// See [`SegmentStatus`].
    pub status: SegmentStatus,
    /// The generation that the status belongs to.
    pub generation: u32,
    /// Attempts made in this generation; together with the generation, the fencing token.
    pub attempt: u32,
    /// The event ID of the record that claimed it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed_by: Option<String>,
    /// The nonce of the last claim, by which a claim whose answer was lost is recognised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim_id: Option<String>,
    /// Until when the worker that has it is presumed alive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_until: Option<Timestamp>,
    /// The earliest moment of its retry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<Timestamp>,
    /// When the row was written.
    pub created_at: Timestamp,
    /// When its latest attempt began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When its latest attempt ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// Items, time and counters of the segment.
    #[serde(flatten)]
    pub counts: Counts,
    /// The result of the work, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional_json_text")]
    pub result: Option<Value>,
    /// The failure of the latest attempt that failed; removed by a success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<SegmentFailure>,
    /// The newest failed attempts, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<FailedAttempt>,
    /// How often the record of its retry was put.
    #[serde(default, skip_serializing_if = "super::tally::is_zero")]
    pub retry_puts: u32,
    /// The due moment of its retry, while it waits for one.
    #[serde(flatten)]
    pub due: Option<Due>,
}

impl SegmentRow {
    /// The beginning of every segment's sort key.
    pub const SK_PREFIX: &str = "SEGMENT#";

    /// The row of a segment that no worker has claimed.
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
            failures: Vec::new(),
            retry_puts: 0,
            due: None,
        }
    }

    /// The failed attempts that the row keeps if the attempt that it is in fails now.
    #[must_use]
    pub fn failures_with(&self, failure: &SegmentFailure, now: Timestamp) -> Vec<FailedAttempt> {
        let duration_ms = self.started_at.map_or(0, |started_at| now.millis_since(started_at));
        FailedAttempt::new((self.generation, self.attempt), failure, now, duration_ms).after(&self.failures)
    }

    /// The ID of the segment.
    #[must_use]
    pub const fn id(&self) -> SegmentId {
        self.group.segment(self.offset)
    }

    /// The item key of that segment.
    #[must_use]
    pub fn key_of(id: SegmentId) -> ItemKey {
        ItemKey { pk: id.group().to_string(), sk: sk(id.offset()) }
    }
}

/// Three digits, so that a query returns the segments of a group in order.
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
        let bare = crate::rows::to_item(&row).unwrap();
        assert_eq!(bare["sk"].as_s().unwrap(), "SEGMENT#002");
        assert!(!bare.contains_key("due_at"));
        assert_eq!(crate::rows::from_item::<SegmentRow>(bare).unwrap(), row);

        row.counts.counters.0.insert("rows".to_owned(), 3);
        row.result = Some(Value::Null);
        row.error = Some(SegmentFailure::new(ErrorKind::TimedOut, "late"));
        row.due = Some(Due::retry(id, Timestamp::from_millis(77)));
        assert_eq!(crate::rows::from_item::<SegmentRow>(crate::rows::to_item(&row).unwrap()).unwrap(), row);
    }
}
