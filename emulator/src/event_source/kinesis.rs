//! The mapping from a Kinesis stream to a function.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{info, warn};

use super::batch::{Batch, Outcome, finalize, outcome_of};
use super::event::kinesis_event;
use super::handler::{KinesisHandler, call};
use super::host::{Host, rest};
use super::lanes::Lanes;
use super::settings::KinesisSettings;
use crate::embedded::{Changes, EmbeddedKinesis, Shard, ShardRecord};

/// Every put rings; this is for the one that would not.
const SLOW_POLL: Duration = Duration::from_secs(1);

/// Records read ahead of the lanes, at least. Enough that a lane rarely finds nothing while its neighbours are full,
/// few enough that what is read twice after a restart of the reading is nothing.
const AHEAD_MIN: usize = 128;

/// Reads the shards of a stream and invokes a function with their records.
pub struct KinesisMapping<H> {
    kinesis: EmbeddedKinesis,
    handler: Arc<H>,
    settings: KinesisSettings,
    host: Host,
    slots: Arc<Semaphore>,
}

impl<H: KinesisHandler> KinesisMapping<H> {
    /// A mapping with the given settings, which writes what it gives up on to the log.
    pub fn new(kinesis: &EmbeddedKinesis, handler: Arc<H>, settings: KinesisSettings, host: Host) -> Self {
        let slots = Arc::new(Semaphore::new(Semaphore::MAX_PERMITS));
        Self { kinesis: kinesis.clone(), handler, settings, host, slots }
    }

    /// At most `count` invocations at a time, in all shards together, whatever the parallelisation factor.
    #[must_use]
    pub fn workers(mut self, count: usize) -> Self {
        self.slots = Arc::new(Semaphore::new(count.clamp(1, Semaphore::MAX_PERMITS)));
        self
    }

    /// Runs until the host's stop, and then until every invocation has ended or its grace is over.
    pub async fn run(self, shards: Vec<Shard>) {
        let mut pollers = JoinSet::new();
        for shard in shards {
            let settings = &self.settings;
            let poller = Poller {
                lanes: Lanes::new(settings.parallelization_factor, settings.batch_size),
                ahead: (settings.parallelization_factor * settings.batch_size * 2).max(AHEAD_MIN),
                changes: self.kinesis.changes(),
                running: JoinSet::new(),
                unread: true,
                invoker: Invoker {
                    shard,
                    handler: Arc::clone(&self.handler),
                    settings: *settings,
                    host: self.host.clone(),
                    slots: Arc::clone(&self.slots),
                },
            };
            pollers.spawn(poller.run());
        }
        while let Some(ended) = pollers.join_next().await {
            if let Err(error) = ended {
                warn!(%error, "a shard's poller ended with an error");
            }
        }
    }
}

/// One shard's reader.
struct Poller<H> {
    invoker: Invoker<H>,
    lanes: Lanes,
    /// How many records may wait in the lanes.
    ahead: usize,
    changes: Changes,
    running: JoinSet<Ended>,
    /// Whether the shard may have records that are not in the lanes.
    unread: bool,
}

/// An invocation that has ended. Without an outcome, it did not begin, because of the stop.
struct Ended {
    lane: usize,
    batch: Batch<ShardRecord>,
    outcome: Option<Outcome>,
}

impl<H: KinesisHandler> Poller<H> {
    async fn run(mut self) {
        let mut stop = self.invoker.host.stop();
        while !stop.is_requested() {
            self.fill().await;
            self.start();
            tokio::select! {
                Some(ended) = self.running.join_next() => self.end(ended).await,
                alive = self.changes.wait(), if !self.unread => {
                    self.unread = true;
                    if !alive { break }
                }
                () = sleep(SLOW_POLL) => self.unread = true,
                () = stop.requested() => {}
            }
        }
        self.drain().await;
    }

    async fn fill(&mut self) {
        let room = self.ahead.saturating_sub(self.lanes.waiting());
        // Half-empty before it is refilled, because each reading passes over what is taken.
        if !self.unread || room < self.ahead / 2 {
            return;
        }
        let records = self.invoker.shard.read(self.lanes.taken(), room).await;
        self.unread = records.len() == room;
        for record in records {
            self.lanes.add(record);
        }
    }

    fn start(&mut self) {
        while let Some((lane, batch)) = self.lanes.next() {
            let invoker = self.invoker.clone();
            self.running.spawn(async move {
                let outcome = invoker.invoke(&batch).await;
                Ended { lane, batch, outcome }
            });
        }
    }

    async fn end(&mut self, ended: Result<Ended, tokio::task::JoinError>) {
        let Ended { lane, batch, outcome } = match ended {
            Ok(ended) => ended,
            // The handler runs apart, so this is a fault of ours; the records come again with the next start.
            Err(error) => return warn!(%error, "an invocation was lost"),
        };
        let Some(outcome) = outcome else { return };
        let mut finalized = finalize(batch, outcome, self.invoker.settings.retries);
        if !finalized.given_up.is_empty() {
            warn!(count = finalized.given_up.len(), "gave up on records of the Kinesis stream");
        }
        finalized.done.append(&mut finalized.given_up);
        let keys: Vec<_> = finalized.done.into_iter().map(|record| record.key).collect();
        if !keys.is_empty() {
            self.invoker.shard.forget(&keys).await;
            self.lanes.release(&keys);
        }
        self.lanes.free(lane, finalized.again);
    }

    /// Lets what runs come to an end, for as long as the grace lasts.
    async fn drain(&mut self) {
        let end = Instant::now() + self.invoker.host.grace();
        while !self.running.is_empty() {
            tokio::select! {
                Some(ended) = self.running.join_next() => self.end(ended).await,
                () = sleep_until(end) => {
                    info!(count = self.running.len(), "ended invocations whose grace was over");
                    return self.running.shutdown().await;
                }
            }
        }
    }
}

/// What it takes to invoke the function with a batch of a shard.
struct Invoker<H> {
    shard: Shard,
    handler: Arc<H>,
    settings: KinesisSettings,
    host: Host,
    slots: Arc<Semaphore>,
}

impl<H> Clone for Invoker<H> {
    fn clone(&self) -> Self {
        Self {
            shard: self.shard.clone(),
            handler: Arc::clone(&self.handler),
            settings: self.settings,
            host: self.host.clone(),
            slots: Arc::clone(&self.slots),
        }
    }
}

impl<H: KinesisHandler> Invoker<H> {
    async fn invoke(&self, batch: &Batch<ShardRecord>) -> Option<Outcome> {
        let mut stop = self.host.stop();
        let begin = async {
            rest(batch.retries).await;
            self.slots.acquire().await
        };
        let _slot = tokio::select! {
            biased;
            () = stop.requested() => return None,
            slot = begin => slot.ok()?,
        };
        let timeout = self.settings.timeout;
        let invocation = self.host.invocation(timeout);
        let request_id = invocation.request_id.clone();
        let event = kinesis_event(&self.shard, &batch.records);
        let handler = Arc::clone(&self.handler);
        let Some(answer) = call(async move { handler.handle(event, invocation).await }, &request_id, timeout).await
        else {
            return Some(Outcome::Failed);
        };
        let ids: Vec<_> = batch.records.iter().map(|record| record.sequence_number.as_str()).collect();
        let failed = answer.batch_item_failures.iter().map(|item| item.item_identifier.as_deref());
        Some(outcome_of(failed, &ids, self.settings.retries))
    }
}
