//! Why something could not be looked after, or why an operation was refused.

use control_table::Error;
use control_table::id::{ExecutionId, GroupId, SegmentId};
use control_table::item::ExecutionStatus;
use gather::SettleError;
use scatter::{DispatchError, ScatterError};

/// A failed step of a sweep, or of an operation on one execution.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// The control table.
    #[error(transparent)]
    Table(#[from] Error),
    /// Records could not be put.
    #[error(transparent)]
    Dispatch(#[from] DispatchError),
    /// A scatter could not go on.
    #[error(transparent)]
    Scatter(#[from] ScatterError),
    /// A completion could not be made or published.
    #[error(transparent)]
    Settle(#[from] SettleError),
    /// An operation that this execution does not allow. Nothing was written.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A redrive met a tally that no complete execution has. It stays in REDRIVING, and goes on after a repair.
    #[error(
        "{group}: its tally is not finished and folded, though its execution was complete. Repair the execution; then its redrive goes on"
    )]
    Damaged {
        /// The group.
        group: GroupId,
    },
}

impl SweepError {
    /// Whether the same call may succeed later, as it is.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Table(error) => error.is_retryable(),
            Self::Dispatch(error) => error.is_retryable(),
            Self::Scatter(error) => error.is_retryable(),
            Self::Settle(_) => true,
            Self::Refused(refusal) => matches!(
                refusal,
                Refusal::Redriving(_) | Refusal::NotPublished(_) | Refusal::AnotherRedrive(_) | Refusal::Changed(_)
            ),
            Self::Damaged { .. } => false,
        }
    }
}

/// Why an operation was refused. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such execution.
    #[error("there is no execution {0}. `list` shows those there are")]
    Missing(ExecutionId),
    /// A cancel of an execution that is being redriven.
    #[error("{0} is being redriven: it can be cancelled as soon as that is over, within moments; try again")]
    Redriving(ExecutionId),
    /// A redrive of an execution that is not complete.
    #[error("{execution_id} is {status}: only a complete execution is redriven. Wait for its end, or cancel it", status = .status.as_str())]
    NotComplete {
        /// The execution.
        execution_id: ExecutionId,
        /// Where it stands.
        status: ExecutionStatus,
    },
    /// A redrive before the completion event of the last generation is out.
    #[error(
        "{0} is complete, and its completion event is not out yet: try again in a moment. If that does not help, the bus refuses the event: see the log of gather and sweeper"
    )]
    NotPublished(ExecutionId),
    /// A redrive of an execution that was stopped before all its segments were added.
    #[error(
        "{0} was stopped before all its segments were added, so a redrive could not make it whole: run the job again, with another key"
    )]
    NotSealed(ExecutionId),
    /// A redrive while another one, of other segments, is under way.
    #[error("another redrive of {0} is under way, of other segments: wait for the end of it")]
    AnotherRedrive(ExecutionId),
    /// A redrive that has nothing to put back.
    #[error("{0} has no segment that failed or was cancelled among those asked for: there is nothing to redrive")]
    NothingToRedrive(ExecutionId),
    /// A redrive that names a segment that succeeded.
    #[error("{0} succeeded: only segments that failed or were cancelled are put back")]
    Succeeded(SegmentId),
    /// A redrive that names segments that do not exist.
    #[error(
        "{execution_id} has only {found} of the {named} segments that are named: see `segments` for those there are"
    )]
    UnknownSegments {
        /// The execution.
        execution_id: ExecutionId,
        /// Segments that are named.
        named: u64,
        /// Those of them that exist.
        found: u64,
    },
    /// A redrive of an execution whose rows are about to be deleted.
    #[error(
        "{0} is past its retention, or within a day of it: its rows are being deleted. Run the job again, with another key"
    )]
    Expiring(ExecutionId),
    /// Somebody else changed the execution at the same time.
    #[error("{0} was changed by somebody else at the same time: look at its status, and try again")]
    Changed(ExecutionId),
}
