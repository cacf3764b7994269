//! Records that are taken and never read.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use control_table::clock::{Clock, Timestamp};
use control_table::id::SegmentId;

use crate::surroundings::Surroundings;

/// What goes wrong with records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RecordFaults {
    /// Records that are taken and never read, in a million. Only the first record of a segment is lost.
    pub lost: u64,
}

/// A record that was taken and never read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LostRecord {
    /// The segment.
    pub segment: SegmentId,
    /// When its record was put.
    pub put_at: Timestamp,
    /// When a record of the segment was put again.
    pub put_again_at: Option<Timestamp>,
    /// When workers had taken every record that was put before it and waited in line with it.
    pub read_past_at: Option<Timestamp>,
}

/// Decides which records are lost, and remembers them. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Losses {
    surroundings: Surroundings,
    faults: RecordFaults,
    records: Arc<Mutex<Vec<LostRecord>>>,
}

impl Losses {
    /// No record is lost yet.
    #[must_use]
    pub fn new(surroundings: Surroundings, faults: RecordFaults) -> Self {
        Self { surroundings, faults, records: Arc::default() }
    }

    /// The records that were lost.
    #[must_use]
    pub fn all(&self) -> Vec<LostRecord> {
        self.lock().clone()
    }

    /// Whether the record that is put now is lost. Notes it, or that a lost one was put again.
    pub(crate) fn loses(&self, segment: SegmentId) -> bool {
        if self.faults.lost == 0 {
            return false;
        }
        let now = self.surroundings.clock.timestamp();
        let is_first = !self.surroundings.meter.lock().puts_of.contains_key(&segment);
        let mut records = self.lock();
        if let Some(known) = records.iter_mut().find(|lost| lost.segment == segment) {
            known.put_again_at.get_or_insert(now);
            return false;
        }
        let is_lost = is_first && self.surroundings.happens(self.faults.lost);
        if is_lost {
            records.push(LostRecord { segment, put_at: now, put_again_at: None, read_past_at: None });
        }
        is_lost
    }

    /// Notes which of them their lines were read past by now, given how far the line of a segment was read.
    pub(crate) fn note(&self, read_until: impl Fn(SegmentId) -> Timestamp) {
        let now = self.surroundings.clock.timestamp();
        for lost in self.lock().iter_mut().filter(|lost| lost.read_past_at.is_none()) {
            if lost.put_at < read_until(lost.segment) {
                lost.read_past_at = Some(now);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<LostRecord>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
