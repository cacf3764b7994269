//! Which records wait in line with each other.

use control_table::clock::Timestamp;

/// The lines in which records wait for workers: the shards of a stream, by the hash of a record's partition key. Records of a line are
/// read in the order in which they were put, by at most ten lanes side by side.
#[derive(Debug, Clone)]
pub struct Lines {
    hash: fn(&str) -> u128,
    /// By their hashes.
    in_order: Vec<Line>,
    /// More segments of a line than all of its lanes but one can have at work; `None` if that is not known.
    of_all_lanes: Option<u64>,
}

/// One line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// The last of its hashes.
    pub end: u128,
    /// The moment before which every record that was put in it was handed to a worker; [`Timestamp::EPOCH`] if that is not known.
    pub read_until: Timestamp,
}

impl Lines {
    /// Lines with different ends, each read by so many lanes in batches of at most so many records.
    #[must_use]
    pub fn new(hash: fn(&str) -> u128, mut in_order: Vec<Line>, lanes: u32, batch_size: u32) -> Self {
        in_order.sort_unstable_by_key(|line| line.end);
        let of_all_lanes = Some(u64::from(lanes.saturating_sub(1)) * u64::from(batch_size) + 1);
        Self { hash, in_order, of_all_lanes }
    }

    /// One line with all records, read by any number of workers.
    #[must_use]
    pub fn one() -> Self {
        let line = Line { end: 0, read_until: Timestamp::EPOCH };
        Self { hash: |_| 0, in_order: vec![line], of_all_lanes: None }
    }

    /// Nothing is known of the order in which records are read.
    #[must_use]
    pub fn unknown() -> Self {
        Self { hash: |_| 0, in_order: Vec::new(), of_all_lanes: None }
    }

    /// How many they are.
    pub(crate) const fn count(&self) -> usize {
        self.in_order.len()
    }

    /// The line of a record with that partition key, and its place; `None` if it is not known.
    pub(crate) fn of(&self, partition_key: &str) -> Option<(usize, Line)> {
        let hash = (self.hash)(partition_key);
        let place = self.in_order.partition_point(|line| line.end < hash);
        Some((place, *self.in_order.get(place)?))
    }

    /// Whether so many segments of one line that are at work must be in all of its lanes.
    pub(crate) fn are_of_all_lanes(&self, at_work: u64) -> bool {
        self.of_all_lanes.is_some_and(|all| at_work >= all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(ends: &[u128], lanes: u32, batch_size: u32) -> Lines {
        let line = |end: &u128| Line { end: *end, read_until: Timestamp::EPOCH };
        Lines::new(|key| key.parse().unwrap_or(0), ends.iter().map(line).collect(), lanes, batch_size)
    }

    #[test]
    fn a_record_is_in_the_line_of_its_hash() {
        let two = lines(&[19, 9], 10, 1);
        let of = ["0", "9", "10", "19", "20"].map(|key| two.of(key).map(|(place, _)| place));
        assert_eq!(of, [Some(0), Some(0), Some(1), Some(1), None]);
        assert!(Lines::one().of("any").is_some() && Lines::unknown().of("any").is_none());
    }

    #[test]
    fn more_segments_at_work_than_all_lanes_but_one_have_are_in_all_of_them() {
        let are_of_all =
            |lanes_of_shard, batch_size, at_work| lines(&[0], lanes_of_shard, batch_size).are_of_all_lanes(at_work);
        assert!(!are_of_all(10, 1, 9) && are_of_all(10, 1, 10));
        assert!(!are_of_all(10, 25, 225) && are_of_all(10, 25, 226));
        assert!(!are_of_all(1, 1, 0) && are_of_all(1, 1, 1));
        assert!(!Lines::one().are_of_all_lanes(u64::MAX));
    }
}
