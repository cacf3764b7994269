//! The part of a job that is simulated.
//!
//! Fewer segments on as many fewer lanes take as long, so a large job first loses lanes, down to one. What is left of it beyond the
//! limit is cut in time, and the records' retention with it.

use std::time::Duration;

use chrono::TimeDelta;

use super::{Job, LANES};
use crate::usage::{FunctionUsage, Usage};

/// Segments that are simulated at most: some seconds of a debug build.
const SEGMENTS: u64 = 10_000;

/// A function whose invocations follow time, not segments.
const SWEEPER: &str = "sweeper";

/// The simulated part.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Part {
    pub segments: u64,
    pub shards: usize,
    pub lanes: usize,
    /// The segments of the whole.
    whole_segments: u64,
    /// The lanes of the whole.
    whole_lanes: usize,
    /// The share of its time that is simulated.
    time: f64,
}

impl Part {
    /// A part of so many segments on so many lanes.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "shares of numbers that fit")]
    pub fn of(segments: u64, workers: usize) -> Self {
        let (whole_segments, whole_lanes) = (segments.max(1), workers.max(1));
        let share = (SEGMENTS as f64 / whole_segments as f64).min(1.0);
        let all_lanes = ((whole_lanes as f64 * share) as usize).max(1);
        let shards = all_lanes.div_ceil(LANES);
        let lanes = all_lanes / shards;
        let as_long = whole_segments as f64 * (shards * lanes) as f64 / whole_lanes as f64;
        let segments = (as_long as u64).clamp(1, SEGMENTS);
        Self { segments, shards, lanes, whole_segments, whole_lanes, time: segments as f64 / as_long.max(1.0) }
    }

    pub const fn workers(&self) -> usize {
        self.shards * self.lanes
    }

    /// The time of the part, if nothing waits.
    pub fn ideal(&self, job: &Job) -> TimeDelta {
        let seconds = self.segments as f64 * job.mean_seconds() / self.workers() as f64;
        TimeDelta::from_std(Duration::from_secs_f64(seconds)).unwrap_or(TimeDelta::MAX)
    }

    /// A limit of the account, for the part; with some to spare for the functions that are not workers.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "less than the limit")]
    pub fn share_of(&self, limit: usize) -> usize {
        (limit as f64 * self.workers() as f64 / self.whole_lanes as f64) as usize + LANES
    }

    /// A limit of a shard, for one of the part's: it has fewer lanes.
    pub const fn of_a_shard(&self, limit: u64) -> u64 {
        limit * self.lanes as u64 / LANES as u64
    }

    /// A time, as it is in the part.
    pub fn of_time(&self, time: Duration) -> Duration {
        time.mul_f64(self.time)
    }

    /// A time of the part, as it is in the whole.
    pub fn whole_time(&self, hours: f64) -> f64 {
        hours / self.time
    }

    /// What the whole uses: as many times the part's as it has segments; the sweeper as many times as it takes longer.
    pub fn whole(&self, usage: &Usage) -> Usage {
        let by_segments = self.whole_segments as f64 / self.segments as f64;
        let more = |count: u64| times(count, by_segments);
        let functions = usage.functions.iter().map(|(name, function)| {
            let factor = if *name == SWEEPER { 1.0 / self.time } else { by_segments };
            (*name, function_times(function, factor))
        });
        Usage {
            write_units: more(usage.write_units),
            half_read_units: more(usage.half_read_units),
            payload_units: more(usage.payload_units),
            queue_requests: more(usage.queue_requests),
            puts: more(usage.puts),
            events: usage.events,
            functions: functions.collect(),
            ..Usage::default()
        }
    }
}

fn function_times(function: &FunctionUsage, factor: f64) -> FunctionUsage {
    FunctionUsage {
        invocations: times(function.invocations, factor),
        gb_seconds: function.gb_seconds * factor,
        errors: times(function.errors, factor),
        throttles: times(function.throttles, factor),
        cold_starts: function.cold_starts,
        most_at_once: function.most_at_once,
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts")]
fn times(count: u64, factor: f64) -> u64 {
    (count as f64 * factor).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_job_is_simulated_whole() {
        let part = Part::of(9_000, 40);
        assert_eq!((part.segments, part.workers()), (9_000, 40));
        assert!((part.whole_time(1.0) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_large_job_loses_lanes_first_and_takes_as_long() {
        let part = Part::of(1_000_000, 1_600);
        assert_eq!((part.segments, part.shards, part.lanes), (10_000, 2, 8));
        assert!((part.whole_time(1.0) - 1.0).abs() < 1e-9);
        assert_eq!(part.of_a_shard(1_000), 800);
    }

    #[test]
    fn what_one_lane_cannot_do_is_cut_in_time() {
        let part = Part::of(1_000_000, 10);
        assert_eq!((part.segments, part.workers()), (10_000, 1));
        assert!((part.whole_time(1.0) - 10.0).abs() < 1e-9);
        assert_eq!(part.of_time(Duration::from_hours(24)), Duration::from_mins(144));
        let usage = Usage { write_units: 40_625, ..Usage::default() };
        assert_eq!(part.whole(&usage).write_units, 4_062_500);
    }
}
