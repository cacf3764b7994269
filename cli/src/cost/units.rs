//! What a run writes and invokes, in the units that are charged. Counted by `tests/tests/cost.rs` and `cost_of_a_retry.rs`,
//! and put into a formula here; the tests hold the one against the other.

use control_table::limits::{GROUP_SIZE, MAX_SEGMENTS, OUTCOMES_PER_TALLY};

/// Writes of a segment's row without a failure: create, claim, finish.
const ROW_WRITES: f64 = 3.0;

/// Writes of the row for each further attempt: the failure, the sweeper's moving on of its moment, the claim.
const ROW_WRITES_PER_RETRY: f64 = 3.0;

/// Changes of the due index for each further attempt: in with the failure, out and in as its moment moves on, out with the claim.
const INDEX_WRITES_PER_RETRY: f64 = 4.0;

/// Of a group, if each is folded by itself, the dearest way: its commit and its fold, two items each, in transactions, which
/// count twice.
const UNITS_PER_GROUP: f64 = 8.0;

/// Of a run: three items in the transaction that opens it (6), seal, complete, mark as published, and 6 of the indexes.
const UNITS_PER_RUN: f64 = 15.0;

/// `DynamoDB` write units of so many healthy or retried segments.
///
/// `attempts` is the average of a segment, 1 without failures. `row_kb` is a row's size in KB, of which each started one is
/// charged at each write. A batch is taken to hold segments of one group that end together, as they were counted.
pub fn write_units(segments: u64, batch_size: u32, attempts: f64, row_kb: f64) -> f64 {
    let (n, retries) = (segments as f64, attempts - 1.0);
    let row = row_kb.ceil().max(1.0);
    let rows = n * row * (ROW_WRITES + ROW_WRITES_PER_RETRY * retries) + n * INDEX_WRITES_PER_RETRY * retries;
    rows + tallies(segments, batch_size) as f64 + shared(segments)
}

/// What groups and runs cost beside their segments.
fn shared(segments: u64) -> f64 {
    let (groups, runs) = (segments.div_ceil(GROUP_SIZE), segments.div_ceil(MAX_SEGMENTS));
    groups as f64 * UNITS_PER_GROUP + runs as f64 * UNITS_PER_RUN
}

/// Updates of tallies: one a batch, and one for every [`OUTCOMES_PER_TALLY`] outcomes of a larger one.
fn tallies(segments: u64, batch_size: u32) -> u64 {
    let batch = u64::from(batch_size).clamp(1, GROUP_SIZE);
    let of = |size: u64| {
        let updates = |outcomes: u64| outcomes.div_ceil(OUTCOMES_PER_TALLY as u64);
        size / batch * updates(batch) + updates(size % batch)
    };
    segments / GROUP_SIZE * of(GROUP_SIZE) + of(segments % GROUP_SIZE)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `cargo test -p system-tests --test cost -- --nocapture` counts them: 1,280 segments in 10 groups.
    const COUNTED: [(u32, f64); 2] = [(1, 4.0742), (10, 3.1758)];

    #[test]
    fn the_formula_gives_what_was_counted() {
        for (batch_size, counted) in COUNTED {
            let each = write_units(1_280, batch_size, 1.0, 1.0) / 1_280.0;
            assert!((each - counted).abs() < 5e-5, "in batches of {batch_size}: {each}, counted {counted}");
        }
    }

    #[test]
    fn a_batch_is_counted_by_25_outcomes_and_by_group() {
        for (segments, batch_size, updates) in [
            (128, 1, 128),
            (128, 10, 13),
            (128, 25, 6),
            (128, 26, 9),
            (128, 100, 6),
            (256, 10_000, 12),
            (3, 2, 2),
            (129, 128, 7),
        ] {
            assert_eq!(tallies(segments, batch_size), updates, "{segments} in batches of {batch_size}");
        }
    }

    #[test]
    fn a_larger_row_is_charged_at_each_write_of_it_and_a_tally_is_not() {
        let [small, large] = [1.0, 2.5].map(|row_kb| write_units(128, 1, 1.0, row_kb));
        assert!((large - small - 128.0 * 3.0 * 2.0).abs() < 1e-9);
        assert!((write_units(128, 1, 1.0, 0.3) - small).abs() < 1e-9, "a started kilobyte is a whole one");
    }

    #[test]
    fn another_attempt_is_seven_units() {
        let [once, twice] = [1.0, 2.0].map(|attempts| write_units(128, 1, attempts, 1.0));
        assert!((twice - once - 128.0 * 7.0).abs() < 1e-9);
    }
}
