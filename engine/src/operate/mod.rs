//! What an operator asks of one execution, one operation a file.
//!
//! Every step of each may be repeated and interrupted: the sweeper continues with an execution whose operator's process died.

mod cancel;
mod redrive;
mod repair;
mod set;

pub use self::cancel::CancelReport;
pub use self::redrive::RedriveReport;
pub use self::repair::{RepairMode, RepairReport};
pub use self::set::LimitChange;

/// Rows of one group that are changed at once.
const ROWS_AT_ONCE: usize = 16;

/// Groups whose tallies are read at once: one `BatchGetItem`.
const GROUPS_AT_ONCE: usize = 100;
