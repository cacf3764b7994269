//! A batch of the stream's records.

use std::collections::BTreeMap;

use aws_lambda_events::event::dynamodb::{Event, EventRecord};
use aws_lambda_events::event::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use control_table::ControlTable;
use control_table::id::ExecutionId;
use control_table::image::Image;
use control_table::item::{AsideSource, ExecutionRow, TallyRow};
use control_table::op::{Fold, SetAside, SetAsideOutcome};
use scatter::Handout;

use crate::settle::{SettleError, Settled, Settler};

/// The gather function's handler.
#[derive(Clone)]
pub struct Gather {
    table: ControlTable,
    settler: Settler,
    handout: Handout,
}

/// What one batch says about one execution.
#[derive(Debug, Default)]
struct News {
    /// The sequence number of the first record about it: from there on the stream repeats, if something fails.
    first: String,
    /// Finished tallies, by generation.
    finished: BTreeMap<u32, Vec<TallyRow>>,
}

impl Gather {
    /// Folds into that table, settles with that settler, and hands segments out where an execution limits those in flight.
    #[must_use]
    pub const fn new(table: ControlTable, settler: Settler, handout: Handout) -> Self {
        Self { table, settler, handout }
    }

    /// Handles a batch. Each execution is handled by itself, so one that fails holds up no other; the answer names the
    /// first record of those that failed, and the stream repeats from there. What was folded is not folded again.
    pub async fn handle(&self, event: Event) -> DynamoDbEventResponse {
        let mut failures = Vec::new();
        let (news, unreadable) = sort(event.records);
        for image in unreadable {
            failures.extend(self.set_aside(image).await);
        }
        for (execution_id, news) in news {
            let first = news.first.clone();
            if let Err(error) = self.hear(execution_id, news).await {
                tracing::error!(%execution_id, %error, "the stream will repeat this batch");
                failures.push(first);
            }
        }
        let mut response = DynamoDbEventResponse::default();
        response.batch_item_failures = failures.into_iter().map(failure).collect();
        response
    }

    async fn hear(&self, execution_id: ExecutionId, news: News) -> Result<(), SettleError> {
        for (generation, tallies) in news.finished {
            let fold = Fold { execution_id, generation, tallies };
            let outcome = self.table.fold(&fold).await?;
            tracing::debug!(%execution_id, generation, ?outcome, "folded");
        }
        if let Settled::Open(row) = self.settler.settle(execution_id).await? {
            self.hand_out(&row).await?;
        }
        Ok(())
    }

    /// A segment that has its outcome makes room for the next.
    async fn hand_out(&self, execution: &ExecutionRow) -> Result<(), SettleError> {
        if execution.handed_out.is_some() {
            let handed_out = self.handout.hand_out(execution.execution_id).await?;
            tracing::debug!(execution_id = %execution.execution_id, records = handed_out.records, "handed out");
        }
        Ok(())
    }

    /// Sets an image aside that cannot be read: repeating it would block the shard for a day and then lose it all the same,
    /// while the sweeper reads the item itself. The sequence number of one that is to come again, because it could not be.
    async fn set_aside(&self, image: Unreadable) -> Option<String> {
        let Unreadable { event_id, sequence_number, reason, payload } = image;
        let request = SetAside { source: AsideSource::Gather, event_id, reason, payload, now: self.settler.now() };
        let outcome = self.table.set_aside(&request).await;
        let SetAside { event_id, reason, .. } = request;
        match outcome {
            Ok(SetAsideOutcome::SetAside) => {
                tracing::error!(event_id, reason, "an image is set aside; the sweeper will look at its item");
                None
            }
            Ok(SetAsideOutcome::AlreadySetAside) => {
                tracing::info!(event_id, reason, "an image that was set aside before came again");
                None
            }
            Err(error) => {
                tracing::error!(event_id, reason, %error, "an unreadable image cannot be set aside now: it comes again");
                Some(sequence_number)
            }
        }
    }
}

/// An image that is not what its key says it is.
#[derive(Debug)]
struct Unreadable {
    event_id: String,
    sequence_number: String,
    reason: String,
    payload: Vec<u8>,
}

/// What the batch says, by execution; and what of it cannot be read.
fn sort(records: Vec<EventRecord>) -> (BTreeMap<ExecutionId, News>, Vec<Unreadable>) {
    let mut news: BTreeMap<ExecutionId, News> = BTreeMap::new();
    let mut unreadable = Vec::new();
    for record in records {
        let sequence_number = record.change.sequence_number.unwrap_or_default();
        // Reading takes the image apart; it is small, and one that cannot be read has to be kept.
        let (execution_id, tally) = match Image::read(record.change.new_image.clone()) {
            Ok(Image::Tally(tally)) if tally.pending == 0 && tally.folded != tally.generation => {
                (tally.group.execution_id, Some(*tally))
            }
            Ok(Image::Execution(row)) if is_news(&row) => (row.execution_id, None),
            Ok(_) => continue,
            Err(error) => {
                let event_id = Some(record.event_id).filter(|id| !id.is_empty());
                let event_id = event_id.unwrap_or_else(|| sequence_number.clone());
                // As a value first: that brings its attributes into one order, whenever it comes.
                let payload = serde_json::to_value(&record.change.new_image).unwrap_or_default();
                let (reason, payload) = (error.to_string(), payload.to_string().into_bytes());
                unreadable.push(Unreadable { event_id, sequence_number, reason, payload });
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

/// Whether there may be something to settle: it may be complete, has an event to publish, or room for
/// another segment in flight.
fn is_news(row: &ExecutionRow) -> bool {
    row.is_unpublished() || row.sealed_at.is_some() || !row.notices.is_empty() || row.handed_out.is_some()
}

/// A transaction takes an item once: of two images of one tally, one is enough.
fn keep_latest(tallies: &mut Vec<TallyRow>, tally: TallyRow) {
    match tallies.iter_mut().find(|other| other.group == tally.group) {
        Some(other) => *other = tally,
        None => tallies.push(tally),
    }
}

fn failure(sequence_number: String) -> DynamoDbBatchItemFailure {
    let mut failure = DynamoDbBatchItemFailure::default();
    failure.item_identifier = Some(sequence_number);
    failure
}
