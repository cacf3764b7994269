//! The work of segments: it takes its time, and fails as often as asked.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use control_table::clock::Entropy;
use runtime::{Context, Output, Segment, SegmentError, Work, work};
use serde_json::Value;

/// How the segments of a simulation behave.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkPlan {
    /// The shortest that a segment takes.
    pub shortest: Duration,
    /// The longest; spread evenly between the two.
    pub longest: Duration,
    /// First attempts that fail and may be tried again, in a million.
    pub failures: u64,
    /// Whether every attempt fails for good.
    pub always_fails: bool,
    /// Distinct counters, over all segments.
    pub counters: u64,
}

impl WorkPlan {
    /// Segments that all take as long, and succeed.
    #[must_use]
    pub const fn of(time: Duration) -> Self {
        Self { shortest: time, longest: time, failures: 0, always_fails: false, counters: 0 }
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
        if self.always_fails {
            return Err(SegmentError::permanent("it always fails"));
        }
        if attempt == 1 && self.failures > 0 && chance.up_to(999_999) < self.failures {
            return Err(SegmentError::retryable("its first attempt fails"));
        }
        let mut output = Output::items(1);
        if self.counters > 0 {
            output.counters = BTreeMap::from([(format!("counter-{}", index % self.counters), 1)]);
        }
        Ok(output)
    }
}
