//! Move watermark: a worker has read a probe, the sweeper puts probes, or a caller has put records.
//!
//! Each of the moments only grows. Of two sweepers that put probes at the same moment one moves the watermark, and puts them.

use crate::clock::Timestamp;
use crate::operation::{Operation, Update, Write};
use crate::rows::{CorruptItem, Probes, RowKey, WatermarkRow};

/// Moves one moment of a watermark forward; creates the row if there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct MoveWatermark {
    pub stream: String,
    /// The shard, or [`WatermarkRow::STREAM`].
    pub shard: String,
    pub moment: Moment,
    pub at: Timestamp,
}

/// A moment of a watermark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Records were put.
    Put,
    /// Probes are put.
    Probed,
    /// A worker has read a probe with the partition key of that number, which was put then.
    Probe(u8),
}

/// Outcomes of [`MoveWatermark`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoveWatermarkOutcome {
    /// Moved now.
    Moved,
    /// It was there, or further, before.
    Behind,
}

impl Operation for MoveWatermark {
    type Rows = Option<WatermarkRow>;
    type Outcome = MoveWatermarkOutcome;

    const NAME: &'static str = "move watermark";

    fn subject(&self) -> String {
        format!("{} {}", self.stream, self.shard)
    }

    fn keys(&self) -> Vec<RowKey> {
        vec![RowKey::Watermark(self.stream.clone(), self.shard.clone())]
    }

    fn apply(&self, row: &mut Self::Rows) -> Self::Outcome {
        let mut moved = row.clone().unwrap_or_else(|| WatermarkRow::new(&self.stream, &self.shard));
        let before = match self.moment {
            Moment::Put => moved.put_at.replace(self.at),
            Moment::Probed => moved.probed_at.replace(self.at),
            Moment::Probe(number) => moved.probes.0.insert(number, self.at),
        };
        if before.is_some_and(|before| before >= self.at) {
            return MoveWatermarkOutcome::Behind;
        }
        *row = Some(moved);
        MoveWatermarkOutcome::Moved
    }

    fn write(&self) -> Result<Write, CorruptItem> {
        let name = match self.moment {
            Moment::Put => "put_at".to_owned(),
            Moment::Probed => "probed_at".to_owned(),
            Moment::Probe(number) => Probes::attribute(number),
        };
        let update = Update::new(
            format!("SET #stream = :stream, #shard = :shard, #{name} = :at"),
            format!("attribute_not_exists(#{name}) OR #{name} < :at"),
        );
        let update = update.text("stream", &*self.stream).text("shard", &*self.shard).number("at", self.at.as_millis());
        Ok(Write::Update(update))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::testing::at;

    #[test]
    fn every_moment_only_grows() {
        let mut row = None;
        for moment in [Moment::Put, Moment::Probed, Moment::Probe(0), Moment::Probe(63)] {
            let to = |millis| MoveWatermark { stream: "s".to_owned(), shard: "0".to_owned(), moment, at: at(millis) };
            assert_eq!(to(5).apply(&mut row), MoveWatermarkOutcome::Moved);
            assert_eq!(to(5).apply(&mut row), MoveWatermarkOutcome::Behind);
            assert_eq!(to(4).apply(&mut row), MoveWatermarkOutcome::Behind);
        }
        let row = row.unwrap();
        assert_eq!((row.put_at, row.probed_at, row.probes.0.len()), (Some(at(5)), Some(at(5)), 2));
    }
}
