//! Event source mappings: what Lambda does between a stream and a function.
//!
//! A mapping reads a stream, cuts it into batches, invokes a handler with each, and repeats failed records within bounds. The rules are
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
#[cfg(test)]
mod tests;

pub use batch::RetryPolicy;
pub use dynamodb::DynamoDbMapping;
pub use handler::{DynamoDbHandler, HandlerError, Invocation, KinesisHandler};
pub use host::Host;
pub use kinesis::KinesisMapping;
pub use settings::{DynamoDbSettings, KinesisSettings};
