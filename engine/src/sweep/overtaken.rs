//! Segments whose records are lost, as those show that overtook them.
//!
//! The records of an execution are put in the order of its segments. A line of records, a shard, is read in that order, but by up to ten
//! lanes side by side, and which lane a record is in is left to chance. So the segments themselves show how far the lanes were read:
//!
//! - If more segments after one are at work than all lanes but one can have, every lane was read past it.
//! - Of the segments after one whose lane is behind, about every tenth is in the same lane, and is not claimed either. If nearly all of them
//!   are claimed, it does not wait.
//!
//! The records of segments are probes that cost nothing, and come as fast as the line is read.

use control_table::clock::Timestamp;
use control_table::rows::{SegmentRow, SegmentStatus};

use crate::lines::Lines;

/// What a claimed segment is worth for those before it.
const CLAIMED: i64 = 1;

/// How much is needed until a segment counts as overtaken. A claimed segment after it adds one to a sum. One that is not claimed takes
/// something off: of a lane that is behind one in ten is claimed by none, so the sum falls. A record that waits, and is taken for lost all
/// the same, is put twice, which costs one invocation and two refused writes.
#[derive(Debug, Clone, Copy)]
struct Evidence {
    /// What one that is not claimed takes off.
    unclaimed: i64,
    /// The sum that is enough.
    enough: i64,
    /// What one takes off that is overtaken, now or at an earlier look. Nothing, where a whole stretch of records is to be found at once.
    /// Else it keeps those that wait from following one that was wrongly taken for lost.
    overtaken: i64,
}

impl Evidence {
    /// A record that waits reaches the sum with a probability of 1.0998^-128, five in a million: z = 1.0998 solves
    /// 0.9 z + 0.1 z^-24 = 1. The sum grows while fewer than one record in 25 is lost.
    const USUAL: Self = Self { unclaimed: 24, enough: 128, overtaken: 0 };

    /// Where records were lost a short time ago, others are, too: 1.077^-96, eight in ten thousand, and z = 1.077 solves
    /// 0.9 z + 0.1 z^-16 = 1. The sum is reached in two thirds of the time, also if one record in 17 is lost.
    const LOSSY: Self = Self { unclaimed: 16, enough: 96, overtaken: 16 };

    /// The sum at which a segment is worth another look soon.
    const fn nearly(self) -> i64 {
        self.enough / 2
    }
}

/// Of one line, what is known of the segments after the one that comes next.
#[derive(Debug, Clone, Copy, Default)]
struct After {
    /// The largest sum over any stretch of segments that begins right after it.
    sum: i64,
    /// How many of them are at work.
    at_work: u64,
}

impl After {
    /// A stretch that begins later is as good as one with a sum below zero.
    fn take_off(&mut self, points: i64) {
        self.sum = (self.sum - points).max(0);
    }
}

/// Walks the segments of an execution from the last to the first, and finds those that were overtaken.
#[derive(Debug)]
pub(crate) struct Overtaken {
    lines: Lines,
    evidence: Evidence,
    now: Timestamp,
    after: Vec<After>,
    /// Groups whose rows are not read, in order, with the segments that have an outcome.
    counted: Vec<(u64, u64)>,
    /// The group of the first segment that is nearly overtaken.
    nearly: Option<u64>,
    /// Segments that are overtaken.
    found: u64,
}

impl Overtaken {
    /// Before the last segment. `counted` has groups that are not looked at, in order, and how many of their segments have an outcome.
    pub fn new(lines: Lines, counted: Vec<(u64, u64)>, now: Timestamp) -> Self {
        let after = vec![After::default(); lines.count()];
        Self { lines, evidence: Evidence::USUAL, now, after, counted, nearly: None, found: 0 }
    }

    /// With less evidence, where records were lost a short time ago.
    pub const fn in_lossy(mut self) -> Self {
        self.evidence = Evidence::LOSSY;
        self
    }

    /// Finds none.
    pub fn none() -> Self {
        Self::new(Lines::unknown(), Vec::new(), Timestamp::EPOCH)
    }

    /// The first group with a segment that will be overtaken soon.
    pub const fn nearly(&self) -> Option<u64> {
        self.nearly
    }

