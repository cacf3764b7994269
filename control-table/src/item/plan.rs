//! The plan: where an execution's segments come from, and what its workers are told.
//!
//! An item of its own, because every fold rewrites the execution and `DynamoDB` charges a write by the item's size.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ItemKey, Row};
use crate::id::ExecutionId;

/// The plan item. Written once, by `open`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanRow {
    /// The execution, and the item's `pk`.
    #[serde(rename = "pk")]
    pub execution_id: ExecutionId,
    /// The resolved source: enough to give the same segments again, in the same order, after a crash.
    #[serde(with = "super::plan::json_text")]
    pub source: Value,
    /// What every worker is told; travels in each record.
    #[serde(with = "super::plan::json_text")]
    pub parameters: Value,
    /// When it is deleted, in seconds since 1970 (`DynamoDB`'s TTL).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
}

impl PlanRow {
    /// The sort key of plan items.
    pub const SK: &str = "PLAN";

    /// The keys of the plan of that execution.
    #[must_use]
    pub fn key_of(execution_id: ExecutionId) -> ItemKey {
        ItemKey { pk: execution_id.to_string(), sk: Self::SK.to_owned() }
    }
}

impl Row for PlanRow {
    fn key(&self) -> ItemKey {
        Self::key_of(self.execution_id)
    }
}

/// JSON kept as text: an attribute map would lose the difference between `1` and `1.0`, and forbids some empty values.
pub(super) mod json_text {
    use serde::{Deserialize, Deserializer, Serializer, de, ser};
    use serde_json::Value;

    pub fn serialize<S: Serializer>(value: &Value, serializer: S) -> Result<S::Ok, S::Error> {
        let text = serde_json::to_string(value).map_err(ser::Error::custom)?;
        serializer.serialize_str(&text)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        let text = String::deserialize(deserializer)?;
        serde_json::from_str(&text).map_err(de::Error::custom)
    }
}
