//! The mapping from a table's stream to a function.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout, timeout_at};
use tracing::{info, warn};

use super::batch::{Batch, Outcome, finalize, outcome_of};
use super::event::dynamodb_event;
use super::filter::Filter;
use super::handler::{DynamoDbHandler, call};
use super::host::{Host, rest};
use super::settings::DynamoDbSettings;
use crate::StopSignal;
use crate::embedded::{Changes, EmbeddedDynamoDb, EmbeddedError, StoredChange, TableStream};

/// Records of one read of the stream; Lambda reads as many.
const READ_MAX: u32 = 1_000;

/// Every write through the SDK and through the endpoint rings; this is for the deletion of expired items.
const SLOW_POLL: Duration = Duration::from_secs(1);

/// Nearly every change of the control table is none of the function's business. A pause after a read without any keeps
/// a busy table from being read once a write.
const BREATH: Duration = Duration::from_millis(2);

/// Passed-over records are trimmed by the hundred, because a trim is a transaction, or when nothing was written for a
/// while. They are only read again after a crash.
const TRIM_EACH: usize = 128;
const TRIM_IDLE: Duration = Duration::from_millis(50);

/// Failed reads in a row before the mapping gives up: some five minutes, by the pauses between them.
const READ_FAILURES_MAX: u32 = 30;

/// Reads a table's stream and invokes a function with the changes that pass the filter, one batch at a time.
pub struct DynamoDbMapping<H> {
    stream: TableStream,
    changes: Changes,
    handler: Arc<H>,
    settings: DynamoDbSettings,
    filter: Filter,
    host: Host,
    /// Read and not yet looked at.
    ahead: VecDeque<StoredChange>,
    /// Where the next read begins.
    read_to: i64,
    /// Everything up to here is done, and everything up to `trimmed_to` deleted as well.
    done_to: i64,
    trimmed_to: i64,
    passed_over: usize,
}

impl<H: DynamoDbHandler> DynamoDbMapping<H> {
    /// A mapping of a table that exists, with the given settings, which writes what it gives up on to the log.
    pub fn new(
        database: &EmbeddedDynamoDb,
        table: &str,
        handler: Arc<H>,
        settings: DynamoDbSettings,
        host: Host,
    ) -> Result<Self, EmbeddedError> {
        Ok(Self {
            stream: database.stream(table)?,
            changes: database.changes(),
            handler,
            settings,
            host,
            filter: Filter::parse(settings.filters.iter().copied())?,
            ahead: VecDeque::new(),
            read_to: 0,
            done_to: 0,
            trimmed_to: 0,
            passed_over: 0,
        })
    }

    /// Runs until the host's stop, or until the stream cannot be read for minutes on end.
    pub async fn run(mut self) -> Result<(), EmbeddedError> {
        let mut stop = self.host.stop();
        let mut failures = 0;
        while !stop.is_requested() {
            match self.round(&mut stop).await {
                Ok(()) => failures = 0,
                Err(error) if failures >= READ_FAILURES_MAX => return Err(error),
                Err(error) => {
                    failures += 1;
                    // What was read and not delivered is read again.
                    self.ahead.clear();
                    self.read_to = self.done_to;
                    warn!(%error, failures, "cannot read the table's stream; trying again");
                    tokio::select! { () = rest(failures) => {}, () = stop.requested() => {} }
                }
            }
        }
        self.trim().await
    }

    /// Reads a batch and delivers it, or waits until there may be one.
    async fn round(&mut self, stop: &mut StopSignal) -> Result<(), EmbeddedError> {
        let Collected { records, through, at_end } = self.collect(stop).await?;
        if !records.is_empty() {
            if !self.deliver(records, stop).await {
                return Ok(());
            }
            self.done_to = through;
            return self.trim().await;
        }
        self.done_to = self.done_to.max(through);
        if self.passed_over >= TRIM_EACH {
            self.trim().await?;
        }
        if at_end {
            self.wait(stop).await?;
        }
        Ok(())
    }

    /// Waits for a write, and trims what was passed over if none comes for a while.
    async fn wait(&mut self, stop: &mut StopSignal) -> Result<(), EmbeddedError> {
        let patience = if self.done_to > self.trimmed_to { TRIM_IDLE } else { SLOW_POLL };
        let rung = tokio::select! {
            rung = timeout(patience, self.changes.wait()) => rung,
            () = stop.requested() => return Ok(()),
        };
        if rung.is_err() { self.trim().await } else { Ok(()) }
    }

