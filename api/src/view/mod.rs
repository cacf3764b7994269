//! What callers are shown, the same by HTTP and by `scatterctl --json`: one file a thing.

mod execution;
mod failures;
mod indexes;
mod outcome;
mod segment;
mod telling_line;

pub use self::execution::{ExecutionView, Retrying};
pub use self::failures::{Failure, FailureCount, Failures};
pub use self::outcome::OutcomeView;
pub use self::segment::SegmentView;
pub use self::telling_line::telling_line;
