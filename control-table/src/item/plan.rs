//! The plan: where an execution's segments come from, and what its workers are told.
//!
//! An item of its own, because every fold rewrites the execution and `DynamoDB` charges a write by the item's size.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ItemKey, Row};
use crate::id::ExecutionId;
use crate::trace::TraceContext;

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
    /// The trace that the execution was opened in; travels in each record.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::trace::lenient")]
    pub trace: Option<TraceContext>,
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

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::AttributeValue;

    use super::*;
    use crate::item::{from_item, to_item};

    #[test]
    fn a_plan_without_a_trace_is_spelled_and_read_as_before_and_a_foreign_trace_is_none() {
        let execution_id = ExecutionId::new(uuid::Uuid::from_u128(1));
        let none =
            PlanRow { execution_id, source: Value::Null, parameters: Value::Null, trace: None, expires_at: None };
        let mut item = to_item(&none).unwrap();
        assert_eq!(item.len(), 4, "keys, source and parameters: {item:?}");
        assert_eq!(from_item::<PlanRow>(item.clone()).unwrap(), none);
        for foreign in [AttributeValue::S("00-57-53-01".to_owned()), AttributeValue::N("1".to_owned())] {
            item.insert("trace".to_owned(), foreign);
            assert_eq!(from_item::<PlanRow>(item.clone()).unwrap(), none);
        }
        let traced = PlanRow { trace: TraceContext::from_header("Root=1-5759e988-bd862e3fe1be46a994272793"), ..none };
        assert!(traced.trace.is_some());
        assert_eq!(from_item::<PlanRow>(to_item(&traced).unwrap()).unwrap(), traced);
    }
}