    /// How many segments are overtaken.
    pub const fn found(&self) -> u64 {
        self.found
    }

    /// Passes groups that are not looked at, back to that one.
    pub fn pass_until(&mut self, group: u64) {
        let lines = i64::try_from(self.after.len()).unwrap_or(i64::MAX).max(1);
        while let Some((_, outcomes)) = self.counted.pop_if(|(counted, _)| *counted > group) {
            // Chance spreads them evenly over the lines.
            let of_each = i64::try_from(outcomes).unwrap_or(0) / lines;
            self.after.iter_mut().for_each(|after| after.sum += of_each);
        }
    }

    /// Passes the segment before the last one that was passed, whose record was put once, not before that moment. Whether it was not
    /// claimed, and is lost.
    pub fn pass(&mut self, row: &SegmentRow, put_at: Timestamp) -> bool {
        let Some((place, line)) = self.lines.of(&row.id().partition_key()) else { return false };
        let Some(after) = self.after.get_mut(place) else { return false };
        if row.attempt > 0 {
            after.sum += CLAIMED;
            let is_at_work =
                row.status == SegmentStatus::Running && row.lease_until.is_some_and(|until| until > self.now);
            after.at_work += u64::from(is_at_work);
            return false;
        }
        // A record that the sweeper put again is behind those of the segments that follow.
        if row.status != SegmentStatus::Pending || row.due.is_some() {
            after.take_off(self.evidence.overtaken);
            return false;
        }
        if put_at <= line.read_until || after.sum >= self.evidence.enough || self.lines.are_of_all_lanes(after.at_work)
        {
            self.found += 1;
            after.take_off(self.evidence.overtaken);
            return true;
        }
        if after.sum >= self.evidence.nearly() {
            self.nearly = Some(row.group.group);
        }
        after.take_off(self.evidence.unclaimed);
        false
    }
}

#[cfg(test)]
mod tests {
    use control_table::id::ExecutionId;
    use serde_json::Value;

    use super::*;
    use crate::lines::Line;

    /// Of every record: after all probes.
    const PUT_AT: Timestamp = Timestamp::from_millis(1);

    fn line(end: u128) -> Line {
        Line { end, read_until: Timestamp::EPOCH }
    }

    fn row(index: u64, is_claimed: bool) -> SegmentRow {
        let id = ExecutionId::new(uuid::Uuid::from_u128(1)).segment(index);
        let mut row = SegmentRow::pending(id, Value::Null, 1, Timestamp::EPOCH);
        if is_claimed {
            (row.status, row.attempt) = (SegmentStatus::Running, 1);
        }
        row
    }

    /// The segments that are overtaken, of so many, of which those are claimed.
    fn lost(lines: Lines, segments: u64, is_claimed: impl Fn(u64) -> bool) -> Vec<u64> {
        let mut overtaken = Overtaken::new(lines, Vec::new(), Timestamp::EPOCH);
        let rows = (0..segments).rev().map(|index| row(index, is_claimed(index)));
        rows.filter(|row| overtaken.pass(row, PUT_AT)).map(|row| row.index).collect()
    }

    #[test]
    fn a_segment_is_overtaken_by_a_group_of_claimed_ones() {
        assert_eq!(lost(Lines::one(), 500, |index| index != 300), [300]);
        assert_eq!(lost(Lines::one(), 500, |index| index != 372), [] as [u64; 0], "127 were claimed");
        assert_eq!(lost(Lines::unknown(), 500, |index| index != 300), [] as [u64; 0]);
    }

    #[test]
    fn where_records_are_lost_fewer_claimed_ones_are_enough() {
        let found = |overtaken: Overtaken, last: u64| {
            let mut overtaken = overtaken;
            (300..=last).rev().filter(|index| overtaken.pass(&row(*index, *index != 300), PUT_AT)).count()
        };
        let begin = || Overtaken::new(Lines::one(), Vec::new(), Timestamp::EPOCH);
        assert_eq!([found(begin(), 396), found(begin().in_lossy(), 395), found(begin().in_lossy(), 396)], [0, 0, 1]);
    }

