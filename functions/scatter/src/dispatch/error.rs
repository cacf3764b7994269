//! What can go wrong on the way to the stream.

use std::error::Error as StdError;

use control_table::id::SegmentId;

use super::batch::MAX_RECORD_BYTES;

/// Records that are not on the stream, or not all of them.
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
        "{segment}: its record has {bytes} bytes, and Kinesis takes {MAX_RECORD_BYTES}. Make its spec or the parameters smaller"
    )]
    RecordTooLarge {
        /// The segment.
        segment: SegmentId,
        /// The record's length with its partition key.
        bytes: usize,
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
