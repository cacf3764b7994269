//! Which situations an exploration met: one that never meets a situation proves nothing about it.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! situations {
    ($($(#[doc = $doc:literal])* $name:ident,)*) => {
        /// Something that happens in some executions, and that the protocol has an answer to.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Situation { $($(#[doc = $doc])* $name,)* }

        impl Situation {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];
        }
    };
}

situations! {
    /// A group was committed by another scatter, or by a first try.
    CommittedByAnother,
    /// A scatter found its execution cancelled.
    ScatterStopped,
    /// The answer to a claim was lost.
    ClaimUnanswered,
    /// A claim that was sent again was recognised by its nonce.
    ClaimKnewItself,
    /// The record of an invocation that died took its segment back.
    RecordCameBack,
    /// A segment was taken over after its lease.
    TakenOver,
    /// A segment was tried again.
    Retried,
    /// A record found its segment finished.
    FoundFinished,
    /// A record found the attempts used up.
    AttemptsUsedUp,
    /// A record found its segment leased.
    Leased,
    /// A record of an older generation was dropped.
    StaleRecord,
    /// The answer to a finish was lost.
    FinishUnanswered,
    /// A finish that was sent again was recognised by its attempt.
    FinishedBefore,
    /// A worker that had lost its claim was refused.
    ClaimLost,
    /// An outcome was counted already.
    CountedBefore,
    /// An outcome of an older generation was not counted.
    StaleCount,
    /// A tally that was folded was not folded again.
    FoldRefused,
    /// An image of an older generation was not folded.
    FoldStale,
    /// Another process had completed the execution, and not yet published its event.
    CompletedBefore,
    /// A completion was attempted in an older generation.
    FinalizeStale,
    /// An event was published again.
    PublishedAgain,
    /// The answer to a cancel was lost.
    CancelUnanswered,
    /// A sealed execution was cancelled.
    CancelledRunning,
    /// An execution was cancelled during its scatter.
    CancelledScattering,
    /// A cancel was refused during a redrive.
    CancelQueued,
    /// A segment was cancelled under its worker.
    WorkerCancelled,
    /// The sweeper resumed a cancel.
    CancelResumed,
    /// The answer to the beginning of a redrive was lost.
    RedriveUnanswered,
    /// A redrive was refused before the event of the last generation.
    RedriveRefused,
    /// An interrupted redrive had un-folded the group.
    UnfoldedBefore,
    /// An un-fold came after its redrive.
    UnfoldStale,
    /// Another process had requeued the segment.
    RequeuedBefore,
    /// Another process had ended the redrive.
    RedriveEndedByAnother,
    /// The sweeper resumed a redrive.
    RedriveResumed,
    /// The sweeper resumed a scatter.
    ScatterResumed,
    /// The sweeper put a record again.
    RecordPutAgain,
    /// The sweeper counted a finished row.
    CountedBySweeper,
    /// The sweeper failed a segment whose attempts are used up.
    FailedBySweeper,
    /// The sweeper folded a tally or finalized the execution.
    FinalizedBySweeper,
    /// The event of the first generation was published.
    FirstPublished,
    /// The event of the second generation was published.
    SecondPublished,
}

/// The situations that an exploration has met, over all its threads.
#[derive(Debug, Default)]
pub struct Coverage(AtomicU64);

impl Coverage {
    pub(super) fn add(&self, situation: Situation) {
        let bit = 1_u64 << (situation as u32);
        // Read first: the line stays shared between the checker's threads.
        if self.0.load(Ordering::Relaxed) & bit == 0 {
            self.0.fetch_or(bit, Ordering::Relaxed);
        }
    }

    /// The situations that were met.
    #[must_use]
    pub fn situations(&self) -> BTreeSet<Situation> {
        let bits = self.0.load(Ordering::Relaxed);
        Situation::ALL.iter().copied().filter(|&situation| bits & (1_u64 << (situation as u32)) != 0).collect()
    }
}
