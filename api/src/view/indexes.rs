//! Indexes of segments as a redrive takes them: `3,17-20`.

use std::fmt::Write as _;

use control_table::limits::MAX_SELECTION_BYTES;

/// Collects ascending indexes, as long as a redrive takes their list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct IndexList {
    /// The ranges before the last.
    text: String,
    /// The first and the last index of the last range.
    last: Option<(u64, u64)>,
    is_too_long: bool,
}

impl IndexList {
    /// Adds an index that is larger than those before.
    pub fn push(&mut self, index: u64) {
        match &mut self.last {
            Some((_, end)) if *end + 1 == index => *end = index,
            last => {
                let before = last.replace((index, index));
                self.write(before);
            }
        }
    }

    /// The list; none if it is longer than a redrive takes, or empty.
    pub fn finish(mut self) -> Option<String> {
        let last = self.last.take();
        self.write(last);
        (!self.is_too_long && !self.text.is_empty()).then_some(self.text)
    }

    fn write(&mut self, range: Option<(u64, u64)>) {
        let Some((first, last)) = range.filter(|_| !self.is_too_long) else { return };
        let comma = if self.text.is_empty() { "" } else { "," };
        // A string takes whatever is written to it.
        let _ = if first == last {
            write!(self.text, "{comma}{first}")
        } else {
            write!(self.text, "{comma}{first}-{last}")
        };
        if self.text.len() > MAX_SELECTION_BYTES {
            *self = Self { is_too_long: true, ..Self::default() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use control_table::rows::Indexes;

    fn list(indexes: impl IntoIterator<Item = u64>) -> Option<String> {
        let mut list = IndexList::default();
        indexes.into_iter().for_each(|index| list.push(index));
        list.finish()
    }

    #[test]
    fn a_list_is_one_that_a_redrive_takes() {
        assert_eq!(list([]), None);
        assert_eq!(list([3, 17, 18, 19, 20, 22]).unwrap(), "3,17-20,22");
        assert_eq!(list(0..1_000_000).unwrap(), "0-999999");
        let odd = list((0..700).map(|n| 2 * n)).unwrap();
        assert_eq!(odd.parse::<Indexes>().unwrap().count(), 700);
        assert_eq!(list((0..2_000).map(|n| 2 * n)), None, "longer than a redrive takes");
    }
}
