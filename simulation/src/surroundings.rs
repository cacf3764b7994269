//! What every model of a service shares: clock, chance, latencies and the meter.

use std::sync::Arc;
use std::time::Duration;

use control_table::clock::Entropy;

use crate::clock::VirtualClock;
use crate::parameters::Parameters;
use crate::usage::Meter;

/// Shared by the models of one simulation. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// Virtual time.
    pub clock: VirtualClock,
    /// Latencies and losses: apart from the engine's own identifiers and jitter.
    pub chance: Arc<Entropy>,
    /// Latencies, quotas, settings.
    pub parameters: Arc<Parameters>,
    /// What is used.
    pub meter: Arc<Meter>,
}

impl Surroundings {
    /// Those of a simulation that begins now.
    #[must_use]
    pub fn begin(parameters: Parameters, seed: u64) -> Self {
        Self {
            clock: VirtualClock::begin(),
            chance: Arc::new(Entropy::from_seed(seed)),
            parameters: Arc::new(parameters),
            meter: Arc::new(Meter::default()),
        }
    }

    /// Lets a request take its time: between three and five quarters of the latency.
    pub async fn wait(&self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        let taken = micros - micros / 4 + self.chance.up_to(micros / 2);
        tokio::time::sleep(Duration::from_micros(taken)).await;
    }

    /// Whether something happens that happens so often in a million times.
    #[must_use]
    pub fn happens(&self, in_a_million: u64) -> bool {
        in_a_million > 0 && self.chance.up_to(999_999) < in_a_million
    }
}
