//! When a record counts as lost.

use chrono::TimeDelta;
use control_table::clock::Timestamp;
use control_table::rows::TallyRow;

use crate::Settings;

/// Doublings after which any unit is longer than the longest wait.
const DOUBLINGS_MAX: u32 = 20;

/// What is known of the moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    pub now: Timestamp,
    /// Every record that was put before this moment was read, or is gone.
    pub read_until: Timestamp,
    /// The wait that doubles: [`crate::Settings::patience`].
    pub unit: TimeDelta,
    /// The longest wait: [`crate::Settings::patience_max`].
    pub longest: TimeDelta,
}

impl Patience {
    /// By an engine's settings.
    pub const fn new(settings: &Settings, now: Timestamp, read_until: Timestamp) -> Self {
        Self { now, read_until, unit: settings.patience, longest: settings.patience_max }
    }

    /// How long a record is waited for that was put again so many times.
    pub fn wait(self, puts_again: u32) -> TimeDelta {
        let factor = 1_i32 << puts_again.min(DOUBLINGS_MAX);
        self.unit.checked_mul(factor).unwrap_or(self.longest).min(self.longest)
    }

    /// Whether the records of the group that no worker has claimed are lost.
    pub fn may_be_lost(self, tally: &TallyRow) -> bool {
        tally.put_at <= self.read_until && self.has_waited(tally)
    }

    /// Whether a worker of the group may be lost, or a record: the first record of a segment was read if a worker has claimed it, also
    /// where others of the group still wait.
    pub fn may_have_lost_a_worker(self, tally: &TallyRow) -> bool {
        let has_begun = tally.pending < tally.size && tally.puts_again == 0;
        (has_begun && self.has_waited(tally)) || self.may_be_lost(tally)
    }

    fn has_waited(self, tally: &TallyRow) -> bool {
        tally.put_at.plus(self.wait(tally.puts_again + 1)) <= self.now
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use control_table::id::ExecutionId;

    fn minutes(minutes: i64) -> Timestamp {
        Timestamp::EPOCH.plus(TimeDelta::minutes(minutes))
    }

    fn patience(now: i64, read_until: i64) -> Patience {
        Patience::new(&Settings::default(), minutes(now), minutes(read_until))
    }

    fn tally(put_at: i64, puts_again: u32) -> TallyRow {
        let group = ExecutionId::new(uuid::Uuid::from_u128(1)).group(0);
        TallyRow { put_at: minutes(put_at), puts_again, ..TallyRow::fresh(group, 9, 1) }
    }

    #[test]
    fn a_record_that_may_wait_in_the_stream_is_not_lost() {
        assert!(!patience(1_000, 99).may_be_lost(&tally(100, 0)));
        assert!(patience(1_000, 100).may_be_lost(&tally(100, 0)));
        let begun = TallyRow { pending: 8, ..tally(100, 0) };
        assert!(patience(1_000, 99).may_have_lost_a_worker(&begun));
        assert!(!patience(1_000, 99).may_have_lost_a_worker(&TallyRow { puts_again: 1, ..begun }));
    }

    #[test]
    fn every_further_put_waits_twice_as_long() {
        let waits = |puts_again: u32, now: i64| patience(now, 9_999).may_be_lost(&tally(0, puts_again));
        for (puts_again, wait) in [(0, 10), (1, 20), (2, 40), (5, 320), (9, 1_440), (u32::MAX - 1, 1_440)] {
            assert!(!waits(puts_again, wait - 1) && waits(puts_again, wait), "{puts_again}");
        }
    }
}
