//! The bytes of a row, by which `DynamoDB` charges it: names and values of its attributes, estimated.

use control_table::rows::{AnyRow, Counts, ExecutionRow, SegmentRow, TallyRow};
use serde_json::Value;

/// The bytes of a write unit.
pub(super) const WRITE_UNIT: u64 = 1_024;

/// The bytes of a read unit.
pub(super) const READ_UNIT: u64 = 4_096;

/// The attributes that every row of the kind has, with their names. A test holds the estimate to real items.
const SEGMENT: usize = 330;
const TALLY: usize = 190;
const EXECUTION: usize = 520;
const OTHER: usize = 250;

/// The bytes of an offset in a number set, of an index in one, and of a counter beside its name.
const OFFSET: usize = 2;
const INDEX: usize = 5;
const COUNTER: usize = 6;

/// The bytes of a row.
pub(super) fn bytes(row: &AnyRow) -> u64 {
    let bytes = match row {
        AnyRow::Segment(row) => segment(row),
        AnyRow::Tally(row) => tally(row),
        AnyRow::Execution(row) => execution(row),
        AnyRow::Plan(row) => OTHER + text(&row.source) + text(&row.parameters),
        AnyRow::DeadLetter(row) => OTHER + row.payload.len(),
        AnyRow::Key(_) | AnyRow::AddMark(_) | AnyRow::Watermark(_) => OTHER,
    };
    bytes as u64
}

fn segment(row: &SegmentRow) -> usize {
    let errors = row.error.iter().map(|error| error.message.len() + 30).sum::<usize>();
    let failures = row.failures.iter().map(|failure| failure.message.len() + 60).sum::<usize>();
    SEGMENT + text(&row.spec) + row.result.as_ref().map_or(0, text) + errors + failures + counts(&row.counts)
}

fn tally(row: &TallyRow) -> usize {
    let members = row.succeeded.len() + row.failed.len() + row.cancelled.len();
    TALLY + OFFSET * members + counts(&row.counts)
}

fn execution(row: &ExecutionRow) -> usize {
    EXECUTION + INDEX * row.in_flight.len() + counts(&row.counts)
}

fn counts(counts: &Counts) -> usize {
    counts.counters.0.keys().map(|name| name.len() + COUNTER).sum()
}

fn text(value: &Value) -> usize {
    match value {
        Value::Null => 4,
        value => value.to_string().len(),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::AttributeValue;
    use control_table::clock::Timestamp;
    use control_table::id::ExecutionId;
    use control_table::rows::{Item, Row};
    use serde_json::json;

    use super::*;

    /// The bytes of an item, as AWS's documentation counts them.
    fn item_bytes(item: &Item) -> usize {
        item.iter().map(|(name, value)| name.len() + value_bytes(value)).sum()
    }

    fn value_bytes(value: &AttributeValue) -> usize {
        match value {
            AttributeValue::S(text) => text.len(),
            AttributeValue::N(number) => number.len().div_ceil(2) + 1,
            AttributeValue::Ns(numbers) => numbers.iter().map(|number| number.len().div_ceil(2) + 1).sum(),
            AttributeValue::M(map) => {
                3 + map.iter().map(|(name, value)| 1 + name.len() + value_bytes(value)).sum::<usize>()
            }
            AttributeValue::L(values) => 3 + values.iter().map(|value| 1 + value_bytes(value)).sum::<usize>(),
            AttributeValue::Bool(_) | AttributeValue::Null(_) => 1,
            other => panic!("{other:?}"),
        }
    }

    fn check(row: &AnyRow) {
        let (real, estimated) = (item_bytes(&row.to_item().unwrap()) as u64, bytes(row));
        assert!(estimated.abs_diff(real) <= 150, "{estimated} estimated, {real} in {row:?}");
    }

    #[test]
    fn the_estimate_is_near_the_real_item() {
        let execution = ExecutionId::new(uuid::Uuid::from_u128(1));
        let now = Timestamp::from_millis(1_767_225_600_000);
        let mut segment = SegmentRow::pending(execution.segment(5), json!({"from": 5, "to": 6}), 1, now);
        (segment.attempt, segment.started_at, segment.finished_at) = (1, Some(now), Some(now));
        (segment.claimed_by, segment.claim_id) =
            (Some("shardId-000000000000:00000000000000000005".to_owned()), Some("0123456789abcdef".to_owned()));
        segment.lease_until = Some(now);
        check(&segment.clone().into_any());
        segment.result = Some(json!({"at": "s3://bucket/".repeat(100)}));
        check(&segment.into_any());
        let mut tally = TallyRow::fresh(execution.group(0), 128, 1);
        tally.succeeded = (0..128).collect();
        tally.counts.counters.0 = (0..16).map(|name| (format!("counter-{name}"), 1)).collect();
        check(&tally.into_any());
    }
}
