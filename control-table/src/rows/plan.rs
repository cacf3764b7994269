//! The plan row: the source of an execution's segments, and the job's parameters.
//!
//! It is an item of its own because every fold rewrites the execution item, and `DynamoDB` charges a write by the item's size.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ItemKey;
use crate::id::ExecutionId;
use crate::trace::TraceContext;

/// Where an execution's segments come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PlanKind {
    /// From its source: the scatter adds every segment and seals the execution.
    #[default]
    Planned,
    /// From its caller, who opens it, adds segments and seals it.
    External,
}

/// The plan item. Written once, by [`crate::operation::Open`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanRow {
    /// The item's `pk`.
    #[serde(rename = "pk")]
    pub execution_id: ExecutionId,
    /// Where the segments come from.
    pub kind: PlanKind,
    /// A digest of the source as the caller asked for it; empty if it is not known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub asked: String,
    /// The source with its defaults filled in: after a crash it yields the same segments again, in the same order.
    #[serde(with = "super::plan::json_text")]
    pub source: Value,
    /// The job's parameters; every record carries them.
    #[serde(with = "super::plan::json_text")]
    pub parameters: Value,
    /// The trace in which the execution was opened; every record carries it.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::trace::lenient")]
    pub trace: Option<TraceContext>,
}

impl PlanRow {
    /// The sort key of every plan item.
    pub const SK: &str = "PLAN";

    /// The item key of the plan of that execution.
    #[must_use]
    pub fn key_of(execution_id: ExecutionId) -> ItemKey {
        ItemKey { pk: execution_id.to_string(), sk: Self::SK.to_owned() }
    }
}

/// JSON stored as text: an attribute map would lose the difference between `1` and `1.0`, and does not allow every empty value.
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
    use crate::rows::{from_item, to_item};

    #[test]
    fn numbers_read_back_as_they_were_written() {
        // A multiplicative generator (Knuth's MMIX) visits floats of every magnitude.
        let step =
            |bits: &u64| Some(bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407));
        let floats = std::iter::successors(Some(1), step).map(f64::from_bits).filter(|float| float.is_finite());
        for number in floats.take(10_000).map(Value::from).chain([Value::from(u64::MAX), Value::from(i64::MIN)]) {
            let execution_id = ExecutionId::new(uuid::Uuid::from_u128(1));
            let plan = PlanRow {
                execution_id,
                kind: PlanKind::Planned,
                asked: String::new(),
                source: number.clone(),
                parameters: Value::Null,
                trace: None,
            };
            assert_eq!(from_item::<PlanRow>(to_item(&plan).unwrap()).unwrap().source, number);
        }
    }

    #[test]
    fn a_plan_reads_back_what_it_writes_and_a_foreign_trace_is_none() {
        let execution_id = ExecutionId::new(uuid::Uuid::from_u128(1));
        let none = PlanRow {
            execution_id,
            kind: PlanKind::Planned,
            asked: "a digest".to_owned(),
            source: Value::Null,
            parameters: Value::Null,
            trace: None,
        };
        let mut item = to_item(&none).unwrap();
        assert_eq!(item.len(), 6, "keys, kind, digest, source and parameters: {item:?}");
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
