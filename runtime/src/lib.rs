//! Builds workers: whoever has an `async fn` over one segment gets a Lambda function that claims segments, runs it, and
//! records what came of it.
//!
//! ```
//! use serde::Deserialize;
//! use runtime::{Context, Output, Segment, SegmentError};
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
//! let work = runtime::work(process);
//! # drop(work);
//! ```
//!
//! # Layout
//! - what the user's work sees: [`Segment`], [`Context`], [`Output`], [`SegmentError`], [`work`]
//! - what runs it: [`Worker`]
//!
//! A segment that fails never blocks its shard: the failure is recorded and the record acknowledged. What is no segment's
//! record is set aside. Only when the control table itself cannot be written is a record handed back to Kinesis.

mod attempt;
mod batch;
mod context;
mod count;
mod ending;
mod error;
mod output;
mod reading;
mod record;
mod segment;
mod settings;
mod work;
mod worker;

pub use self::context::{Context, read as read_json};
pub use self::error::{SegmentError, chain};
pub use self::output::Output;
pub use self::segment::Segment;
pub use self::settings::Settings;
pub use self::work::{Work, work};
pub use self::worker::{Invocation, Worker};
