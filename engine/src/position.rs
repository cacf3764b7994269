//! How far workers have read the records that were put.
//!
//! A record that still waits in a stream must not be put again: it would be worked on once, and then cost an invocation for nothing, and
//! the next one, and so on for as long as the stream is behind. So a record is put again only if it cannot be waiting any more.

use std::error::Error as StdError;
use std::fmt;

use control_table::clock::Timestamp;
use futures::future::BoxFuture;

use crate::dispatch::DispatchError;
use crate::lines::Lines;

/// Knows which records can no longer be waiting: a stream by its watermarks and its retention, a queue by its emptiness.
pub trait StreamPosition: fmt::Debug + Send + Sync {
    /// The moment before which every record that was put was handed to a worker, or is gone. [`Timestamp::EPOCH`] if it cannot say.
    fn read_until(&self, now: Timestamp) -> BoxFuture<'_, Result<Timestamp, PositionError>>;

    /// Notes that so many records were put just now.
    fn records_put(&self, records: u64, now: Timestamp) -> BoxFuture<'_, Result<(), PositionError>>;

    /// The lines in which records wait, for what can be concluded from those that were read; unknown unless an implementation says
    /// otherwise.
    fn lines(&self) -> BoxFuture<'_, Result<Lines, PositionError>> {
        Box::pin(std::future::ready(Ok(Lines::unknown())))
    }
}

/// The position is not known, or a put is not noted. Nothing is lost: until it succeeds, no record is put again.
#[derive(Debug, thiserror::Error)]
pub enum PositionError {
    /// The control table, which has the watermarks.
    #[error(transparent)]
    Table(#[from] control_table::Error),
    /// The stream did not take the probes.
    #[error(transparent)]
    Probe(#[from] DispatchError),
    /// The stream did not say which shards it has.
    #[error(
        "stream {stream:?}: its shards cannot be listed ({code}: {message}). Check that the role allows kinesis:ListShards"
    )]
    Shards {
        /// The stream's name.
        stream: String,
        /// The service's code.
        code: String,
        /// What it said.
        message: String,
        /// The SDK's error.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The queue did not say how many messages it has.
    #[error(
        "queue {queue_url}: its counts cannot be read ({code}: {message}). Check that the role allows sqs:GetQueueAttributes"
    )]
    Counts {
        /// The queue's URL.
        queue_url: String,
        /// The service's code.
        code: String,
        /// What it said.
        message: String,
        /// The SDK's error.
        source: Box<dyn StdError + Send + Sync>,
    },
}

/// Records that reach a worker as they are put: none of them waits.
#[derive(Debug, Clone, Copy, Default)]
pub struct NothingWaits;

impl StreamPosition for NothingWaits {
    fn read_until(&self, now: Timestamp) -> BoxFuture<'_, Result<Timestamp, PositionError>> {
        Box::pin(std::future::ready(Ok(now)))
    }

    fn records_put(&self, _: u64, _: Timestamp) -> BoxFuture<'_, Result<(), PositionError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}
