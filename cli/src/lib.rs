//! The command line `scatterctl`, as a library: a user's worker offers the same verbs with its own work.
//!
//! ```no_run
//! use worker::{Context, Output, Segment, SegmentError};
//!
//! async fn process(segment: Segment<serde_json::Value>, _: Context) -> Result<Output, SegmentError> {
//!     Ok(Output::items(1))
//! }
//!
//! #[tokio::main]
//! async fn main() -> std::process::ExitCode {
//!     scatterctl::run_worker(process).await
//! }
//! ```
//!
//! # Layout
//! - `args`, `job`: what was asked, as arguments and as a job file; the event that is made of it
//! - `verb`: one file a verb
//! - `import`: a file of rows into a table
//! - `cost`: what a load would cost on AWS
//! - `system`: the whole system in this process, or a deployed stack
//! - `execution`, `since`, `span`: which runs are meant, and spans of time
//! - `follow`, `summary`, `output`: what is shown
//!
//! # Features
//! - `local` (default): the command line, with the whole system in the process
//! - `aws`: `--stack`, the same verbs on a deployed stack
//! - `lambda`: [`run_worker`] serves records when it is started by Lambda

#[cfg(feature = "local")]
mod args;
#[cfg(feature = "local")]
mod context;
#[cfg(feature = "local")]
mod cost;
#[cfg(feature = "local")]
mod error;
#[cfg(feature = "local")]
mod execution;
#[cfg(feature = "local")]
mod follow;
#[cfg(feature = "local")]
mod import;
#[cfg(feature = "local")]
mod interrupt;
#[cfg(feature = "local")]
mod job;
#[cfg(feature = "local")]
mod number;
#[cfg(feature = "local")]
mod output;
mod program;
#[cfg(feature = "local")]
mod segment_view;
#[cfg(feature = "local")]
mod since;
#[cfg(feature = "local")]
mod span;
#[cfg(feature = "local")]
mod summary;
#[cfg(feature = "local")]
mod system;
#[cfg(feature = "local")]
mod verb;

#[cfg(feature = "local")]
pub use self::program::run;
pub use self::program::run_worker;