    #[test]
    fn one_in_a_hundred_is_found_and_a_whole_stretch_too() {
        let found = lost(Lines::one(), 3_000, |index| index % 100 != 7);
        assert!(found.len() == 29 && found.iter().all(|index| index % 100 == 7), "{found:?}");
        let stretch = 1_000..1_256;
        assert_eq!(lost(Lines::one(), 2_000, |index| !stretch.contains(&index)).len(), 256);
    }

    #[test]
    fn a_lane_that_is_behind_is_not_taken_for_lost() {
        // Lanes as chance spreads them; one of ten has read nothing, or stands at the 2,000th segment.
        let lane = |index: u64| (index.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) % 10;
        assert_eq!(lost(Lines::one(), 20_000, |index| lane(index) != 3), [] as [u64; 0]);
        assert_eq!(lost(Lines::one(), 20_000, |index| lane(index) != 3 || index < 2_000), [] as [u64; 0]);
    }

    #[test]
    fn each_line_has_its_own_segments() {
        // Two lines; one of them is not read at all.
        let hash = |key: &str| u128::from(key.ends_with(['0', '2', '4', '6', '8']));
        let found =
            lost(Lines::new(hash, vec![line(0), line(1)], 10, 1), 2_000, |index| index % 2 == 1 && index != 801);
        assert_eq!(found, [801]);
    }

    #[test]
    fn every_lane_at_work_further_on_has_read_past_a_record() {
        let lines = || Lines::new(|_| 0, vec![line(0)], 3, 1);
        let soon = Timestamp::EPOCH.plus(chrono::TimeDelta::minutes(1));
        let found = |at_work: &[(u64, Timestamp)]| {
            let mut overtaken = Overtaken::new(lines(), Vec::new(), Timestamp::EPOCH);
            let rows = (0..20).rev().map(|index| {
                let lease = at_work.iter().find(|(at_work, _)| *at_work == index).map(|(_, until)| *until);
                SegmentRow { lease_until: lease, ..row(index, lease.is_some()) }
            });
            rows.filter(|row| overtaken.pass(row, PUT_AT)).map(|row| row.index).collect::<Vec<_>>()
        };
        assert_eq!(found(&[(9, soon), (7, soon), (3, soon)]), [2, 1, 0]);
        assert_eq!(found(&[(9, soon), (7, soon), (3, Timestamp::EPOCH)]), [] as [u64; 0], "one lease is over");
    }

    #[test]
    fn a_record_before_the_probes_of_its_line_is_lost_though_another_line_is_behind() {
        let hash = |key: &str| u128::from(key.ends_with(['0', '2', '4', '6', '8']));
        let read = Line { end: 1, read_until: PUT_AT };
        let mut overtaken = Overtaken::new(Lines::new(hash, vec![line(0), read], 10, 1), Vec::new(), PUT_AT);
        assert_eq!([3, 2].map(|index| overtaken.pass(&row(index, false), PUT_AT)), [false, true]);
    }

    #[test]
    fn groups_that_are_complete_count_without_their_rows() {
        let mut overtaken = Overtaken::new(Lines::one(), vec![(3, 128), (5, 100), (6, 27)], Timestamp::EPOCH);
        overtaken.pass_until(4);
        assert!(!overtaken.pass(&row(4 * 128 + 9, false), PUT_AT), "127 were claimed after it");
        assert_eq!(overtaken.nearly(), Some(4));
        overtaken.pass_until(2);
        assert!(overtaken.pass(&row(2 * 128, false), PUT_AT));
    }

    #[test]
    fn a_record_that_was_put_again_says_nothing() {
        use control_table::rows::Due;
        let mut again = row(300, false);
        again.due = Some(Due::record(again.id(), Timestamp::EPOCH));
        let mut overtaken = Overtaken::new(Lines::one(), Vec::new(), Timestamp::EPOCH);
        for index in (301..500).rev() {
            overtaken.pass(&row(index, true), PUT_AT);
        }
        assert!(!overtaken.pass(&again, PUT_AT));
        assert!(overtaken.pass(&row(299, false), PUT_AT));
    }
}
