//! Sends segment records to workers.
//!
//! A record only announces a pending row: sending it twice does no harm, and the sweeper sends a lost one again. So an error never
//! names single records: the caller sends all of them again.

use std::error::Error as StdError;
use std::fmt;

use control_table::id::SegmentId;
use control_table::message::SegmentRecord;
use futures::future::BoxFuture;

/// Sends segment records to workers: through Kinesis or SQS on AWS.
pub trait Dispatcher: fmt::Debug + Send + Sync {
    /// Sends every record. After an error some of them may be on their way; sending all of them again is safe.
    fn put<'a>(&'a self, records: &'a [SegmentRecord]) -> BoxFuture<'a, Result<(), DispatchError>>;
}

/// What carries records to workers on AWS. Its text names the stream or the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// A Kinesis stream, by its name.
    Kinesis(String),
    /// An SQS queue, by its URL.
    Sqs(String),
}

impl Transport {
    /// The environment variable that names it to a function.
    #[must_use]
    pub const fn variable(&self) -> &'static str {
        match self {
            Self::Kinesis(_) => "SEGMENT_STREAM",
            Self::Sqs(_) => "SEGMENT_QUEUE_URL",
        }
    }

    const fn service(&self) -> &'static str {
        match self {
            Self::Kinesis(_) => "Kinesis",
            Self::Sqs(_) => "SQS",
        }
    }

    /// What helps when the service is too busy again and again.
    const fn relief(&self) -> &'static str {
        match self {
            Self::Kinesis(_) => "give the stream more shards",
            Self::Sqs(_) => "see whether another program uses up the account's SQS requests",
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kinesis(name) => write!(f, "stream {name:?}"),
            Self::Sqs(url) => write!(f, "queue {url}"),
        }
    }
}

/// Records that were not sent, or not all of them.
#[derive(Debug, thiserror::Error)]
pub enum DispatchError {
    /// The stream or queue is not there.
    #[error("{transport} does not exist. Deploy infra/template.yaml, or name another in {}", .transport.variable())]
    Missing {
        /// Where the records were to go.
        transport: Transport,
    },
    /// The service was too busy, or out of reach, for longer than the bounded retries last.
    #[error(
        "{transport}: {left} records were not taken in {attempts} tries ({code}). Nothing is lost: try again; if it happens \
         often, {}", .transport.relief()
    )]
    StillBusy {
        /// Where the records were to go.
        transport: Transport,
        /// Records of the last request that were not taken.
        left: usize,
        /// The service's code for the last refusal, or the kind of failure on the way there.
        code: String,
        /// Tries made.
        attempts: u32,
    },
    /// The service refused the request.
    #[error("{transport}: {} refused the records ({code}: {message}). Check the role's permissions", .transport.service())]
    Refused {
        /// Where the records were to go.
        transport: Transport,
        /// The service's code.
        code: String,
        /// What it said.
        message: String,
        /// The SDK's error; none if the service refused single records of a request that it took.
        source: Option<Box<dyn StdError + Send + Sync>>,
    },
    /// A record that the service does not take. The limits of specs and parameters exclude it.
    #[error("{segment}: its record has {bytes} bytes, and {} takes {limit}. Make its spec or the parameters smaller", .transport.service())]
    RecordTooLarge {
        /// The segment.
        segment: SegmentId,
        /// Where the record was to go.
        transport: Transport,
        /// The record's length, with its partition key on a stream.
        bytes: usize,
        /// The longest that the service takes.
        limit: usize,
    },
    /// This program sends no records.
    #[error("{segment}: this process only reads, and sends no records (a defect of this program)")]
    NoStream {
        /// The segment.
        segment: SegmentId,
    },
    /// This process is stopping, and takes no more records.
    #[error(
        "{segment}: this process is stopping; the process that continues the execution hands the segment to a worker"
    )]
    Stopping {
        /// The segment.
        segment: SegmentId,
    },
    /// A record that has no JSON text.
    #[error("{segment}: its record cannot be written as JSON: {source} (a defect of this program)")]
    Unwritable {
        /// The segment.
        segment: SegmentId,
        /// Why not.
        source: Box<dyn StdError + Send + Sync>,
    },
}

impl DispatchError {
    /// Whether the same call may succeed later, as it is.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::StillBusy { .. })
    }
}

/// Sends no record: for a caller that starts no segment.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoDispatcher;

impl Dispatcher for NoDispatcher {
    fn put<'a>(&'a self, records: &'a [SegmentRecord]) -> BoxFuture<'a, Result<(), DispatchError>> {
        let refused = match records.first() {
            None => Ok(()),
            Some(record) => Err(DispatchError::NoStream { segment: record.segment() }),
        };
        Box::pin(std::future::ready(refused))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_its_stream_or_queue_and_what_helps_there() {
        let busy = |transport| DispatchError::StillBusy { transport, left: 3, code: "busy".to_owned(), attempts: 10 };
        let on_stream = busy(Transport::Kinesis("segments".to_owned()));
        assert!(on_stream.is_retryable());
        let text = on_stream.to_string();
        assert!(text.starts_with("stream \"segments\": 3 records") && text.ends_with("more shards"), "{text}");
        let text = busy(Transport::Sqs("https://sqs/queue".to_owned())).to_string();
        assert!(text.starts_with("queue https://sqs/queue: 3 records") && !text.contains("shard"), "{text}");
        let missing = DispatchError::Missing { transport: Transport::Sqs("https://sqs/queue".to_owned()) };
        assert!(!missing.is_retryable() && missing.to_string().ends_with("SEGMENT_QUEUE_URL"), "{missing}");
    }
}
