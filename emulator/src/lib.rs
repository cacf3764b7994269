//! `DynamoDB`, Kinesis and SQS in this process, and what Lambda does between a stream or a queue and a function.
//!
//! It knows nothing of segments: a mapping hands events to a handler, as Lambda does.
//!
//! # Layout
//! - [`embedded`]: the services, reached by the AWS SDK's own clients without a socket
//! - [`event_source`]: event source mappings, by the rules of Lambda

pub mod embedded;
pub mod event_source;
