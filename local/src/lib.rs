//! The whole system in one process: an embedded `DynamoDB` and Kinesis, and the event-source mappings between them and
//! the functions' own handlers.
//!
//! # Layout
//! - [`embedded`]: the two services, reached by the AWS SDK's own clients without a socket
//!
//! Nothing here knows what a segment is: a mapping hands events to a handler, as Lambda does.

pub mod embedded;
