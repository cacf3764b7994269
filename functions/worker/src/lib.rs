//! Builds workers: whoever has an `async fn` over one segment gets a Lambda function that claims segments, runs it, and
//! records what came of it.
//!
//! ```
//! use serde::Deserialize;
//! use worker::{Context, Output, Segment, SegmentError};
//!
//! #[derive(Deserialize)]
//! struct Spec {
//!     from: i64,
//!     to: i64,
//! }
//!
//! async fn process(segment: Segment<Spec>, _: Context) -> Result<Output, SegmentError> {
//!     Ok(Output::items(segment.spec.to - segment.spec.from))
//! }
//!
//! let work = worker::work(process);
//! # drop(work);
//! ```
//!
//! # Layout
//! - what the user's work sees: [`Segment`], [`Context`], [`Output`], [`SegmentError`], [`work`]
//! - what runs it: [`Worker`], and `serve` on Lambda (feature `lambda`, on by default)
//! - [`builtin`]: jobs that need no code of the user's
//! - [`process`]: commands that are killed with all they started
//!
//! A segment that fails never blocks its shard: the failure is recorded and the record acknowledged. What is no segment's
//! record is set aside. Only when the control table itself cannot be written is a record handed back to Kinesis.

mod attempt;
mod batch;
pub mod builtin;
mod context;
mod count;
mod ending;
mod error;
#[cfg(feature = "lambda")]
mod lambda;
mod output;
pub mod process;
mod reading;
mod record;
mod segment;
mod settings;
mod work;
mod worker;

pub use self::context::Context;
pub use self::error::SegmentError;
#[cfg(feature = "lambda")]
pub use self::lambda::{ServeError, dynamodb_client, serve};
pub use self::output::Output;
pub use self::segment::Segment;
pub use self::settings::Settings;
pub use self::work::{Work, work};
pub use self::worker::{Invocation, Worker};
