//! **repair**: the rows are the truth. What tallies and execution have to be is counted from them, and compared.
//!
//! Nothing here reads or writes but [`Seen`]'s readers: a recount is a function of rows, and its result is a list of
//! [`Difference`]s and the [`crate::op::Restore`]s that put them right.
//!
//! # Layout
//! - [`recount_group`]: one group: its rows and its tally
//! - [`Sums`], [`recount_execution`], [`recount_key`]: the execution, once all its groups are right
//! - [`Difference`]: one thing that is wrong
//! - [`Seen`]: a row that may be damaged, as it was read
//!
//! # What is in flight is no damage
//! *finish* precedes *tally*: a row that has its outcome and is in no set may be counted within moments. So a tally is read before
//! its rows; an offset that is in a set although its row has no outcome is then always damage, and the opposite only if it stays.

mod difference;
mod execution;
mod expected;
mod group;
mod rows;
mod seen;
#[cfg(test)]
mod tests;

pub use self::difference::Difference;
pub use self::execution::{ExecutionRecount, KeyHolder, Sums, recount_execution, recount_key};
pub use self::group::{GroupRecount, Look, recount_group};
pub use self::seen::Seen;

use crate::clock::Timestamp;
use crate::id::ExecutionId;
use crate::item::{ExecutionRow, Row};
use crate::op::Restore;

/// How long a finished row may be in no set before that is damage: an invocation that finished a row counts it at once, or ends.
pub const IN_FLIGHT_MS: u64 = 60_000;

/// What the rows of a group are held against.
#[derive(Debug, Clone, Copy)]
pub struct Against<'a> {
    /// The execution, as it was read before the group.
    pub execution: &'a ExecutionRow,
    /// Whether its plan says how its groups are cut: all full but the last. An execution filled from outside has groups of any
    /// size.
    pub is_planned: bool,
    /// The present moment.
    pub now: Timestamp,
}

impl Against<'_> {
    /// Complete, and its consumers told: no segment may be waiting.
    pub(super) const fn is_over(&self) -> bool {
        let row = self.execution;
        row.status.is_terminal() && row.published_generation == row.generation
    }
}

/// A row to be put right, and what is wrong with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Correction<R: Row> {
    /// What is wrong with it.
    pub differences: Vec<Difference>,
    /// What puts it right.
    pub restore: Restore<R>,
}

/// The whole execution is gone: nothing says what it was.
#[must_use]
pub fn execution_missing(execution_id: ExecutionId, has_plan: bool, tallies: usize) -> Difference {
    let left = match (has_plan, tallies) {
        (false, 0) => {
            "Nothing of it is there: look whether the ID is right, or whether its retention is over".to_owned()
        }
        _ => format!(
            "Its job, key, policy and sums are lost (of the rest, {} and {} of its first tallies are there): it cannot be \
             made again. Run the job again with another key",
            if has_plan { "the plan" } else { "no plan" },
            if tallies == 0 { "none".to_owned() } else { tallies.to_string() },
        ),
    };
    Difference::missing(&format!("execution {execution_id}"), "the execution", format!("not repairable. {left}"))
        .beyond_repair()
}

/// The plan is gone: nothing says where the segments come from and what workers are told.
#[must_use]
pub fn plan_missing(execution: &ExecutionRow) -> Difference {
    let id = execution.execution_id;
    let what = if execution.status.is_terminal() {
        "its segments have their outcomes, and nothing waits for it; but a redrive could not put any segment back"
    } else {
        "segments that have no outcome cannot be put on the stream again. If the execution does not end by itself, cancel it \
         and run the job again with another key"
    };
    let correction = format!("not repairable. Its source and parameters are lost: {what}");
    Difference::missing(&format!("plan {id}"), "the plan", correction).beyond_repair()
}
