//! A probe: a record of no segment, by which the sweeper learns how far a shard was read.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// A probe, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeRecord {
    /// What it asks its reader to note.
    pub probe: Probe,
}

/// One probe of a shard.
#[expect(missing_docs, reason = "the names say it")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    pub stream: String,
    /// The shard that it was put in.
    pub shard: String,
    /// The number of its partition key, below [`crate::limits::PROBES_PER_SHARD`].
    pub number: u8,
    /// The moment before it was put.
    pub put_at: Timestamp,
}

impl Probe {
    /// Its partition key: the same for each probe with that number in that shard, so that they are read in order.
    #[must_use]
    pub fn partition_key(&self) -> String {
        format!("probe#{}#{}", self.shard, self.number)
    }
}
