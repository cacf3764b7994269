//! Which records can no longer be waiting in the queue.

use std::sync::Arc;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName;
use chrono::TimeDelta;
use control_table::clock::Timestamp;
use control_table::sdk::Failure;
use engine::{Lines, PositionError, StreamPosition};
use futures::future::{BoxFuture, ready};

/// How long SQS keeps a message: `MessageRetentionPeriod` of `SegmentQueue` in `infra/template.yaml`, the most that SQS allows.
const RETENTION: TimeDelta = TimeDelta::days(14);

/// How long a queue's counts may miss a message that was sent. SQS's documentation says that they settle within a minute
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html>); twice that, for clocks
/// that differ.
const SETTLES: TimeDelta = TimeDelta::minutes(2);

const COUNTS: [QueueAttributeName; 3] = [
    QueueAttributeName::ApproximateNumberOfMessages,
    QueueAttributeName::ApproximateNumberOfMessagesDelayed,
    QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
];

/// Knows of a queue's records which can no longer be waiting. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SqsPosition {
    sqs: Client,
    queue_url: Arc<str>,
}

impl SqsPosition {
    /// Of the queue at that URL.
    #[must_use]
    pub fn new(sqs: Client, queue_url: &str) -> Self {
        Self { sqs, queue_url: queue_url.into() }
    }

    /// Shortly before `now` if the queue is empty, otherwise the retention before it. One request.
    async fn read(&self, now: Timestamp) -> Result<Timestamp, PositionError> {
        let request = self.sqs.get_queue_attributes().queue_url(&*self.queue_url);
        let answer = request.set_attribute_names(Some(COUNTS.to_vec())).send().await.map_err(|error| {
            let Failure { code, message, .. } = Failure::of(&error);
            PositionError::Counts { queue_url: self.queue_url.to_string(), code, message, source: Box::new(error) }
        })?;
        let counts = answer.attributes.unwrap_or_default();
        // A count that is missing is not zero.
        let is_empty = COUNTS.iter().all(|name| counts.get(name).is_some_and(|count| count == "0"));
        Ok(now.plus(-if is_empty { SETTLES } else { RETENTION }))
    }
}

impl StreamPosition for SqsPosition {
    fn read_until(&self, now: Timestamp) -> BoxFuture<'_, Result<Timestamp, PositionError>> {
        Box::pin(self.read(now))
    }

    /// The queue counts its messages itself.
    fn records_put(&self, _: u64, _: Timestamp) -> BoxFuture<'_, Result<(), PositionError>> {
        Box::pin(ready(Ok(())))
    }

    /// One line: SQS keeps to the order of the messages of a group as well as it can. It promises nothing, and a message whose record could
    /// not be recorded hides for up to 15 minutes; then the segment has two records, which does no harm.
    fn lines(&self) -> BoxFuture<'_, Result<Lines, PositionError>> {
        Box::pin(ready(Ok(Lines::one())))
    }
}
