//! The bill of a simulation, line by line.

use serde::Serialize;

use crate::prices::{
    EVENTS, FAIR_QUEUE_REQUESTS, LAMBDA_ARM_SECONDS, LAMBDA_REQUESTS, LOG_BYTES, PAYLOAD_UNITS, Price, READ_UNITS,
    SHARD_HOURS, SQS_REQUESTS, WRITE_UNITS,
};
use crate::usage::Usage;

/// Log bytes of an invocation: Lambda's own start and report lines, and a line of metrics. Assumed; not measured on AWS.
const LOG_BYTES_AN_INVOCATION: f64 = 1_200.0;

/// The function whose time is the user's own work.
const WORKER: &str = "worker";

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// What is charged.
    pub item: &'static str,
    /// Units.
    pub units: f64,
    /// The name of the unit.
    pub unit: &'static str,
    /// Dollars.
    pub dollars: f64,
}

impl Line {
    fn of(price: Price, units: f64) -> Self {
        Self { item: price.item, units, unit: price.unit, dollars: price.of(units) }
    }
}

/// What a simulation costs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bill {
    /// Everything but the user's own work.
    pub lines: Vec<Line>,
    /// The time of the worker function: the user's work, and the requests around it.
    pub work: Line,
}

impl Bill {
    /// The bill for that usage, with so many shard hours. The worker's requests are among the lines, its time is not.
    #[must_use]
    pub fn of(usage: &Usage, shard_hours: f64) -> Self {
        let seconds = |is_work: bool| -> f64 {
            let functions = usage.functions.iter().filter(|(name, _)| (**name == WORKER) == is_work);
            functions.map(|(_, function)| function.gb_seconds).sum()
        };
        let invocations = usage.invocations() as f64;
        let lines = [
            Line::of(WRITE_UNITS, usage.write_units as f64),
            Line::of(READ_UNITS, usage.half_read_units as f64 / 2.0),
            Line::of(SHARD_HOURS, shard_hours),
            Line::of(PAYLOAD_UNITS, usage.payload_units as f64),
            Line::of(SQS_REQUESTS, usage.queue_requests as f64),
            Line::of(FAIR_QUEUE_REQUESTS, usage.queue_requests as f64),
            Line::of(LAMBDA_REQUESTS, invocations),
            Line::of(LAMBDA_ARM_SECONDS, seconds(false)),
            Line::of(EVENTS, usage.events as f64),
            Line::of(LOG_BYTES, invocations * LOG_BYTES_AN_INVOCATION),
        ];
        let lines = lines.into_iter().filter(|line| line.units > 0.0).collect();
        Self { lines, work: Line { item: "your work (arm64)", ..Line::of(LAMBDA_ARM_SECONDS, seconds(true)) } }
    }

    /// Dollars of everything but the user's own work.
    #[must_use]
    pub fn orchestration(&self) -> f64 {
        self.lines.iter().map(|line| line.dollars).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usage::FunctionUsage;

    #[test]
    fn the_users_work_is_a_line_of_its_own() {
        let mut usage = Usage { write_units: 1_000_000, ..Usage::default() };
        let worker = FunctionUsage { invocations: 500_000, gb_seconds: 1_000_000.0, ..FunctionUsage::default() };
        usage.functions.insert(WORKER, worker);
        let bill = Bill::of(&usage, 0.0);
        assert!((bill.work.dollars - 13.3334).abs() < 1e-6);
        assert!((bill.orchestration() - (0.625 + 0.1 + 0.3)).abs() < 1e-9, "{bill:?}");
        assert_eq!(bill.lines.len(), 3, "a line without units is left out");
    }
}
