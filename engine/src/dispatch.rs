//! Sends segment records to workers.
//!
//! A record only announces a pending row: sending it twice does no harm, and the sweeper sends a lost one again. So an error never
//! names single records: the caller sends all of them again.

use std::error::Error as StdError;
use std::fmt;

use control_table::id::SegmentId;
use control_table::message::SegmentRecord;
use futures::future::BoxFuture;

/// Sends segment records to workers: through Kinesis on AWS.
pub trait Dispatcher: fmt::Debug + Send + Sync {
    /// Sends every record. After an error some of them may be on their way; sending all of them again is safe.
    fn put<'a>(&'a self, records: &'a [SegmentRecord]) -> BoxFuture<'a, Result<(), DispatchError>>;
}

/// Records that were not sent, or not all of them.
#[derive(Debug, thiserror::Error)]
pub enum DispatchError {
    /// The stream is not there.
    #[error("there is no Kinesis stream {stream:?}. Deploy infra/template.yaml, or name another in SEGMENT_STREAM")]
    StreamMissing {
        /// The stream's name.
        stream: String,
    },
    /// Kinesis was too busy, or out of reach, for longer than the bounded retries last.
    #[error(
        "stream {stream:?}: {left} records were not taken in {attempts} tries ({code}). Nothing is lost: try again; if it happens \
         often, give the stream more shards"
    )]
    StillBusy {
        /// The stream's name.
        stream: String,
        /// Records of the last request that were not taken.
        left: usize,
        /// Kinesis' code for the last refusal, or the kind of failure on the way there.
        code: String,
        /// Tries made.
        attempts: u32,
    },
    /// Kinesis refused the request.
    #[error("stream {stream:?}: Kinesis refused the records ({code}: {message}). Check the role's permissions")]
    Refused {
        /// The stream's name.
        stream: String,
        /// Kinesis' code.
        code: String,
        /// What it said.
        message: String,
        /// The SDK's error.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// A record that Kinesis does not take. The limits of specs and parameters exclude it.
    #[error(
        "{segment}: its record has {bytes} bytes, and the stream takes {limit}. Make its spec or the parameters smaller"
    )]
    RecordTooLarge {
        /// The segment.
        segment: SegmentId,
        /// The record's length with its partition key.
        bytes: usize,
        /// The longest that the stream takes.
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
