//! Which records wait in line with each other.

/// The lines in which records wait for workers: the shards of a stream, by the hash of a record's partition key. Records of a line are
/// read in the order in which they were put, by at most ten lanes side by side.
#[derive(Debug, Clone)]
pub struct Lines {
    hash: fn(&str) -> u128,
    /// The last hash of each line, in order.
    ends: Vec<u128>,
    /// More segments of a line than all of its lanes but one can have at work; `None` if that is not known.
    of_all_lanes: Option<u64>,
}

impl Lines {
    /// Lines that end at these hashes, each read by so many lanes in batches of at most so many records.
    #[must_use]
    pub fn new(hash: fn(&str) -> u128, mut ends: Vec<u128>, lanes: u32, batch_size: u32) -> Self {
        ends.sort_unstable();
        ends.dedup();
        let of_all_lanes = Some(u64::from(lanes.saturating_sub(1)) * u64::from(batch_size) + 1);
        Self { hash, ends, of_all_lanes }
    }

    /// One line with all records, read by any number of workers.
    #[must_use]
    pub fn one() -> Self {
        Self { hash: |_| 0, ends: vec![0], of_all_lanes: None }
    }

    /// Nothing is known of the order in which records are read.
    #[must_use]
    pub fn unknown() -> Self {
        Self { hash: |_| 0, ends: Vec::new(), of_all_lanes: None }
    }

    /// How many they are.
    pub(crate) const fn count(&self) -> usize {
        self.ends.len()
    }

    /// The line of a record with that partition key, if it is known.
    pub(crate) fn of(&self, partition_key: &str) -> Option<usize> {
        let hash = (self.hash)(partition_key);
        let line = self.ends.partition_point(|end| *end < hash);
        (line < self.ends.len()).then_some(line)
    }

    /// Whether so many segments of one line that are at work must be in all of its lanes.
    pub(crate) fn are_of_all_lanes(&self, at_work: u64) -> bool {
        self.of_all_lanes.is_some_and(|all| at_work >= all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_in_the_line_of_its_hash() {
        let lines = Lines::new(|key| key.parse().unwrap_or(0), vec![19, 9, 9], 10, 1);
        assert_eq!(lines.count(), 2, "a closed shard and an open one with the same end");
        let of = ["0", "9", "10", "19", "20"].map(|key| lines.of(key));
        assert_eq!(of, [Some(0), Some(0), Some(1), Some(1), None]);
        assert_eq!((Lines::one().of("any"), Lines::unknown().of("any")), (Some(0), None));
    }

    #[test]
    fn more_segments_at_work_than_all_lanes_but_one_have_are_in_all_of_them() {
        let are_of_all =
            |lanes, batch_size, at_work| Lines::new(|_| 0, vec![0], lanes, batch_size).are_of_all_lanes(at_work);
        assert!(!are_of_all(10, 1, 9) && are_of_all(10, 1, 10));
        assert!(!are_of_all(10, 25, 225) && are_of_all(10, 25, 226));
        assert!(!are_of_all(1, 1, 0) && are_of_all(1, 1, 1));
        assert!(!Lines::one().are_of_all_lanes(u64::MAX));
    }
}