    async fn trim(&mut self) -> Result<(), EmbeddedError> {
        if self.done_to > self.trimmed_to {
            self.stream.trim(self.done_to).await?;
            self.trimmed_to = self.done_to;
            self.passed_over = 0;
        }
        Ok(())
    }

    /// The next records that pass the filter: a full batch, or what there is once the batching window is over.
    async fn collect(&mut self, stop: &mut StopSignal) -> Result<Collected, EmbeddedError> {
        let mut collected = Collected { records: Vec::new(), through: self.done_to, at_end: false };
        let mut window_end = None;
        while !self.take_matching(&mut collected) {
            let read = self.stream.read(self.read_to, READ_MAX).await?;
            let Some(last) = read.last() else {
                if collected.records.is_empty() {
                    collected.at_end = true;
                    return Ok(collected);
                }
                let end = *window_end.get_or_insert_with(|| Instant::now() + self.settings.batching_window);
                if Instant::now() >= end {
                    return Ok(collected);
                }
                tokio::select! {
                    rung = timeout_at(end, self.changes.wait()) => if rung.is_err() { return Ok(collected) },
                    () = stop.requested() => return Ok(collected),
                }
                continue;
            };
            self.read_to = last.position;
            self.ahead.extend(read);
            if !self.take_matching(&mut collected) && collected.records.is_empty() {
                sleep(BREATH).await;
                return Ok(collected);
            }
        }
        Ok(collected)
    }

    /// Moves what was read into the batch, or past it. True when the batch is full.
    fn take_matching(&mut self, collected: &mut Collected) -> bool {
        let batch_size = self.settings.batch_size.max(1);
        while collected.records.len() < batch_size {
            let Some(change) = self.ahead.pop_front() else {
                return false;
            };
            collected.through = change.position;
            if self.filter.matches(&change.event) {
                collected.records.push(change);
            } else {
                self.passed_over += 1;
            }
        }
        true
    }

    /// Invokes the function until every record is done or given up. False: the stop came first.
    async fn deliver(&mut self, records: Vec<StoredChange>, stop: &mut StopSignal) -> bool {
        let mut todo = VecDeque::from([Batch::fresh(records)]);
        while let Some(batch) = todo.pop_front() {
            tokio::select! {
                biased;
                () = stop.requested() => return false,
                () = rest(batch.retries) => {}
            }
            let Some(outcome) = self.invoke_within_grace(&batch, stop).await else {
                return false;
            };
            let finalized = finalize(batch, outcome, self.settings.retries);
            if !finalized.given_up.is_empty() {
                warn!(count = finalized.given_up.len(), "gave up on records of the table's stream");
            }
            for again in finalized.again.into_iter().rev() {
                todo.push_front(again);
            }
        }
        true
    }

    async fn invoke_within_grace(&self, batch: &Batch<StoredChange>, stop: &mut StopSignal) -> Option<Outcome> {
        let grace_over = async {
            stop.requested().await;
            sleep(self.host.grace()).await;
        };
        tokio::select! {
            outcome = self.invoke(batch) => Some(outcome),
            () = grace_over => {
                info!(count = batch.records.len(), "ended an invocation whose grace was over");
                None
            }
        }
    }

    async fn invoke(&self, batch: &Batch<StoredChange>) -> Outcome {
        let event = match dynamodb_event(&batch.records) {
            Ok(event) => event,
            Err(error) => {
                warn!(%error, "a record of the table's stream is not as Lambda has it");
                return Outcome::Failed;
            }
        };
        let ids: Vec<String> =
            event.records.iter().map(|record| record.change.sequence_number.clone().unwrap_or_default()).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let invocation = self.host.invocation(self.settings.timeout);
        let request_id = invocation.request_id.clone();
        let handler = Arc::clone(&self.handler);
        let work = async move { handler.handle(event, invocation).await };
        let Some(answer) = call(work, &request_id, self.settings.timeout).await else {
            return Outcome::Failed;
        };
        let failed = answer.batch_item_failures.iter().map(|item| item.item_identifier.as_deref());
        outcome_of(failed, &ids, self.settings.retries)
    }
}

/// What one look at the stream gave.
struct Collected {
    records: Vec<StoredChange>,
    /// The position of the last record that was looked at.
    through: i64,
    /// Whether there was nothing more to read.
    at_end: bool,
}
