//! The operations of the protocol, one file each.
//!
//! A file has three things side by side: `apply`, what the operation means on plain values; the expression that says the
//! same to `DynamoDB`; and tests. A condition that does not hold brings back the item it met, and `apply` on that item
//! names the outcome: so the reason for a refusal is never worked out in a second place. If `apply` would have allowed
//! what `DynamoDB` refused, the two disagree, and that is an error of its own.

mod add_rows;
mod append;
mod begin_redrive;
mod cancel;
mod cancel_row;
mod claim;
mod commit_group;
mod complete;
mod end_redrive;
mod finish;
mod fold;
mod free_slot;
mod hand_out;
mod note_failure;
mod observe;
mod open;
mod publish;
mod put_back;
mod release;
mod reschedule;
mod restore;
mod seal;
mod set_aside;
mod set_policy;
mod tally;
mod tell;
#[cfg(test)]
mod testing;
mod unfold;

pub use self::add_rows::AddRows;
pub use self::append::{Append, AppendOutcome};
pub use self::begin_redrive::{BeginRedrive, BeginRedriveOutcome};
pub use self::cancel::{Cancel, CancelOutcome};
pub use self::cancel_row::{CancelRow, CancelRowOutcome};
pub use self::claim::{Claim, ClaimOutcome};
pub use self::commit_group::{CommitGroup, CommitGroupOutcome};
pub use self::complete::{Complete, CompleteOutcome};
pub use self::end_redrive::{EndRedrive, EndRedriveOutcome};
pub use self::finish::{Ending, Finish, FinishOutcome};
pub use self::fold::{Fold, FoldOutcome};
pub use self::free_slot::{FreeSlot, FreeSlotOutcome};
pub use self::hand_out::{HandOut, HandOutOutcome};
pub use self::note_failure::{NoteFailure, NoteFailureOutcome};
pub use self::observe::{Observe, ObserveOutcome};
pub use self::open::{Open, OpenOutcome};
pub use self::publish::{MarkPublished, MarkPublishedOutcome};
pub use self::put_back::{PutBack, PutBackOutcome};
pub use self::release::{Release, ReleaseOutcome};
pub use self::reschedule::{Reschedule, RescheduleOutcome};
pub use self::restore::{Restore, RestoreOutcome};
pub use self::seal::{Seal, SealOutcome};
pub use self::set_aside::{SetAside, SetAsideOutcome};
pub use self::set_policy::{SetPolicy, SetPolicyOutcome};
pub use self::tally::{Counted, Tally, TallyResult};
pub use self::tell::{Tell, TellOutcome};
pub use self::unfold::{Unfold, UnfoldOutcome};
