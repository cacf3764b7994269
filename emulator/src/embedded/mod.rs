//! `DynamoDB`, Kinesis and SQS inside this process.
//!
//! The AWS SDK's clients are the interface, so the code under them is the code that runs on AWS; only the last step, the
//! HTTP exchange, is replaced by a function call (`transport.rs`). There are no sockets, no signatures and no retries:
//! a call either reaches the emulator or the process is gone.
//!
//! | service | emulator | kept |
//! |---|---|---|
//! | `DynamoDB` | dynoxide, on SQLite | in one file; survives `kill -9` |
//! | Kinesis | ferrokinesis | in memory; a restart puts unfinished work again from the control table |
//! | SQS | its own, of one standard queue | in memory |

mod changes;
mod dispatch;
mod dynamodb;
mod endpoint;
mod error;
mod fault;
#[cfg(feature = "event-sources")]
mod kinesis;
mod puts;
mod readers;
#[cfg(feature = "event-sources")]
mod shard;
#[cfg(feature = "event-sources")]
mod sqs;
mod stream;
#[cfg(test)]
pub(crate) mod tests;
mod transport;

pub use changes::Changes;
pub use dynamodb::{Durability, EmbeddedDynamoDb};
pub use error::EmbeddedError;
#[cfg(feature = "event-sources")]
pub use kinesis::{Backlog, EmbeddedKinesis};
#[cfg(feature = "event-sources")]
pub use shard::{Shard, ShardRecord};
#[cfg(feature = "event-sources")]
pub use sqs::{EmbeddedSqs, QueueMessage, QueueSettings};
pub use stream::{StoredChange, TableStream};

/// The region every embedded client, ARN and event names.
pub const REGION: &str = "us-east-1";
/// The account every embedded ARN names.
pub const ACCOUNT: &str = "000000000000";
