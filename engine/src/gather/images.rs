//! A batch of the stream's images.

use std::collections::BTreeMap;

use control_table::id::ExecutionId;
use control_table::message::StreamImage;
use control_table::metric;
use control_table::operation::{AddDeadLetter, AddDeadLetterOutcome, Fold};
use control_table::rows::{DeadLetterSource, ExecutionRow, TallyRow};

use super::Finalized;
use crate::Engine;
use crate::error::EngineError;

/// One change of the control table, as its stream tells it.
#[derive(Debug)]
pub struct GatherImage {
    /// The stream's number of the change: from there on the stream repeats, if the change could not be handled.
    pub sequence_number: String,
    /// The stream's ID of the change.
    pub event_id: String,
    /// The new image, or why it cannot be read.
    pub image: Result<StreamImage, UnreadableImage>,
}

/// An image that is not what its key says it is.
#[derive(Debug)]
pub struct UnreadableImage {
    /// Why it cannot be read.
    pub reason: String,
    /// The image as JSON.
    pub payload: Vec<u8>,
}

/// What one batch says about one execution.
#[derive(Debug, Default)]
struct News {
    /// The sequence number of the first image about it.
    first: String,
    /// Finished tallies, by generation.
    finished: BTreeMap<u32, Vec<TallyRow>>,
}

impl Engine {
    /// Handles a batch of images, in the order of the stream. Each execution is handled by itself, so one that fails holds up no
    /// other. Returns the sequence numbers that the stream must repeat from; what was folded is not folded again.
    pub async fn gather(&self, images: Vec<GatherImage>) -> Vec<String> {
        let (news, unreadable) = sort(images);
        let mut again = Vec::new();
        for image in unreadable {
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
            // A segment that has its outcome makes room for the next.
            let records = self.admit_if_limited(&row).await?;
            tracing::debug!(%execution_id, records, "admitted");
        }
        Ok(())
    }

    /// Keeps an image that cannot be read: repeating it would block the shard for a day and then lose it all the same, while the
    /// sweeper reads the item itself. Returns the sequence number of one that could not be kept.
    async fn add_dead_letter(&self, (image, unreadable): (GatherImageId, UnreadableImage)) -> Option<String> {
        let UnreadableImage { reason, payload } = unreadable;
        let GatherImageId { event_id, sequence_number } = image;
        let request = AddDeadLetter { source: DeadLetterSource::Gather, event_id, reason, payload, now: self.now() };
        let outcome = self.table.execute(&request).await;
        let AddDeadLetter { event_id, reason, .. } = request;
        match outcome {
            Ok(AddDeadLetterOutcome::Added) => {
                metric::DEAD_LETTERS.add(1);
                tracing::error!(event_id, reason, "a stream image is a dead letter; the sweeper will look at its item");
                None
            }
            Ok(AddDeadLetterOutcome::AlreadyAdded) => {
                tracing::info!(event_id, reason, "a stream image that is a dead letter already came again");
                None
            }
            Err(error) => {
                tracing::error!(event_id, reason, %error, "a stream image that cannot be read cannot be kept: it comes again");
                Some(sequence_number)
            }
        }
    }
}

/// Which image.
struct GatherImageId {
    event_id: String,
    sequence_number: String,
}

/// What the batch says, by execution; and what of it cannot be read.
fn sort(images: Vec<GatherImage>) -> (BTreeMap<ExecutionId, News>, Vec<(GatherImageId, UnreadableImage)>) {
    let mut news: BTreeMap<ExecutionId, News> = BTreeMap::new();
    let mut unreadable = Vec::new();
    for GatherImage { sequence_number, event_id, image } in images {
        let (execution_id, tally) = match image {
            Ok(StreamImage::Tally(tally)) if tally.pending == 0 && tally.folded != tally.generation => {
                (tally.group.execution_id, Some(*tally))
            }
            Ok(StreamImage::Execution(row)) if is_news(&row) => (row.execution_id, None),
            Ok(_) => continue,
            Err(image) => {
                unreadable.push((GatherImageId { event_id, sequence_number }, image));
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
    (news, unreadable)
}

/// Whether there may be something to finalize: the execution may be complete, has an event to publish, or room for another segment in
/// flight.
fn is_news(row: &ExecutionRow) -> bool {
    row.is_unpublished() || row.sealed_at.is_some() || !row.notifications.is_empty() || row.admitted_until.is_some()
}

/// A transaction takes an item once: of two images of one tally, one is enough.
fn keep_latest(tallies: &mut Vec<TallyRow>, tally: TallyRow) {
    match tallies.iter_mut().find(|other| other.group == tally.group) {
        Some(other) => *other = tally,
        None => tallies.push(tally),
    }
}
