//! What can go wrong between this process and its embedded services.

use std::path::PathBuf;

/// A failure of an embedded service, in words that say what to do.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// The database file could not be opened or created.
    #[error("the embedded DynamoDB cannot be opened: {reason}")]
    Open {
        /// The database file.
        path: PathBuf,
        /// The file, what is wrong with it, and what a user can do.
        reason: String,
    },
    /// The path of the database cannot be handed to SQLite.
    #[error("the path {0:?} is not valid Unicode, which the embedded DynamoDB needs; choose another data directory")]
    PathNotUnicode(PathBuf),
    /// A stream was asked for on a database without a file.
    #[error("an in-memory DynamoDB has no readable stream; open one with a file instead (EmbeddedDynamoDb::open)")]
    NoStreamInMemory,
    /// The table does not exist or has no stream.
    #[error("the table {0} has no stream here; create it first, with a StreamSpecification of NEW_IMAGE")]
    NoStream(String),
    /// A stream record could not be read back.
    #[error("a record of the stream of {table} cannot be read: {reason}; the database may be from another version")]
    UnreadableRecord {
        /// The table whose stream it is.
        table: String,
        /// What was wrong with it.
        reason: String,
    },
    /// SQLite refused a read or a write of the stream.
    #[error("the stream of the embedded DynamoDB cannot be read or trimmed: {0}. Check the disk, and try again")]
    Sqlite(#[from] rusqlite::Error),
    /// A background thread ended before it answered.
    #[error("a background read of the stream was lost: {0}")]
    Lost(#[from] tokio::task::JoinError),
    /// A filter pattern of an event source mapping cannot be used.
    #[cfg(feature = "event-sources")]
    #[error(transparent)]
    Filter(#[from] crate::event_source::filter::FilterError),
    /// A Kinesis stream could not be created.
    #[error("cannot create the Kinesis stream {stream}: {reason}")]
    CreateStream {
        /// The stream's name.
        stream: String,
        /// What the emulator said.
        reason: String,
    },
    /// Expired items could not be deleted, or that they expire could not be written down.
    #[error("cannot delete expired items from the embedded DynamoDB: {0}")]
    Expiry(String),
    /// The loopback endpoint stopped.
    #[error("the embedded DynamoDB's endpoint stopped: {0}")]
    Serve(std::io::Error),
}
