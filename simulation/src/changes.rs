//! The table's stream, as gather's event source mapping reads it: changes that passed the filter, in batches, shard by shard.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use control_table::message::StreamImage;
use control_table::rows::AnyRow;
use engine::Engine;
use engine::gather::GatherImage;
use tokio::sync::mpsc;

use crate::lambda::{Function, InvocationError, Turn};
use crate::surroundings::Surroundings;

/// Images of a batch at most: the template's `BatchSize`.
const BATCH: usize = 100;

/// Lambda asks a shard of a table's stream four times a second (AWS: Lambda with `DynamoDB`).
const POLL: Duration = Duration::from_millis(250);

/// Retries of a batch: the template's `MaximumRetryAttempts`.
const RETRIES: u32 = 10;

/// How long Lambda waits before it invokes a function again that was throttled or failed. Assumed.
const RETRY_WAIT: Duration = Duration::from_secs(2);

/// The mapping of the table's stream to the gather function.
#[derive(Debug, Clone)]
pub struct ChangeMapping {
    surroundings: Surroundings,
    gather: Arc<Function<Engine>>,
}

impl ChangeMapping {
    /// Passes on every change, for as long as the simulation lasts.
    pub fn begin(surroundings: Surroundings, gather: Arc<Function<Engine>>, changes: mpsc::UnboundedReceiver<AnyRow>) {
        let shards = surroundings.parameters.table.stream_shards.max(1);
        let mapping = Self { surroundings, gather };
        let shards: Vec<_> = (0..shards).map(|_| mapping.shard()).collect();
        tokio::spawn(spread(changes, shards));
    }

    fn shard(&self) -> mpsc::UnboundedSender<AnyRow> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let mapping = self.clone();
        tokio::spawn(async move { mapping.work(receiver).await });
        sender
    }

    async fn work(&self, mut changes: mpsc::UnboundedReceiver<AnyRow>) {
        let mut sequence = 0_u64;
        while let Some(first) = changes.recv().await {
            tokio::time::sleep(POLL).await;
            let mut batch = vec![(sequence, first)];
            while batch.len() < BATCH
                && let Ok(row) = changes.try_recv()
            {
                sequence += 1;
                batch.push((sequence, row));
            }
            sequence += 1;
            self.work_batch(batch).await;
        }
    }

    async fn work_batch(&self, mut batch: Vec<(u64, AnyRow)>) {
        let mut failures = 0;
        while failures <= RETRIES {
            match self.invoke(&batch).await {
                Ok(None) => return,
                Ok(Some(from)) => {
                    batch.drain(..from);
                    failures += 1;
                }
                Err(InvocationError::Throttled) => {}
                Err(InvocationError::TimedOut) => failures += 1,
            }
            tokio::time::sleep(RETRY_WAIT).await;
        }
        self.surroundings.meter.lock().given_up += 1;
    }

    /// The place from which the stream repeats; `None` if all is done.
    async fn invoke(&self, batch: &[(u64, AnyRow)]) -> Result<Option<usize>, InvocationError> {
        let images: Vec<GatherImage> = batch.iter().map(|(sequence, row)| image(*sequence, row)).collect();
        let answer = self.gather.invoke(|turn: Turn<Engine>| async move { turn.state.gather(images).await });
        let again = answer.await?;
        Ok(batch.iter().position(|(sequence, _)| again.contains(&sequence.to_string())))
    }
}

/// Sends each change to its partition's shard, so that the changes of an item stay in order.
async fn spread(mut changes: mpsc::UnboundedReceiver<AnyRow>, shards: Vec<mpsc::UnboundedSender<AnyRow>>) {
    while let Some(row) = changes.recv().await {
        let mut hasher = DefaultHasher::new();
        row.key().item_key().pk.hash(&mut hasher);
        let place = usize::try_from(hasher.finish() % shards.len() as u64).unwrap_or(0);
        if shards[place].send(row).is_err() {
            return;
        }
    }
}

fn image(sequence: u64, row: &AnyRow) -> GatherImage {
    let image = match row {
        AnyRow::Tally(row) => StreamImage::Tally(row.clone()),
        AnyRow::Execution(row) => StreamImage::Execution(row.clone()),
        _ => StreamImage::Other,
    };
    GatherImage { sequence_number: sequence.to_string(), event_id: sequence.to_string(), image: Ok(image) }
}
