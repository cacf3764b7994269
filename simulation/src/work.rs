//! The work of segments: it takes its time, and fails as often as asked.

use std::sync::Arc;
use std::time::Duration;

use control_table::clock::Entropy;
use control_table::limits::MAX_COUNTERS;
use runtime::{Context, Output, Segment, SegmentError, Work, work};
use serde_json::Value;

/// Counters of one segment at most: as many as an output may have.
const COUNTERS: u64 = MAX_COUNTERS as u64;

/// How the segments of a simulation behave.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkPlan {
    /// The shortest that a segment takes.
    pub shortest: Duration,
    /// The longest; spread evenly between the two.
    pub longest: Duration,
    /// First attempts that fail and may be tried again, in a million.
    pub failures: u64,
    /// Every so-manieth segment fails for good, from the first on; 0 for none.
    pub fails_every: u64,
    /// Distinct counters over all segments, of which each segment has at most 16; 0 for none.
    pub counters: u64,
}

impl WorkPlan {
    /// Segments that all take as long, and succeed.
    #[must_use]
    pub const fn of(time: Duration) -> Self {
        Self { shortest: time, longest: time, failures: 0, fails_every: 0, counters: 0 }
    }

    /// The mean time of a segment.
    #[must_use]
    pub fn mean(&self) -> Duration {
        (self.shortest + self.longest) / 2
    }

    /// The work, as a worker takes it. The same segment behaves the same in every simulation with that seed.
    #[must_use]
    pub fn work(self, seed: u64) -> Arc<dyn Work> {
        let plan = Arc::new(self);
        work(move |segment: Segment<Value>, context: Context| {
            let plan = Arc::clone(&plan);
            async move { plan.attempt(seed, segment.index, context.attempt).await }
        })
    }

    async fn attempt(&self, seed: u64, index: u64, attempt: u32) -> Result<Output, SegmentError> {
        let chance = Entropy::from_seed(seed ^ index.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let spread = u64::try_from((self.longest.saturating_sub(self.shortest)).as_millis()).unwrap_or(0);
        tokio::time::sleep(self.shortest + Duration::from_millis(chance.up_to(spread))).await;
        if self.fails_every > 0 && index.is_multiple_of(self.fails_every) {
            return Err(SegmentError::permanent("it always fails"));
        }
        if attempt == 1 && self.failures > 0 && chance.up_to(999_999) < self.failures {
            return Err(SegmentError::retryable("its first attempt fails"));
        }
        let mut output = Output::items(1);
        if self.counters > 0 {
            let names = (0..self.counters.min(COUNTERS)).map(|name| (index * COUNTERS + name) % self.counters);
            output.counters = names.map(|name| (format!("counter-{name}"), 1)).collect();
        }
        Ok(output)
    }
}
