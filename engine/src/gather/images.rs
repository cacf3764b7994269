//! A batch of stream images: new images of changed rows.

use std::collections::BTreeMap;

use control_table::id::ExecutionId;
use control_table::message::StreamImage;
use control_table::metric;
use control_table::operation::{AddDeadLetter, AddDeadLetterOutcome, Fold};
use control_table::rows::{DeadLetterSource, TallyRow};

use super::Finalized;
use crate::Engine;
use crate::error::EngineError;

/// One change of the control table, from its stream.
#[derive(Debug)]
pub struct GatherImage {
    /// The sequence number of the change. If the change could not be handled, the stream repeats from here.
    pub sequence_number: String,
    /// The event ID of the change; the dead letter keeps it.
    pub event_id: String,
    /// The new image, or why it cannot be read.
    pub image: Result<StreamImage, DeadImage>,
}

/// An image that cannot be read as the row that its key names. It becomes a dead letter.
#[derive(Debug)]
pub struct DeadImage {
    /// Why it cannot be read.
    pub reason: String,
    /// The image as JSON.
    pub payload: Vec<u8>,
}

/// The changes of one execution in a batch.
#[derive(Debug, Default)]
struct News {
    /// The sequence number of the first image about it.
    first: String,
    /// Finished tallies, by generation.
    finished: BTreeMap<u32, Vec<TallyRow>>,
}

impl Engine {
    /// Handles a batch of images in stream order. Each execution is handled separately, so a failed one does not hold up the others.
    /// Returns the sequence numbers that the stream must repeat from; a repeated tally is not folded again.
    pub async fn gather(&self, images: Vec<GatherImage>) -> Vec<String> {
        let (news, dead) = sort(images);
        let mut again = Vec::new();
        for image in dead {
            again.extend(self.add_dead_letter(image).await);
        }
        for (execution_id, news) in news {
            let first = news.first.clone();
            // Boxed, so that the futures of callers stay small.
            if let Err(error) = Box::pin(self.handle_news(execution_id, news)).await {
                tracing::error!(%execution_id, %error, "the stream will repeat this batch");
                again.push(first);
            }
        }
        again
    }

    async fn handle_news(&self, execution_id: ExecutionId, news: News) -> Result<(), EngineError> {
        for (generation, tallies) in news.finished {
            for fold in Fold::of(execution_id, generation, &tallies) {
                let outcome = self.table.execute(&fold).await?;
                tracing::debug!(%execution_id, generation, ?outcome, "folded");
            }
        }
        if let Finalized::Open(row) = self.finalize(execution_id).await? {
            // A segment with an outcome has released its slot.
            let records = self.admit_if_limited(&row).await?;
            tracing::debug!(%execution_id, records, "admitted");
        }
        Ok(())
    }

    /// Stores a dead letter. Repeating the image would block the shard for a day (the retention of a DynamoDB stream) and then lose
    /// it; the sweeper reads the row itself. Returns the image's sequence number if the dead letter could not be stored.
    async fn add_dead_letter(&self, (id, image): (GatherImageId, DeadImage)) -> Option<String> {
        let DeadImage { reason, payload } = image;
        let GatherImageId { event_id, sequence_number } = id;
        let request = AddDeadLetter { source: DeadLetterSource::Gather, event_id, reason, payload, now: self.now() };
        let outcome = self.table.execute(&request).await;
        let AddDeadLetter { event_id, reason, .. } = request;
        match outcome {
            Ok(AddDeadLetterOutcome::Added) => {
                metric::DEAD_LETTERS.add(1);
                tracing::error!(event_id, reason, "a stream image is a dead letter; the sweeper will read its row");
                None
            }
            Ok(AddDeadLetterOutcome::AlreadyAdded) => {
                tracing::info!(event_id, reason, "the stream repeated an image that is a dead letter");
                None
            }
            Err(error) => {
                tracing::error!(event_id, reason, %error, "a dead letter could not be stored: the stream will repeat the image");
                Some(sequence_number)
            }
        }
    }
}

struct GatherImageId {
    event_id: String,
    sequence_number: String,
}

/// The batch by execution, and its dead letters.
fn sort(images: Vec<GatherImage>) -> (BTreeMap<ExecutionId, News>, Vec<(GatherImageId, DeadImage)>) {
    let mut news: BTreeMap<ExecutionId, News> = BTreeMap::new();
    let mut dead = Vec::new();
    for GatherImage { sequence_number, event_id, image } in images {
        let (execution_id, tally) = match image {
            Ok(image) if !image.has_news() => continue,
            Ok(StreamImage::Tally(tally)) => (tally.group.execution_id, Some(*tally)),
            Ok(StreamImage::Execution(row)) => (row.execution_id, None),
            Ok(StreamImage::Other) => continue,
            Err(image) => {
                dead.push((GatherImageId { event_id, sequence_number }, image));
                continue;
            }
        };
        let news = news.entry(execution_id).or_default();
        if news.first.is_empty() {
            news.first = sequence_number;
        }
        if let Some(tally) = tally {
            keep_latest(news.finished.entry(tally.generation).or_default(), tally);
        }
    }
    (news, dead)
}

/// Keeps one image of each tally, because a transaction takes a row once.
fn keep_latest(tallies: &mut Vec<TallyRow>, tally: TallyRow) {
    match tallies.iter_mut().find(|other| other.group == tally.group) {
        Some(other) => *other = tally,
        None => tallies.push(tally),
    }
}
