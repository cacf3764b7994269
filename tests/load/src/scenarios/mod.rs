//! The scenarios, one a file. Each says at its head what must hold.

mod cancel;
mod conflicts;
mod counters;
mod failures;
mod flood;
mod line;
mod long_segments;
mod lost;
mod month;
mod paused;
mod redrive;
mod retention;
mod scatter;
mod small_account;
mod split;

use crate::case::{Case, CaseError};
use crate::report::Report;

/// A scenario: its name, and how it is run.
pub type Scenario = (&'static str, fn(&Case) -> Result<Report, CaseError>);

/// Every scenario, the longest first.
pub const ALL: [Scenario; 15] = [
    (month::NAME, month::run),
    (redrive::NAME, redrive::run),
    (cancel::NAME, cancel::run),
    (flood::NAME, flood::run),
    (scatter::NAME, scatter::run),
    (failures::NAME, failures::run),
    (line::NAME, line::run),
    (paused::NAME, paused::run),
    (lost::NAME, lost::run),
    (retention::NAME, retention::run),
    (split::NAME, split::run),
    (long_segments::NAME, long_segments::run),
    (small_account::NAME, small_account::run),
    (conflicts::NAME, conflicts::run),
    (counters::NAME, counters::run),
];
