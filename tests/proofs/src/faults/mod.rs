//! Fault injection, seeded: the functions' own handlers against the embedded `DynamoDB`, with everything in between in the
//! hands of a seed.
//!
//! A seed chooses the scenario of an execution, the order of every request of every invocation, and what becomes of it: answered,
//! throttled, lost, applied with the answer lost, or the last thing its process did. It chooses which records of either stream
//! are lost, repeated or late, and when leases and retries fall due. Faults are bounded; after them the execution must complete with
//! only the sweeper's help. The same seed gives the same execution, request by request.
//!
//! # Layout
//! - [`FaultRun`], [`Report`]: one seed, from its scenario to its verdict
//! - `run`: what happens next; `invocation`: the handlers as tasks that can be killed
//! - `network`: where requests wait for their fate; `services`: what answers them
//! - `world`: services and functions of one execution; `scenario`: its size, policy and work; `verdict`: what must hold at its end
//! - [`many`]: many seeds, on as many threads as are asked for

mod invocation;
mod many;
mod network;
mod random;
mod run;
mod scenario;
mod services;
mod trace;
mod verdict;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

use self::run::Run;

pub use self::many::{Tally, many};
pub use self::run::Counts;

/// A step that is broken on purpose: the harness must see it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sabotage {
    /// None is.
    #[default]
    None,
    /// The first record is lost for ever, and there is no sweeper.
    LosesARecord,
    /// Every outcome is counted twice, past the condition.
    CountsTwice,
}

/// The execution of one seed.
#[derive(Debug, Clone, Copy, Default)]
pub struct FaultRun {
    /// It decides everything.
    pub seed: u64,
    /// What is broken on purpose.
    pub sabotage: Sabotage,
    /// Whether the trace is kept line by line.
    pub keeps_lines: bool,
}

/// What a seed came to.
#[derive(Debug, Clone)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// The trace as one number: the same whenever the seed is run.
    pub trace: u64,
    /// What it came to.
    pub counts: Counts,
    /// What did not hold, if anything.
    pub violation: Option<String>,
    /// The trace, if it was to be kept.
    pub lines: Vec<String>,
}

impl FaultRun {
    /// That seed, with nothing broken.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }

    /// Runs it, on a runtime of its own whose time stands still while anybody can go on.
    #[must_use]
    pub fn report(self) -> Report {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let mut run = runtime.block_on(Run::new(self.seed, self.sabotage, self.keeps_lines));
        let outcome = catch_unwind(AssertUnwindSafe(|| runtime.block_on(run.go())));
        let violation = match outcome {
            Ok(outcome) => outcome.err(),
            Err(panic) => Some(crate::conformance::message(&*panic)),
        };
        let (trace, counts) = (run.trace.hash(), run.counts);
        Report { seed: self.seed, trace, counts, violation, lines: run.trace.into_lines() }
    }
}
