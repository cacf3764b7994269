//! The event source mapping: each lane's batches to the worker function, one after the other.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use control_table::clock::{Clock, Timestamp};
use runtime::{Delivery, Invocation, Worker};
use tokio::sync::watch;

use super::SegmentStream;
use super::shard::{Lane, Shard, Stored};
use crate::lambda::{Function, InvocationError, Turn};

/// The worker function.
pub type Workers = Function<Worker>;

/// How long Lambda waits before it invokes a function again that was throttled or failed. Assumed.
const RETRY_WAIT: Duration = Duration::from_secs(2);

/// The mapping of the segment stream to the worker function. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Mapping {
    stream: Arc<SegmentStream>,
    workers: Arc<Workers>,
    enabled: watch::Sender<bool>,
}

impl Mapping {
    /// A mapping that works every shard of the stream.
    #[must_use]
    pub fn begin(stream: Arc<SegmentStream>, workers: Arc<Workers>) -> Self {
        let mapping = Self { stream, workers, enabled: watch::Sender::new(true) };
        mapping.follow(&mapping.stream.shards());
        mapping
    }

    /// Pauses or continues. A batch that is under way ends.
    pub fn enable(&self, enabled: bool) {
        self.enabled.send_replace(enabled);
    }

    /// Splits every open shard of the stream in two.
    pub fn split(&self) {
        self.follow(&self.stream.split());
    }

    /// Merges each two neighbours of the open shards.
    pub fn merge(&self) {
        self.follow(&self.stream.merge());
    }

    fn follow(&self, shards: &[Arc<Shard>]) {
        for shard in shards {
            for lane in &shard.lanes {
                let (mapping, shard, lane) = (self.clone(), Arc::clone(shard), Arc::clone(lane));
                tokio::spawn(async move { mapping.work(&shard, &lane).await });
            }
        }
    }

    /// Works one lane for as long as the simulation lasts.
    async fn work(&self, shard: &Shard, lane: &Lane) {
        let settings = self.stream.surroundings.parameters.stream;
        for parent in &shard.parents {
            while !parent.is_drained(self.expired_before()) {
                tokio::time::sleep(settings.poll).await;
            }
        }
        let mut enabled = self.enabled.subscribe();
        loop {
            if enabled.wait_for(|enabled| *enabled).await.is_err() {
                return;
            }
            if settings.batch_window > Duration::ZERO && lane.waiting() < settings.batch_size {
                tokio::time::sleep(settings.batch_window).await;
            }
            let (batch, expired) = lane.take(settings.batch_size, || self.expired_before()).await;
            self.stream.surroundings.meter.lock().expired += expired;
            if batch.is_empty() {
                self.wait_for_poll().await;
                continue;
            }
            self.work_batch(shard, batch).await;
            lane.done();
        }
    }

    /// An idle shard is asked once a second.
    async fn wait_for_poll(&self) {
        let poll = self.stream.surroundings.parameters.stream.poll.as_millis().max(1);
        let since = self.stream.surroundings.clock.elapsed().num_milliseconds();
        let left = poll - u128::try_from(since).unwrap_or(0) % poll;
        tokio::time::sleep(Duration::from_millis(u64::try_from(left).unwrap_or(0))).await;
    }

    /// Invokes the worker until every record of the batch is done, given up or expired.
    async fn work_batch(&self, shard: &Shard, batch: Vec<Stored>) {
        let (mut parts, mut failures) = (vec![batch], 0);
        while let Some(batch) = parts.pop() {
            let batch = self.without_expired(batch);
            if batch.is_empty() {
                continue;
            }
            self.note_age(&batch);
            match self.invoke(shard, &batch).await {
                Ok(None) => failures = 0,
                // From the first record on that is not done.
                Ok(Some(from)) => self.again(&mut parts, batch[from..].to_vec(), &mut failures).await,
                Err(InvocationError::Throttled) => {
                    tokio::time::sleep(RETRY_WAIT).await;
                    parts.push(batch);
                }
                // Bisected: a half by itself may go through. That is no retry.
                Err(InvocationError::TimedOut) if batch.len() > 1 => {
                    let (first, second) = batch.split_at(batch.len() / 2);
                    parts.extend([second.to_vec(), first.to_vec()]);
                }
                Err(InvocationError::TimedOut) => self.again(&mut parts, batch, &mut failures).await,
            }
        }
    }

    async fn again(&self, parts: &mut Vec<Vec<Stored>>, batch: Vec<Stored>, failures: &mut u32) {
        *failures += 1;
        if *failures > self.stream.surroundings.parameters.stream.retries {
            self.stream.surroundings.meter.lock().given_up += 1;
            *failures = 0;
            return;
        }
        tokio::time::sleep(RETRY_WAIT).await;
        parts.push(batch);
    }

    /// The place of the first record that is not done; `None` if all are.
    async fn invoke(&self, shard: &Shard, batch: &[Stored]) -> Result<Option<usize>, InvocationError> {
        let records = batch.iter().map(|record| delivery(shard, record)).collect();
        let answer = self.workers.invoke(|turn: Turn<Worker>| async move {
            let invocation = Invocation { request_id: turn.request_id, deadline: turn.deadline };
            turn.state.handle(records, invocation).await
        });
        Ok(answer.await?.into_iter().min())
    }

    fn without_expired(&self, batch: Vec<Stored>) -> Vec<Stored> {
        let (expired_before, all) = (self.expired_before(), batch.len());
        let kept: Vec<Stored> = batch.into_iter().filter(|record| record.put_at >= expired_before).collect();
        self.stream.surroundings.meter.lock().expired += (all - kept.len()) as u64;
        kept
    }

    fn note_age(&self, batch: &[Stored]) {
        let now = self.stream.surroundings.clock.timestamp();
        let oldest = batch.iter().map(|record| now.millis_since(record.put_at)).max().unwrap_or(0);
        let oldest = TimeDelta::milliseconds(i64::try_from(oldest).unwrap_or(i64::MAX));
        let mut usage = self.stream.surroundings.meter.lock();
        usage.oldest_record = usage.oldest_record.max(oldest);
    }

    fn expired_before(&self) -> Timestamp {
        let retention = TimeDelta::from_std(self.stream.surroundings.parameters.stream.retention);
        self.stream.surroundings.clock.timestamp().plus(-retention.unwrap_or(TimeDelta::MAX))
    }
}

fn delivery(shard: &Shard, record: &Stored) -> Delivery {
    Delivery { id: Some(format!("{}:{:020}", shard.name(), record.sequence)), data: record.data.to_vec() }
}
