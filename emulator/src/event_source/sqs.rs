//! The event source mapping of an SQS queue.
//!
//! What the function's answer does not name is deleted. The rest, and a whole batch whose call failed, comes again when it is visible
//! again: SQS counts its receives, and this mapping no retries.

use std::collections::HashSet;
use std::sync::Arc;

use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::{info, warn};

use super::handler::{SqsHandler, call};
use super::host::Host;
use super::settings::SqsSettings;
use crate::embedded::{EmbeddedSqs, QueueMessage, REGION};

/// Reads a queue and invokes a function with its messages.
pub struct SqsMapping<H> {
    sqs: EmbeddedSqs,
    handler: Arc<H>,
    settings: SqsSettings,
    host: Host,
}

impl<H: SqsHandler> SqsMapping<H> {
    /// A mapping with the given settings.
    pub fn new(sqs: &EmbeddedSqs, handler: Arc<H>, settings: SqsSettings, host: Host) -> Self {
        Self { sqs: sqs.clone(), handler, settings, host }
    }

    /// Runs until the host's stop, and then until every invocation has ended or its grace is over.
    pub async fn run(self) {
        let (mut stop, mut changes) = (self.host.stop(), self.sqs.changes());
        let mut running = JoinSet::new();
        while !stop.is_requested() {
            while running.len() < self.settings.maximum_concurrency {
                let messages = self.sqs.receive(self.settings.batch_size);
                if messages.is_empty() {
                    break;
                }
                running.spawn(self.invoke(messages));
            }
            let has_room = running.len() < self.settings.maximum_concurrency;
            let next_visible = self.sqs.next_visible_in().filter(|_| has_room);
            tokio::select! {
                Some(ended) = running.join_next() => note(ended),
                alive = changes.wait(), if has_room => if !alive { break },
                () = sleep(next_visible.unwrap_or_default()), if next_visible.is_some() => {}
                () = stop.requested() => {}
            }
        }
        self.drain(running).await;
    }

    fn invoke(&self, messages: Vec<QueueMessage>) -> impl Future<Output = ()> + Send + 'static {
        let (sqs, handler, timeout) = (self.sqs.clone(), Arc::clone(&self.handler), self.settings.timeout);
        let invocation = self.host.invocation(timeout);
        async move {
            let event = event(&sqs, &messages);
            let request_id = invocation.request_id.clone();
            let answer = call(async move { handler.handle(event, invocation).await }, &request_id, timeout).await;
            let Some(answer) = answer else { return };
            let failed: HashSet<&str> =
                answer.batch_item_failures.iter().map(|failure| failure.item_identifier.as_str()).collect();
            // An identifier of no message fails the batch, as on AWS.
            if failed.iter().all(|id| messages.iter().any(|message| message.message_id == *id)) {
                let done = messages.iter().filter(|message| !failed.contains(message.message_id.as_str()));
                sqs.delete(done.map(|message| message.receipt_handle.as_str()));
            }
        }
    }

    /// Lets what runs come to an end, for as long as the grace lasts.
    async fn drain(&self, mut running: JoinSet<()>) {
        let end = Instant::now() + self.host.grace();
        while let Ok(Some(ended)) = timeout_at(end, running.join_next()).await {
            note(ended);
        }
        if !running.is_empty() {
            info!(count = running.len(), "ended invocations whose grace was over");
            running.shutdown().await;
        }
    }
}

fn note(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        warn!(%error, "an invocation was lost");
    }
}

/// The messages in the shape in which Lambda hands them to a function.
pub fn event(sqs: &EmbeddedSqs, messages: &[QueueMessage]) -> SqsEvent {
    let mut event = SqsEvent::default();
    event.records = messages.iter().map(|message| record(sqs, message)).collect();
    event
}

fn record(sqs: &EmbeddedSqs, message: &QueueMessage) -> SqsMessage {
    let mut record = SqsMessage::default();
    record.message_id = Some(message.message_id.clone());
    record.receipt_handle = Some(message.receipt_handle.clone());
    record.body = Some(message.body.clone());
    record.attributes.insert("ApproximateReceiveCount".to_owned(), message.received.to_string());
    if let Some(group) = &message.group {
        record.attributes.insert("MessageGroupId".to_owned(), group.clone());
    }
    record.event_source = Some("aws:sqs".to_owned());
    record.event_source_arn = Some(sqs.queue_arn());
    record.aws_region = Some(REGION.to_owned());
    record
}
