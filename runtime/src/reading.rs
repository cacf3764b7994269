//! What is in a Kinesis record: a segment, or something that will never be one.

use control_table::limits::MAX_SEGMENTS;
use control_table::message::SegmentRecord;
use control_table::policy::InvalidPolicy;

/// Why a record is not of a segment. It would be as unreadable the next time, and everything behind it would wait.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    /// Not JSON, or not of this shape.
    #[error("it is not a segment's record: {0}")]
    Shape(#[from] serde_json::Error),
    /// A number that no scatter puts.
    #[error("{field} is {value}: a scatter puts {expected}")]
    Number { field: &'static str, value: u64, expected: &'static str },
    /// A policy that no scatter puts.
    #[error(transparent)]
    Policy(#[from] InvalidPolicy),
}

/// Reads a record, and refuses what cannot be meant: from here on its numbers are calculated with.
pub(crate) fn read(data: &[u8]) -> Result<SegmentRecord, Unreadable> {
    let record: SegmentRecord = serde_json::from_slice(data)?;
    if record.index >= MAX_SEGMENTS {
        let expected = "less than the segments a run may have";
        return Err(Unreadable::Number { field: "index", value: record.index, expected });
    }
    if record.generation == 0 {
        return Err(Unreadable::Number { field: "generation", value: 0, expected: "1 or more" });
    }
    record.policy.validate()?;
    Ok(record)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn record() -> Value {
        json!({
            "execution_id": "0193a5b0-3c1e-7d2f-8a4b-5c6d7e8f9a0b",
            "job": "job", "generation": 1, "index": 0, "spec": {}, "policy": {},
        })
    }

    fn refused(field: &str, value: Value) -> String {
        let mut record = record();
        record[field] = value;
        read(record.to_string().as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn a_segments_record_is_read_even_with_what_a_newer_scatter_may_add() {
        let mut newer = record();
        newer["colour"] = json!("blue");
        assert_eq!(read(newer.to_string().as_bytes()).unwrap().index, 0);
    }

    #[test]
    fn what_cannot_be_meant_is_refused_and_named() {
        assert!(refused("index", json!(MAX_SEGMENTS)).starts_with("index is 10000000: "));
        assert!(refused("index", json!(u64::MAX)).contains("18446744073709551615"));
        assert!(refused("generation", json!(0)).starts_with("generation is 0: "));
        assert!(refused("policy", json!({"max_attempts": 0})).starts_with("policy.max_attempts is 0: "));
        assert!(refused("policy", json!({"segment_timeout_ms": 0})).contains("segment_timeout_ms"));
        assert!(refused("job", json!("a#b")).starts_with("it is not a segment's record: "));
        assert!(read(b"\xff\xfe").is_err());
        assert!(read("[".repeat(100_000).as_bytes()).is_err(), "nesting is no way to the end of the stack");
    }
}
