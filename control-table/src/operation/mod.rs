//! The operations of the protocol, one file each, grouped by the row that they change.
//!
//! An operation is a value. Its file has [`Operation::apply`], the transition on plain rows; [`Operation::write`], the same
//! transition as a request to `DynamoDB`; and tests of both. [`crate::ControlTable::execute`] executes it on any store. A
//! store that holds plain rows loads them, applies the operation and saves them. The `DynamoDB` store sends the request, and
//! names the outcome by `apply` on the rows that the answer has. So no second place works out why an operation was refused.
//! If `DynamoDB` refuses what `apply` allows, the two disagree, which is an error.
//!
//! Every operation may be sent again: after a failure, and if its answer was lost.
//!
//! To add an operation: a file, its `mod` line and its `pub use` line here.

mod any;
mod part;
mod write;

mod execution {
    pub mod acquire_slots;
    pub mod begin_redrive;
    pub mod cancel;
    pub mod checkpoint_progress;
    pub mod checkpoint_step;
    pub mod complete;
    pub mod end_redrive;
    pub mod flag_first_failure;
    pub mod mark_notified;
    pub mod mark_published;
    pub mod open;
    pub mod queue_cancel;
    pub mod register_counters;
    pub mod release_slots;
    pub mod seal;
    pub mod set_policy;
}
mod group {
    pub mod add_external;
    pub mod add_rows;
    pub mod commit;
    pub mod fold;
    pub mod mark_put;
    pub mod tally;
    pub mod unfold;
}
mod segment {
    pub mod cancel;
    pub mod claim;
    pub mod defer_retry;
    pub mod finish;
    pub mod release_lease;
    pub mod requeue;
}
mod add_dead_letter;
mod move_watermark;
mod overwrite_if_unchanged;
#[cfg(test)]
pub(crate) mod testing;

pub use self::add_dead_letter::{AddDeadLetter, AddDeadLetterOutcome};
pub use self::any::{AnyApplied, AnyOperation, AnyOutcome};
pub use self::execution::acquire_slots::{AcquireSlots, AcquireSlotsOutcome};
pub use self::execution::begin_redrive::{BeginRedrive, BeginRedriveOutcome};
pub use self::execution::cancel::{Cancel, CancelOutcome};
pub use self::execution::checkpoint_progress::{CheckpointProgress, CheckpointProgressOutcome};
pub use self::execution::checkpoint_step::{CheckpointStep, CheckpointStepOutcome};
pub use self::execution::complete::{Complete, CompleteOutcome};
pub use self::execution::end_redrive::{EndRedrive, EndRedriveOutcome};
pub use self::execution::flag_first_failure::{FlagFirstFailure, FlagFirstFailureOutcome};
pub use self::execution::mark_notified::{MarkNotified, MarkNotifiedOutcome};
pub use self::execution::mark_published::{MarkPublished, MarkPublishedOutcome};
pub use self::execution::open::{Open, OpenOutcome};
pub use self::execution::queue_cancel::{QueueCancel, QueueCancelOutcome};
pub use self::execution::register_counters::{RegisterCounters, RegisterCountersOutcome};
pub use self::execution::release_slots::{ReleaseSlots, ReleaseSlotsOutcome};
pub use self::execution::seal::{Seal, SealOutcome};
pub use self::execution::set_policy::{SetPolicy, SetPolicyOutcome};
pub use self::group::add_external::{AddExternal, AddExternalOutcome};
pub use self::group::add_rows::AddRows;
pub use self::group::commit::{CommitGroup, CommitGroupOutcome};
pub use self::group::fold::{Fold, FoldOutcome};
pub use self::group::mark_put::{MarkPut, MarkPutOutcome};
pub use self::group::tally::{Counted, Tally, TallyResult};
pub use self::group::unfold::{Unfold, UnfoldGroup, UnfoldOutcome};
pub use self::move_watermark::{Moment, MoveWatermark, MoveWatermarkOutcome};
pub use self::overwrite_if_unchanged::{OverwriteIfUnchanged, OverwriteOutcome};
pub use self::part::{Part, Rows, WrongRow};
pub use self::segment::cancel::{CancelSegment, CancelSegmentOutcome};
pub use self::segment::claim::{Claim, ClaimOutcome};
pub use self::segment::defer_retry::{DeferRetry, DeferRetryOutcome};
pub use self::segment::finish::{Ending, Finish, FinishOutcome};
pub use self::segment::release_lease::{ReleaseLease, ReleaseLeaseOutcome};
pub use self::segment::requeue::{Requeue, RequeueOutcome};
pub use self::write::{Change, Update, Write};

use std::fmt;

use crate::rows::{CorruptItem, RowKey};

/// A transition of the protocol.
pub trait Operation: fmt::Debug + Clone + Send + Sync + Sized + 'static {
    /// The rows of the operation: `Option<Row>` for a single row; a tuple of [`Part`]s, in the order of [`Self::keys`], for
    /// several.
    type Rows: Rows;
    /// What the operation did, or why it was refused.
    type Outcome: fmt::Debug + PartialEq + Send + 'static;

    /// The name in error messages and logs.
    const NAME: &'static str;

    /// The execution, group or segment that the operation is about, for error messages.
    fn subject(&self) -> String;

    /// The keys of the rows, each once.
    fn keys(&self) -> Vec<RowKey>;

    /// The transition on plain rows. If it is refused, no row changes.
    fn apply(&self, rows: &mut Self::Rows) -> Self::Outcome;

    /// The same transition as a request to `DynamoDB`.
    fn write(&self) -> Result<Write, CorruptItem>;

    /// The operation to send instead, after `DynamoDB` refused this one and answered with the rows in `met`: without the
    /// rows that refused, or with values that are up to date. `None` if the refusal is final; [`Self::apply`] then names the
    /// outcome.
    fn revise(&self, _met: &Self::Rows) -> Option<Self> {
        None
    }
}
