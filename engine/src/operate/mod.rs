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

/// Groups that a long step is through with between two checkpoints: some 2,000 rows, which take a second or a few.
const GROUPS_PER_CHECKPOINT: u64 = 16;

/// Groups whose tallies are read at once: one `BatchGetItem`.
const GROUPS_AT_ONCE: usize = 100;
