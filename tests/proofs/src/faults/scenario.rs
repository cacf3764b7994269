//! What a seed's run looks like: its size, its policy, and how the user's work behaves.

use std::sync::Arc;

use control_table::clock::Entropy;
use control_table::policy::{Backoff, OnTooManyFailures, Policy, Tolerance};
use runtime::{Context, Output, Segment, SegmentError, Work, work};
use serde_json::Value;

use super::random::Random;

/// The scenario of one execution.
#[derive(Debug, Clone)]
pub(super) struct Scenario {
    pub seed: u64,
    pub segments: u64,
    /// Invocations of the worker at once.
    pub workers: usize,
    /// Records of one invocation of the worker, at most.
    pub batch: usize,
    /// Scatters that are started for the same key.
    pub scatters: usize,
    /// Faults and kills before they stop.
    pub faults: u32,
    /// Of a thousand requests, those that go wrong while faults last.
    pub fault_rate: u64,
    /// Tries that the SDK makes of a request.
    pub sdk_attempts: u32,
    pub policy: Policy,
    /// The request before which the execution is cancelled, if it is.
    pub cancel_at: Option<u64>,
    /// Redrives, if there is something to redrive.
    pub redrives: u32,
}

impl Scenario {
    pub fn of(seed: u64) -> Self {
        let random = Random::from_seed(seed ^ 0x5ca7_7e12);
        // Mostly small: more executions find more than long ones. A group has 128 segments, so the long ones have two or three.
        let segments = match random.between(0, 99) {
            0 => 0,
            1..=69 => random.between(1, 8),
            70..=92 => random.between(9, 30),
            93..=97 => random.between(120, 140),
            _ => random.between(141, 300),
        };
        Self {
            seed,
            segments,
            workers: usize::try_from(random.between(1, 4)).unwrap(),
            batch: usize::try_from(random.between(1, 5)).unwrap(),
            scatters: if random.percent(30) { 2 } else { 1 },
            faults: u32::try_from(random.between(0, 25)).unwrap(),
            fault_rate: random.between(20, 250),
            sdk_attempts: u32::try_from(random.between(1, 2)).unwrap(),
            policy: policy(&random),
            cancel_at: random.percent(20).then(|| random.between(1, 20 + 6 * segments)),
            redrives: u32::try_from(random.between(0, 2)).unwrap(),
        }
    }

    /// The event that starts it.
    pub fn event(&self) -> Value {
        let codes: Vec<u64> = (0..self.segments).collect();
        serde_json::json!({
            "job": "faults",
            "key": "one",
            "source": {"type": "range", "from": 0, "to": codes.len(), "size": 1},
            "policy": self.policy,
        })
    }

    /// The user's work, in every way that work can end.
    pub fn work(&self) -> Arc<dyn Work> {
        let seed = self.seed;
        work(move |segment: Segment<Value>, context: Context| async move {
            Way::of(seed, segment.index).go(&segment, &context)
        })
    }
}

fn policy(random: &Random) -> Policy {
    let tolerated_failures = match random.between(0, 3) {
        0 => Tolerance::Count(0),
        1 => Tolerance::Count(random.between(1, 5)),
        2 => Tolerance::Share(u32::try_from(random.between(0, 5_000)).unwrap()),
        _ => Tolerance::Share(10_000),
    };
    let base_ms = random.between(0, 20_000);
    Policy {
        max_attempts: u32::try_from(random.between(1, 4)).unwrap(),
        backoff: Backoff { base_ms, cap_ms: base_ms * 4 },
        tolerated_failures,
        on_too_many_failures: if random.percent(50) { OnTooManyFailures::Stop } else { OnTooManyFailures::Finish },
        max_concurrency: random.percent(25).then(|| u32::try_from(random.between(1, 5)).unwrap()),
        execution_timeout_ms: random.percent(10).then(|| random.between(60_000, 7_200_000)),
        ..Policy::default()
    }
}

/// How the work of one segment behaves.
enum Way {
    Succeeds,
    /// Fails in so many attempts, and then succeeds.
    FailsFirst(u32),
    /// Panics in so many attempts, and then succeeds.
    PanicsFirst(u32),
    /// Fails for good in the first generation.
    FailsForGood,
    /// Fails for good, however often it is redriven.
    NeverSucceeds,
}

impl Way {
    fn of(seed: u64, index: u64) -> Self {
        let random = Entropy::from_seed(seed.wrapping_mul(1_000_003) ^ index);
        let attempts = u32::try_from(1 + random.up_to(2)).unwrap();
        match random.up_to(99) {
            0..=69 => Self::Succeeds,
            70..=79 => Self::FailsFirst(attempts),
            80..=89 => Self::PanicsFirst(attempts),
            90..=96 => Self::FailsForGood,
            _ => Self::NeverSucceeds,
        }
    }

    fn go(&self, segment: &Segment<Value>, context: &Context) -> Result<Output, SegmentError> {
        let fails = match self {
            Self::Succeeds => false,
            Self::FailsFirst(attempts) | Self::PanicsFirst(attempts) => context.attempt <= *attempts,
            Self::FailsForGood => context.generation == 1,
            Self::NeverSucceeds => true,
        };
        match self {
            // Not `panic!`: the hook would print it each time.
            Self::PanicsFirst(_) if fails => std::panic::resume_unwind(Box::new("as the scenario says")),
            Self::FailsFirst(_) if fails => Err(SegmentError::retryable("no luck")),
            _ if fails => Err(SegmentError::permanent("never")),
            _ => Ok(Output::items(1).counter("index", i64::try_from(segment.index).unwrap())),
        }
    }
}
