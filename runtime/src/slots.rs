//! The slots of a worker that serves: as many segments are worked on at once as it has.
//!
//! A claim is a write, and a slot that waits for it is idle: with segments of 20 ms, for 2 % of its time. So while segments are short, the
//! next ones are claimed ahead, and each begins as soon as a slot is free. Long segments are claimed when a slot is free: a segment that
//! waits for minutes should not look like one that is worked on.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

/// A segment is short if it has its slot for less than that. A choice: the longest that a segment which is claimed ahead waits as a rule.
const SHORT: Duration = Duration::from_millis(250);

/// How long a segment that is claimed ahead waits for a slot at most. Its lease, which counts from the claim, has a margin of ten seconds
/// for it (the default of `lease_margin`).
const WAIT_MAX: Duration = Duration::from_secs(1);

/// The slots of one worker.
#[derive(Debug)]
pub(crate) struct Slots {
    at_once: usize,
    free: Arc<Semaphore>,
    /// Room for segments that are claimed ahead: one for each slot.
    ahead: Arc<Semaphore>,
    /// Segments in a row that were short.
    short: AtomicUsize,
}

/// What a record needs before its segment may be claimed.
#[derive(Debug)]
pub(crate) enum Admission {
    /// A slot, which is free.
    Slot(Arc<Slots>, OwnedSemaphorePermit),
    /// A slot will soon be free, or is.
    Ahead(Arc<Slots>, OwnedSemaphorePermit),
}

/// A slot that is taken, until this is dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    slots: Arc<Slots>,
    since: Instant,
    /// Goes last: the next segment sees how long this one took.
    _permit: OwnedSemaphorePermit,
}

impl Slots {
    pub fn new(at_once: usize) -> Arc<Self> {
        let at_once = at_once.clamp(1, Semaphore::MAX_PERMITS);
        let semaphore = || Arc::new(Semaphore::new(at_once));
        Arc::new(Self { at_once, free: semaphore(), ahead: semaphore(), short: AtomicUsize::new(0) })
    }

    /// Waits until a segment may be claimed. While segments are short, this takes no slot: those that are claimed already need it, and the
    /// next record may be long in coming.
    pub async fn admit(self: Arc<Self>) -> Option<Admission> {
        while self.are_short() {
            let room = Arc::clone(&self.ahead).acquire_owned().await.ok()?;
            // There may have been long ones while this waited.
            if self.are_short() {
                return Some(Admission::Ahead(self, room));
            }
        }
        let permit = Arc::clone(&self.free).acquire_owned().await.ok()?;
        Some(Admission::Slot(self, permit))
    }

    /// Whether each slot's segment was short, lately.
    fn are_short(&self) -> bool {
        self.short.load(Ordering::Relaxed) >= self.at_once
    }

    fn slot(self: &Arc<Self>, permit: OwnedSemaphorePermit) -> Slot {
        Slot { slots: Arc::clone(self), since: Instant::now(), _permit: permit }
    }
}

impl Admission {
    /// With a slot, if one is free: for when the record has come.
    pub fn with_free_slot(self) -> Self {
        match self {
            Self::Ahead(slots, room) => match Arc::clone(&slots.free).try_acquire_owned() {
                Ok(permit) => Self::Slot(slots, permit),
                Err(_) => Self::Ahead(slots, room),
            },
            slot @ Self::Slot(..) => slot,
        }
    }

    /// Waits for the slot, in which the segment's time begins; `None` if it is not free soon.
    pub async fn slot(self) -> Option<Slot> {
        match self {
            Self::Slot(slots, permit) => Some(slots.slot(permit)),
            Self::Ahead(slots, _room) => {
                let permit = timeout(WAIT_MAX, Arc::clone(&slots.free).acquire_owned()).await.ok()?;
                Some(slots.slot(permit.ok()?))
            }
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let short = &self.slots.short;
        if self.since.elapsed() < SHORT {
            short.fetch_add(1, Ordering::Relaxed);
        } else {
            short.store(0, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use tokio::time::advance;

    use super::*;

    async fn slot(slots: &Arc<Slots>) -> Slot {
        Arc::clone(slots).admit().await.expect("open").slot().await.expect("a slot")
    }

    fn admitted(slots: &Arc<Slots>) -> Option<Admission> {
        Arc::clone(slots).admit().now_or_never().flatten().map(Admission::with_free_slot)
    }

    /// Slots whose segments were short.
    async fn quick(at_once: usize) -> Arc<Slots> {
        let slots = Slots::new(at_once);
        for _ in 0..at_once {
            drop(slot(&slots).await);
        }
        slots
    }

    #[tokio::test(start_paused = true)]
    async fn a_segment_is_claimed_ahead_only_after_short_ones() {
        let slots = Slots::new(2);
        let (one, two) = (slot(&slots).await, slot(&slots).await);
        assert!(admitted(&slots).is_none(), "nothing is known yet");
        drop((one, two));
        let taken = (slot(&slots).await, slot(&slots).await);
        let ahead = (admitted(&slots), admitted(&slots));
        assert!(matches!(ahead, (Some(Admission::Ahead(..)), Some(Admission::Ahead(..)))));
        assert!(admitted(&slots).is_none(), "one for each slot");
        advance(SHORT).await;
        drop((taken, ahead));
        let _taken = (slot(&slots).await, slot(&slots).await);
        assert!(admitted(&slots).is_none(), "segments have become long");
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_that_was_claimed_ahead_has_the_next_slot() {
        let slots = quick(1).await;
        let taken = slot(&slots).await;
        let ahead = admitted(&slots).expect("room ahead");
        let mut next = Box::pin(ahead.slot());
        assert!((&mut next).now_or_never().is_none());
        drop(taken);
        assert!(admitted(&slots).is_none(), "the slot is promised");
        assert!(next.await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_for_a_record_takes_no_slot_from_a_segment_that_is_claimed() {
        let slots = quick(2).await;
        let taken = (slot(&slots).await, slot(&slots).await);
        let ahead = admitted(&slots).expect("room ahead");
        let waits = Arc::clone(&slots).admit().await.expect("open");
        drop(taken);
        assert!(ahead.slot().await.is_some());
        assert!(matches!(waits.with_free_slot(), Admission::Slot(..)), "the record has come, and a slot is free");
    }

    #[tokio::test(start_paused = true)]
    async fn the_wait_for_a_record_does_not_make_its_segment_long() {
        let slots = Slots::new(1);
        let waits = Arc::clone(&slots).admit().await.expect("open");
        advance(SHORT).await;
        drop(waits.with_free_slot().slot().await.expect("a slot"));
        assert!(slots.are_short());
    }

    #[tokio::test(start_paused = true)]
    async fn a_segment_does_not_wait_for_long_ones() {
        let slots = quick(1).await;
        let _taken = slot(&slots).await;
        let (ahead, begun) = (admitted(&slots).expect("room ahead"), Instant::now());
        assert!(ahead.slot().await.is_none());
        assert_eq!(begun.elapsed(), WAIT_MAX);
    }
}
