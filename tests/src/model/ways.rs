//! What a run of the model came across: a run that never takes an interesting way proves nothing about it.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! ways {
    ($($(#[doc = $doc:literal])* $name:ident,)*) => {
        /// Something that happens in some runs, and that the protocol has an answer to.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Way { $($(#[doc = $doc])* $name,)* }

        impl Way {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];
        }
    };
}

ways! {
    /// A group was committed by another scatter, or by a first try.
    CommittedByAnother,
    /// A scatter found its execution cancelled.
    ScatterStopped,
    /// The answer to a claim was lost.
    ClaimUnanswered,
    /// A claim that was sent again knew itself.
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
    /// A finish that was sent again knew itself.
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
    /// Somebody else had completed the execution, and not yet published it.
    CompletedBefore,
    /// A completion was attempted in a generation that is over.
    SettleStale,
    /// An event was published again.
    PublishedAgain,
    /// The answer to a cancel was lost.
    CancelUnanswered,
    /// A sealed execution was cancelled.
    CancelledRunning,
    /// An execution was cancelled during its scatter.
    CancelledScattering,
    /// A cancel was refused during a redrive.
    CancelRefused,
    /// A segment was cancelled under its worker.
    WorkerCancelled,
    /// The sweeper went on with a cancel.
    CancelResumed,
    /// The answer to the beginning of a redrive was lost.
    RedriveUnanswered,
    /// A redrive was refused before the event of the last generation.
    RedriveRefused,
    /// A group had been un-folded by an interrupted redrive.
    UnfoldedBefore,
    /// An un-fold came after its redrive.
    UnfoldStale,
    /// A row had been put back by another.
    PutBackBefore,
    /// A redrive was ended by another.
    RedriveEndedByAnother,
    /// The sweeper went on with a redrive.
    RedriveResumed,
    /// The sweeper went on with a scatter.
    ScatterResumed,
    /// The sweeper put a record again.
    RecordPutAgain,
    /// The sweeper counted a finished row.
    CountedBySweeper,
    /// The sweeper failed a segment whose attempts are used up.
    FailedBySweeper,
    /// The sweeper folded or settled.
    SettledBySweeper,
    /// The first generation's event is out.
    FirstPublished,
    /// The second generation's event is out.
    SecondPublished,
}

/// The ways that a run has taken, over all its threads.
#[derive(Debug, Default)]
pub struct Reached(AtomicU64);

impl Reached {
    pub(super) fn reach(&self, way: Way) {
        let bit = 1_u64 << (way as u32);
        // Read first: the line stays shared between the checker's threads.
        if self.0.load(Ordering::Relaxed) & bit == 0 {
            self.0.fetch_or(bit, Ordering::Relaxed);
        }
    }

    /// The ways that were taken.
    #[must_use]
    pub fn ways(&self) -> BTreeSet<Way> {
        let bits = self.0.load(Ordering::Relaxed);
        Way::ALL.iter().copied().filter(|&way| bits & (1_u64 << (way as u32)) != 0).collect()
    }
}
