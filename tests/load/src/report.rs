//! The report of a scenario: one JSON line.

use chrono::TimeDelta;
use serde::Serialize;
use simulation::bill::Bill;
use simulation::usage::Usage;
use simulation::world::World;

use crate::case::Case;

/// What a scenario found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The scenario's name.
    pub scenario: &'static str,
    /// Whether everything held.
    pub ok: bool,
    /// What did not hold.
    pub why: Vec<String>,
    /// What was made smaller than the scenario says, so that it ends in time; empty if nothing was.
    pub scaled: String,
    /// What chance followed from.
    pub seed: u64,
    /// Segments of all executions.
    pub segments: u64,
    /// Records put, by segment.
    pub puts_a_segment: f64,
    /// The most records put for one segment.
    pub most_puts: u32,
    /// Records that expired unseen.
    pub expired: u64,
    /// Of all functions.
    pub invocations: u64,
    /// By segment.
    pub write_units_a_segment: f64,
    /// By segment.
    pub read_units_a_segment: f64,
    /// Everything but the work itself.
    pub dollars: f64,
    /// Until the scenario's end.
    pub hours: f64,
    /// What it would take if nothing went wrong and nothing waited.
    pub ideal_hours: f64,
    /// The longest time without an outcome.
    pub longest_gap_minutes: f64,
    /// Stalls reported, errors of functions, and messages in failure queues.
    pub false_alarms: u64,
}

/// What must hold, and what did not.
#[derive(Debug, Default)]
pub struct Checks {
    failed: Vec<String>,
}

impl Checks {
    /// Something must hold.
    pub fn holds(&mut self, what: &str, holds: bool) {
        if !holds {
            self.failed.push(what.to_owned());
        }
    }

    /// A figure must not be larger than its limit.
    pub fn at_most(&mut self, what: &str, figure: f64, limit: f64) {
        if figure.is_nan() || figure > limit {
            self.failed.push(format!("{what}: {figure:.3}, and at most {limit:.3} is allowed"));
        }
    }

    /// A time must not be longer than its limit; `None` never came.
    pub fn within(&mut self, what: &str, time: Option<TimeDelta>, limit: TimeDelta) {
        match time {
            None => self.failed.push(format!("{what}: never")),
            Some(time) => self.at_most(&format!("{what}, minutes"), minutes(time), minutes(limit)),
        }
    }
}

/// What a scenario hands in with its checks.
#[derive(Debug)]
pub struct Findings {
    /// The scenario's name.
    pub scenario: &'static str,
    /// What was made smaller.
    pub scaled: String,
    /// What chance followed from.
    pub seed: u64,
    /// Segments of all executions.
    pub segments: u64,
    /// What was used.
    pub usage: Usage,
    /// Shards.
    pub shards: usize,
    /// Stalls that were reported and were none.
    pub false_stalls: usize,
    /// The scenario's end.
    pub end: TimeDelta,
    /// The ideal end.
    pub ideal: TimeDelta,
}

impl Findings {
    /// Those of a scenario on one shard that ends now, with nothing made smaller, in which every stall that was reported was none.
    #[must_use]
    pub fn new(
        scenario: &'static str,
        case: &Case,
        world: &World,
        usage: Usage,
        segments: u64,
        ideal: TimeDelta,
    ) -> Self {
        let (false_stalls, end) = (world.bus.stalls().len(), world.elapsed());
        Self { scenario, scaled: String::new(), seed: case.seed, segments, usage, shards: 1, false_stalls, end, ideal }
    }

    /// The report.
    #[must_use]
    pub fn report(self, checks: Checks) -> Report {
        let usage = &self.usage;
        let a_segment = |units: f64| units / self.segments.max(1) as f64;
        let hours = minutes(self.end) / 60.0;
        let dollars = Bill::of(usage, hours * self.shards as f64).orchestration();
        Report {
            scenario: self.scenario,
            ok: checks.failed.is_empty(),
            why: checks.failed,
            scaled: self.scaled,
            seed: self.seed,
            segments: self.segments,
            puts_a_segment: a_segment(usage.puts as f64),
            most_puts: usage.most_puts(),
            expired: usage.expired,
            invocations: usage.invocations(),
            write_units_a_segment: a_segment(usage.write_units as f64),
            read_units_a_segment: a_segment(usage.half_read_units as f64 / 2.0),
            dollars,
            hours,
            ideal_hours: minutes(self.ideal) / 60.0,
            longest_gap_minutes: minutes(usage.longest_gap),
            false_alarms: self.false_stalls as u64 + errors(usage) + usage.failed_requests + usage.given_up,
        }
    }
}

/// Invocations that ended with an error, of all functions.
#[must_use]
pub fn errors(usage: &Usage) -> u64 {
    usage.functions.values().map(|function| function.errors).sum()
}

/// A time in minutes.
#[must_use]
pub fn minutes(time: TimeDelta) -> f64 {
    time.num_milliseconds() as f64 / 60_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_can_fail_and_says_by_how_much() {
        let mut checks = Checks::default();
        checks.at_most("puts", 1.0, 1.05);
        checks.holds("it ends", true);
        assert_eq!(checks.failed, Vec::<String>::new());
        checks.at_most("puts", 1.2, 1.05);
        checks.at_most("of nothing", f64::NAN, 1.0);
        checks.within("the end", None, TimeDelta::minutes(1));
        checks.within("the end", Some(TimeDelta::minutes(2)), TimeDelta::minutes(1));
        checks.holds("it ends", false);
        assert_eq!(checks.failed.len(), 5, "{checks:?}");
        assert_eq!(checks.failed[0], "puts: 1.200, and at most 1.050 is allowed");
    }
}
