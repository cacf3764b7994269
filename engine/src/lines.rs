//! Which records wait in line with each other.

/// The lines in which records wait for workers: the shards of a stream, by the hash of a record's partition key. Records of a line are
/// read in the order in which they were put, by at most ten lanes side by side.
#[derive(Debug, Clone)]
pub struct Lines {
    hash: fn(&str) -> u128,
    /// The last hash of each line, in order.
    ends: Vec<u128>,
}

impl Lines {
    /// Lines that end at these hashes.
    #[must_use]
    pub fn new(hash: fn(&str) -> u128, mut ends: Vec<u128>) -> Self {
        ends.sort_unstable();
        ends.dedup();
        Self { hash, ends }
    }

    /// One line with all records.
    #[must_use]
    pub fn one() -> Self {
        Self::new(|_| 0, vec![0])
    }

    /// Nothing is known of the order in which records are read.
    #[must_use]
    pub fn unknown() -> Self {
        Self::new(|_| 0, Vec::new())
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_in_the_line_of_its_hash() {
        let lines = Lines::new(|key| key.parse().unwrap_or(0), vec![19, 9, 9]);
        assert_eq!(lines.count(), 2, "a closed shard and an open one with the same end");
        let of = ["0", "9", "10", "19", "20"].map(|key| lines.of(key));
        assert_eq!(of, [Some(0), Some(0), Some(1), Some(1), None]);
        assert_eq!((Lines::one().of("any"), Lines::unknown().of("any")), (Some(0), None));
    }
}
