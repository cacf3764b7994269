//! `DynamoDB`, Kinesis and SQS in this process, and what Lambda does between a stream or a queue and a function.
//!
//! It knows nothing of segments: a mapping hands events to a handler, as Lambda does.
//!
//! # Layout
//! - [`embedded`]: the services, reached by the AWS SDK's own clients without a socket
//! - `event_source`: event source mappings, by the rules of Lambda; with Kinesis a feature, because a program that only keeps tables
//!   needs neither
//! - `shutdown`: the end of what runs here

pub mod embedded;
#[cfg(feature = "event-sources")]
pub mod event_source;
mod shutdown;

pub use shutdown::{Shutdown, StopSignal};
