//! What others take for the same load: for the orchestration alone, since the invocations and the work cost the same everywhere.

use super::Load;
use super::estimate::Estimate;
use super::price::{self, DURABLE_OPERATION, EXPRESS_GB_HOUR, EXPRESS_REQUEST, STATE_TRANSITION};

/// The longest that an Express child may take, in seconds.
const EXPRESS_MAX_SECONDS: f64 = 300.0;

/// Express is charged by started tenths of a second.
const EXPRESS_TENTHS: f64 = 10.0;

/// The least memory that Express charges, in gigabytes: 64 MB, enough for a small state.
const EXPRESS_GB: f64 = 0.0625;

const SECONDS_PER_HOUR: f64 = 3_600.0;

/// Another way to do it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Other {
    /// Its name.
    pub name: &'static str,
    /// Its name in JSON.
    pub key: &'static str,
    /// In US dollars; `None` if it cannot do it.
    pub dollars: Option<f64>,
    /// How it was reckoned, or why it cannot.
    pub how: &'static str,
}

/// All of them.
pub fn all(load: &Load) -> [Other; 3] {
    [
        Other {
            name: "Step Functions, Distributed Map, Standard",
            key: "step_functions_standard",
            dollars: Some(standard(load)),
            how: "one state transition a child and a retry, at least",
        },
        express(load),
        Other {
            name: "Lambda durable functions, map",
            key: "lambda_durable_functions",
            dollars: Some(DURABLE_OPERATION.of(load.segments as f64)),
            how: "one operation a segment, at least; checkpoints and retries are not in it",
        },
    ]
}

/// Children that are worked, with their batches (`ItemBatcher`) and repetitions.
fn children(load: &Load) -> f64 {
    load.segments as f64 * load.attempts / f64::from(load.batch_size)
}

fn standard(load: &Load) -> f64 {
    STATE_TRANSITION.of(children(load))
}

fn express(load: &Load) -> Other {
    let (name, key) = ("Step Functions, Distributed Map, Express", "step_functions_express");
    if load.seconds > EXPRESS_MAX_SECONDS {
        return Other { name, key, dollars: None, how: "cannot: a child may take five minutes at most" };
    }
    let children_started = load.segments as f64 / f64::from(load.batch_size);
    let billed_seconds = (load.seconds * EXPRESS_TENTHS).ceil() / EXPRESS_TENTHS;
    let gb_hours = children(load) * billed_seconds * EXPRESS_GB / SECONDS_PER_HOUR;
    let dollars = EXPRESS_REQUEST.of(children_started) + price::tiered(&EXPRESS_GB_HOUR, gb_hours);
    Other { name, key, dollars: Some(dollars), how: "one request a child, and its time at 64 MB" }
}

/// From where on this system costs less than another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BreakEven {
    /// The seconds a segment from which on this costs less than Express, what stands left aside, at Express's first tier;
    /// `None` if it costs less at any length.
    pub express_seconds: Option<f64>,
    /// The segments from which on this costs less than Standard, what stands included; `None` if it never does.
    pub standard_segments: Option<f64>,
}

impl BreakEven {
    /// Of loads like this one.
    pub fn of(load: &Load, bill: &Estimate) -> Self {
        let segments = load.segments as f64;
        let ours = bill.orchestration() / segments;
        let batch = f64::from(load.batch_size);
        let a_second = EXPRESS_GB_HOUR[0].1.of(EXPRESS_GB / SECONDS_PER_HOUR) * load.attempts / batch;
        let seconds = (ours - EXPRESS_REQUEST.of(1.0) / batch) / a_second;
        let saved = standard(load) / segments - ours;
        Self {
            express_seconds: (seconds > 0.0).then_some(seconds),
            standard_segments: (saved > 0.0).then(|| (bill.standing.dollars() / saved).ceil()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{MILLION, assert_near};
    use super::*;

    fn dollars(load: &Load) -> [Option<f64>; 3] {
        let cents = |dollars: f64| (dollars * 100.0).round() / 100.0;
        all(load).map(|other| other.dollars.map(cents))
    }

    #[test]
    fn a_million_costs_what_the_document_says() {
        assert_eq!(dollars(&MILLION), [Some(25.0), Some(2.04), Some(8.0)]);
        assert_eq!(dollars(&Load { seconds: 60.0, ..MILLION }), [Some(25.0), Some(62.25), Some(8.0)]);
        assert_eq!(dollars(&Load { seconds: 301.0, ..MILLION }), [Some(25.0), None, Some(8.0)]);
    }

    #[test]
    fn a_batch_is_one_child() {
        assert_eq!(dollars(&Load { batch_size: 100, ..MILLION }), [Some(0.25), Some(0.02), Some(8.0)]);
    }

    #[test]
    fn a_tenth_that_was_begun_is_charged() {
        let [short, tenth] = [0.01, 0.1].map(|seconds| express(&Load { seconds, ..MILLION }).dollars.unwrap());
        assert_near(short, tenth);
    }

    #[test]
    fn at_the_break_even_both_cost_the_same() {
        let bill = Estimate::of(&MILLION);
        let at = BreakEven::of(&MILLION, &bill);
        let seconds = at.express_seconds.unwrap();
        assert!((1.4..1.6).contains(&seconds), "{seconds}");
        let [sooner, later] =
            [-0.1, 0.1].map(|by| express(&Load { seconds: seconds + by, ..MILLION }).dollars.unwrap());
        assert!(sooner < bill.orchestration() && bill.orchestration() < later, "{sooner} {later}");

        let segments = at.standard_segments.unwrap();
        let standard = STATE_TRANSITION.of(segments);
        let ours = bill.orchestration() / 1e6 * segments + bill.standing.dollars();
        assert!((standard - ours).abs() < 0.01, "{standard} {ours}");
    }

    #[test]
    fn large_batches_make_standard_the_cheaper_one() {
        let load = Load { batch_size: 100, ..MILLION };
        assert_eq!(BreakEven::of(&load, &Estimate::of(&load)).standard_segments, None);
    }
}
