//! The watermark row: how far a shard of the segment stream has been read.
//!
//! Lambda reads a shard in several lanes at once and keeps the order of records only within one partition key. So the sweeper puts probes
//! with fixed partition keys, enough of them to be in every lane, and a worker that reads one notes it here: every record that was put in
//! the shard before the oldest of the newest probes of all keys was handed to a worker.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::ItemKey;
use crate::clock::Timestamp;
use crate::limits::PROBES_PER_SHARD;

/// The prefix of an attribute that holds the newest probe of a partition key.
const PROBE_PREFIX: &str = "probe_";

/// The watermark item of a shard; and, with [`WatermarkRow::STREAM`] for a shard, that of the stream itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatermarkRow {
    /// The name of the stream.
    pub stream: String,
    /// The ID of the shard.
    pub shard: String,
    /// When records were put last, as far as it is noted; only of the stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub put_at: Option<Timestamp>,
    /// When probes were put last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probed_at: Option<Timestamp>,
    /// The newest probe of each partition key that a worker has read: when it was put.
    #[serde(flatten)]
    pub probes: Probes,
}

/// When probes were put, by the number of their partition key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Probes(pub BTreeMap<u8, Timestamp>);

impl WatermarkRow {
    /// Stands for all shards together.
    pub const STREAM: &str = "STREAM";

    /// The row of a shard of which nothing is noted.
    #[must_use]
    pub fn new(stream: &str, shard: &str) -> Self {
        let (stream, shard) = (stream.to_owned(), shard.to_owned());
        Self { stream, shard, put_at: None, probed_at: None, probes: Probes::default() }
    }

    /// The item key of a shard's watermark.
    #[must_use]
    pub fn key_of(stream: &str, shard: &str) -> ItemKey {
        ItemKey { pk: format!("WATERMARK#{stream}"), sk: shard.to_owned() }
    }

    /// The moment before which every record that was put in the shard was handed to a worker; [`Timestamp::EPOCH`] if that is not known.
    #[must_use]
    pub fn read_until(&self) -> Timestamp {
        let probes = (0..PROBES_PER_SHARD).map(|number| self.probes.0.get(&number).copied());
        probes.map(|probe| probe.unwrap_or(Timestamp::EPOCH)).min().unwrap_or(Timestamp::EPOCH)
    }
}

impl Probes {
    /// The attribute of a partition key.
    #[must_use]
    pub fn attribute(number: u8) -> String {
        format!("{PROBE_PREFIX}{number}")
    }
}

impl Serialize for Probes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (number, put_at) in &self.0 {
            map.serialize_entry(&Self::attribute(*number), put_at)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Probes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ProbesVisitor)
    }
}

/// Collects the attributes of an item that are probes, and ignores the others.
struct ProbesVisitor;

impl<'de> Visitor<'de> for ProbesVisitor {
    type Value = Probes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an item with attributes named {PROBE_PREFIX}<number>")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Probes, M::Error> {
        let mut probes = BTreeMap::new();
        while let Some(attribute) = map.next_key::<String>()? {
            match attribute.strip_prefix(PROBE_PREFIX).and_then(|number| number.parse().ok()) {
                Some(number) => drop(probes.insert(number, map.next_value()?)),
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(Probes(probes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_read_as_far_as_its_slowest_lane() {
        let mut row = WatermarkRow::new("segments", "shardId-0");
        assert_eq!(row.read_until(), Timestamp::EPOCH);
        row.probes.0 = (0..PROBES_PER_SHARD).map(|number| (number, Timestamp::from_millis(500))).collect();
        assert_eq!(row.read_until(), Timestamp::from_millis(500));
        row.probes.0.insert(7, Timestamp::from_millis(400));
        assert_eq!(row.read_until(), Timestamp::from_millis(400));
        row.probes.0.remove(&9);
        assert_eq!(row.read_until(), Timestamp::EPOCH);
    }
}
