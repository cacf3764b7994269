//! Decodes the data of a Kinesis record: a segment's record, or a dead letter.

use control_table::limits::{MAX_SEGMENTS, PROBES_PER_SHARD};
use control_table::message::{Probe, ProbeRecord, SegmentRecord};
use control_table::policy::InvalidPolicy;

/// Why a record is not a segment's. Repeating it would not help, and would block the records behind it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DecodeError {
    /// Not JSON, or not of this shape.
    #[error("it is not a segment's record: {0}")]
    Shape(#[from] serde_json::Error),
    /// A number that no scatter sends.
    #[error("{field} is {value}: a scatter sends {expected}")]
    Number { field: &'static str, value: u64, expected: &'static str },
    /// A policy that no scatter sends.
    #[error(transparent)]
    Policy(#[from] InvalidPolicy),
}

/// Decodes a record, and checks its numbers before the worker calculates with them.
pub(crate) fn decode(data: &[u8]) -> Result<SegmentRecord, DecodeError> {
    let record: SegmentRecord = serde_json::from_slice(data)?;
    if record.index >= MAX_SEGMENTS {
        let expected = "less than the segments that an execution may have";
        return Err(DecodeError::Number { field: "index", value: record.index, expected });
    }
    if record.generation == 0 {
        return Err(DecodeError::Number { field: "generation", value: 0, expected: "1 or more" });
    }
    record.policy.validate()?;
    Ok(record)
}

/// The probe that a record is, if it is one.
pub(crate) fn decode_probe(data: &[u8]) -> Option<Probe> {
    let ProbeRecord { probe } = serde_json::from_slice(data).ok()?;
    (probe.number < PROBES_PER_SHARD).then_some(probe)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn record() -> Value {
        json!({
            "execution_id": "0193a5b0-3c1e-7d2f-8a4b-5c6d7e8f9a0b",
            "job": "job", "key": "key", "generation": 1, "index": 0, "spec": {}, "policy": {},
        })
    }

    fn refused(field: &str, value: Value) -> String {
        let mut record = record();
        record[field] = value;
        decode(record.to_string().as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn a_record_with_a_field_of_a_newer_scatter_is_decoded() {
        let mut newer = record();
        newer["colour"] = json!("blue");
        assert_eq!(decode(newer.to_string().as_bytes()).unwrap().index, 0);
    }

    #[test]
    fn an_impossible_value_is_refused_and_named() {
        assert!(refused("index", json!(MAX_SEGMENTS)).starts_with("index is 10000000: "));
        assert!(refused("index", json!(u64::MAX)).contains("18446744073709551615"));
        assert!(refused("generation", json!(0)).starts_with("generation is 0: "));
        assert!(refused("policy", json!({"max_attempts": 0})).starts_with("policy.max_attempts is 0: "));
        assert!(refused("policy", json!({"segment_timeout_ms": 0})).contains("segment_timeout_ms"));
        assert!(refused("job", json!("a#b")).starts_with("it is not a segment's record: "));
        assert!(decode(b"\xff\xfe").is_err());
        assert!(decode("[".repeat(100_000).as_bytes()).is_err(), "deep nesting must not overflow the stack");
    }
}
