//! What orchestration costs for a million segments, by how long a segment takes, beside what else AWS offers.
//!
//! The invocation of the work itself and its time are the same everywhere, and left out. So are logs, and what a stack costs at
//! rest: `docs/cost.md` has both.

use std::fmt::Write as _;

use crate::prices::{
    DURABLE_OPERATIONS, EXPRESS_REQUESTS, EXPRESS_SECONDS, FAIR_QUEUE_REQUESTS, PAYLOAD_UNITS, SHARD_HOURS,
    SQS_REQUESTS, STATE_TRANSITIONS, WRITE_UNITS,
};

/// The seconds that a segment takes, a column each.
pub const SECONDS: [f64; 4] = [1.0, 30.0, 60.0, 900.0];

/// Write units of a healthy segment in batches of one, its share of a group's included. `cargo test -p system-tests cost` counts
/// it: create, claim, finish and tally, and 8 units a group of 128.
pub const WRITE_UNITS_A_SEGMENT: f64 = 4.062_5;

/// Batches of one shard that are processed at once, at most (Lambda quota of `ParallelizationFactor`).
pub const LANES_A_SHARD: f64 = 10.0;

/// SQS requests of a message in batches of one: a tenth of a `SendMessageBatch`, which takes ten, a receive and a delete.
pub const SQS_REQUESTS_A_SEGMENT: f64 = 2.1;

/// Transitions of a child of Standard type: the one that starts it, and its one state.
const STANDARD_TRANSITIONS: f64 = 2.0;

/// The memory by which an Express workflow of one state is charged: the least, 64 MB.
const EXPRESS_GB: f64 = 0.0625;

/// The longest Express workflow: five minutes (Step Functions quota).
const EXPRESS_LIMIT_SECONDS: f64 = 300.0;

const MILLION: f64 = 1_000_000.0;

/// A way to have a million segments worked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// This system, segments on Kinesis, its shards always busy.
    Kinesis,
    /// This system, segments on SQS.
    Sqs,
    /// Step Functions' Distributed Map with Standard children of one state.
    StandardMap,
    /// The same with Express children.
    ExpressMap,
    /// `map` of a Lambda durable function: one operation an item.
    Durable,
}

impl Way {
    /// Every way, in the order of the table.
    pub const ALL: [Self; 5] = [Self::Kinesis, Self::Sqs, Self::StandardMap, Self::ExpressMap, Self::Durable];

    /// As the table calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kinesis => "this, on Kinesis, shards always busy",
            Self::Sqs => "this, on SQS",
            Self::StandardMap => "Distributed Map, Standard children of one state",
            Self::ExpressMap => "Distributed Map, Express children",
            Self::Durable => "Lambda durable functions, `map`",
        }
    }

    /// The dollars for a million segments of so many seconds; `None` if it cannot take segments that long.
    #[must_use]
    pub fn dollars_a_million(self, seconds: f64) -> Option<f64> {
        let rows = WRITE_UNITS.of(WRITE_UNITS_A_SEGMENT * MILLION);
        Some(match self {
            Self::Kinesis => {
                let shard_hours = MILLION * seconds / (3_600.0 * LANES_A_SHARD);
                rows + PAYLOAD_UNITS.of(MILLION) + SHARD_HOURS.of(shard_hours)
            }
            Self::Sqs => {
                let requests = SQS_REQUESTS_A_SEGMENT * MILLION;
                rows + SQS_REQUESTS.of(requests) + FAIR_QUEUE_REQUESTS.of(requests)
            }
            Self::StandardMap => STATE_TRANSITIONS.of(STANDARD_TRANSITIONS * MILLION),
            Self::ExpressMap if seconds > EXPRESS_LIMIT_SECONDS => return None,
            // "You'll be charged one state transition for each child workflow execution that the Distributed Map state starts":
            // https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
            Self::ExpressMap => {
                let time = EXPRESS_SECONDS.of(MILLION * seconds * EXPRESS_GB);
                STATE_TRANSITIONS.of(MILLION) + EXPRESS_REQUESTS.of(MILLION) + time
            }
            Self::Durable => DURABLE_OPERATIONS.of(MILLION),
        })
    }
}

/// The table as Markdown, as README and docs have it.
#[must_use]
pub fn table() -> String {
    let mut text = String::from("| dollars a million segments of |");
    for seconds in SECONDS {
        let _ = write!(text, " {seconds} s |");
    }
    text.push_str("\n|---|");
    text.push_str(&"---:|".repeat(SECONDS.len()));
    for way in Way::ALL {
        let _ = write!(text, "\n| {} |", way.name());
        for seconds in SECONDS {
            match way.dollars_a_million(seconds) {
                Some(dollars) => {
                    let _ = write!(text, " {dollars:.2} |");
                }
                None => text.push_str(" – |"),
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dollars(way: Way, seconds: f64) -> f64 {
        way.dollars_a_million(seconds).unwrap()
    }

    #[test]
    fn a_shard_hour_is_36_000_seconds_of_segments() {
        let growth = dollars(Way::Kinesis, 60.0) - dollars(Way::Kinesis, 30.0);
        assert!((growth - 30.0 * 0.015 * 1_000_000.0 / 36_000.0).abs() < 1e-9);
    }

    #[test]
    fn the_queue_costs_the_same_at_any_duration_and_less_than_four_dollars() {
        assert!(SECONDS.iter().all(|&seconds| (dollars(Way::Sqs, seconds) - dollars(Way::Sqs, 1.0)).abs() < 1e-9));
        assert!(dollars(Way::Sqs, 900.0) < 4.0);
    }

    #[test]
    fn each_child_of_a_map_costs_a_transition() {
        assert!((dollars(Way::ExpressMap, 60.0) - 88.5).abs() < 0.05);
        assert_eq!(Way::ExpressMap.dollars_a_million(301.0), None);
        assert!((dollars(Way::StandardMap, 900.0) - 50.0).abs() < 1e-9);
    }

    #[test]
    fn the_table_has_a_row_a_way_and_a_column_a_duration() {
        let table = table();
        assert_eq!(table.lines().count(), 2 + Way::ALL.len());
        assert!(table.lines().all(|line| line.matches('|').count() == 2 + SECONDS.len()), "{table}");
    }
}
