//! The scenarios, one a file. Each says at its head what must hold.

mod cancel;
mod conflicts;
mod counters;
mod failures;
mod flood;
mod line;
mod long_segments;
mod lost;
mod merge;
mod month;
mod paused;
mod redrive;
mod reshard;
mod retention;
mod scatter;
mod slots;
mod small_account;
mod split;

use crate::case::{Case, CaseError};
use crate::report::Report;

/// A scenario: its name, and how it is run.
pub type Scenario = (&'static str, fn(&Case) -> Result<Report, CaseError>);

/// Every scenario, the longest first.
pub const ALL: [Scenario; 21] = [
    (month::NAME, month::run),
    (redrive::NAME, redrive::run),
    (cancel::NAME, cancel::run),
    (flood::NAME, flood::run),
    (scatter::NAME, scatter::run),
    (failures::NAME, failures::run),
    (failures::ON_SQS, failures::run_on_sqs),
    (lost::ON_EIGHT_SHARDS, lost::run_on_eight_shards),
    (line::NAME, line::run),
    (paused::NAME, paused::run),
    (lost::NAME, lost::run),
    (lost::ON_SQS, lost::run_on_sqs),
    (retention::NAME, retention::run),
    (split::NAME, split::run),
    (merge::NAME, merge::run),
    (slots::NAME, slots::run),
    (long_segments::NAME, long_segments::run),
    (long_segments::ON_SQS, long_segments::run_on_sqs),
    (small_account::NAME, small_account::run),
    (conflicts::NAME, conflicts::run),
    (counters::NAME, counters::run),
];
