//! The whole system in one process: an embedded `DynamoDB` and Kinesis, and the event-source mappings between them and
//! the functions' own handlers.
//!
//! # Layout
//! - [`data_dir`]: where it keeps its state, and the lock on it
//! - [`embedded`]: the two services, reached by the AWS SDK's own clients without a socket
//! - [`mapping`]: from a stream to a handler, by the rules of Lambda
//! - [`template`]: the settings, read from the SAM template
//! - [`system`]: the functions' own handlers behind all that
//!
//! Only [`system`] knows what a segment is: a mapping hands events to a handler, as Lambda does.

pub mod data_dir;
mod operator;
pub mod system;
pub mod template;

pub use self::operator::Bystander;
pub use self::system::{Database, Error, Options, System};
