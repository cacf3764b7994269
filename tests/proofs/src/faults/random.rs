//! What happens in an execution, and when: drawn from the seed, so that the seed repeats it.

use control_table::clock::Entropy;

/// A generator of decisions.
#[derive(Debug)]
pub(super) struct Random(Entropy);

impl Random {
    pub fn from_seed(seed: u64) -> Self {
        Self(Entropy::from_seed(seed))
    }

    /// One of `first..=last`.
    pub fn between(&self, first: u64, last: u64) -> u64 {
        first + self.0.up_to(last.saturating_sub(first))
    }

    /// An index below that length, which is not zero.
    pub fn below(&self, length: usize) -> usize {
        usize::try_from(self.0.up_to(length.saturating_sub(1) as u64)).unwrap()
    }

    /// True in so many of a hundred cases.
    pub fn percent(&self, share: u64) -> bool {
        self.0.up_to(99) < share
    }

    /// True in so many of a thousand cases.
    pub fn per_mille(&self, share: u64) -> bool {
        self.0.up_to(999) < share
    }

    /// Takes one of them out.
    pub fn take<T>(&self, items: &mut Vec<T>) -> Option<T> {
        (!items.is_empty()).then(|| items.swap_remove(self.below(items.len())))
    }
}
