//! Event source mappings: what Lambda does between a stream or a queue and a function.
//!
//! A mapping reads a stream or a queue, cuts it into batches, invokes a handler with each, and repeats failed records within bounds. The rules are
//! Lambda's ([`batch`], [`filter`]).
//!
//! Two things differ from AWS, both on purpose. A mapping wakes as soon as something is written instead of polling once a
//! second. And a consumed record is deleted from its stream, which is at once the checkpoint and the reason that a long
//! run needs no more memory or disk than a short one.

pub mod batch;
mod dynamodb;
mod event;
pub mod filter;
mod handler;
mod host;
mod kinesis;
mod lanes;
mod settings;
pub mod sqs;
#[cfg(test)]
mod tests;

pub use batch::RetryPolicy;
pub use dynamodb::DynamoDbMapping;
pub use handler::{DynamoDbHandler, HandlerError, Invocation, KinesisHandler, SqsHandler};
pub use host::Host;
pub use kinesis::KinesisMapping;
pub use settings::{DynamoDbSettings, KinesisSettings, SqsSettings};
pub use sqs::SqsMapping;
