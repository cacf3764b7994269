//! Recounts an execution from its segments' rows: what its tallies and its sums have to be.
//!
//! The rows of the segments are the truth. Nothing here reads or writes the table: a recount is a function of rows, and returns
//! [`Correction`]s for the repair to write.
//!
//! # Layout
//! - [`recount_group`]: a group, from its rows
//! - [`Sums`], [`recount_execution`]: an execution, from its tallies
//! - [`Difference`]: a value that differs, or a row that is missing

mod difference;
mod group;
mod sums;

pub use self::difference::Difference;
pub use self::group::{GroupRecount, recount_group};
pub use self::sums::{Sums, recount_execution};

use crate::operation::OverwriteIfUnchanged;

/// A row that does not agree with the rows of the segments.
#[derive(Debug, Clone, PartialEq)]
pub struct Correction<R> {
    /// What differs.
    pub differences: Vec<Difference>,
    /// The write that corrects it.
    pub write: OverwriteIfUnchanged<R>,
}
