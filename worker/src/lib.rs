//! Write a worker: an `async fn` that does the work of one segment.
//!
//! ```no_run
//! use scatter_gather::{Context, Output, Result, Segment};
//! use serde::Deserialize;
//!
//! /// The work of a segment, as the source describes it.
//! #[derive(Deserialize)]
//! struct Range {
//!     from: u64,
//!     to: u64,
//! }
//!
//! async fn process(segment: Segment<Range>, _: Context) -> Result {
//!     let Range { from, to } = segment.spec;
//!     Ok(Output::items(to - from))
//! }
//!
//! #[tokio::main]
//! async fn main() -> std::process::ExitCode {
//!     scatter_gather::run!(process).await
//! }
//! ```
//!
//! Started by Lambda, the program serves the records of the segment stream. Started anywhere else, it is a whole command line: it
//! runs jobs on this machine, or on a deployed stack, with this work.
//!
//! ```text
//! $ my-worker run --job primes --source range --from 0 --to 1000000 --size 10000
//! ```
//!
//! # Errors
//! `?` works on every error: of the standard library, of `anyhow`, `Box<dyn Error + Send + Sync>`. `process` may return any of them
//! as its error type. The worker records the error with its causes, and tries again while attempts are left. An error that no
//! attempt will help is marked:
//!
//! ```
//! use scatter_gather::{Permanent, Result, SegmentError, Output};
//!
//! fn read(line: &str) -> Result {
//!     if line.is_empty() {
//!         return Err(SegmentError::permanent("the line is empty"))?;
//!     }
//!     let number: u64 = line.parse().permanent()?;
//!     Ok(Output::items(number))
//! }
//! # assert_eq!(read("7").unwrap(), Output::items(7));
//! # assert_eq!(read("x").unwrap_err().to_string(), "invalid digit found in string");
//! ```
//!
//! # A shared client
//! Make it once, outside of `process`, and capture it:
//!
//! ```no_run
//! # use std::sync::Arc;
//! # use scatter_gather::{Context, Output, Result, Segment};
//! # struct Client;
//! # impl Client { async fn count(&self, _: &str) -> Result<u64> { Ok(1) } }
//! # async fn connect() -> Client { Client }
//! #[tokio::main]
//! async fn main() -> std::process::ExitCode {
//!     let client = Arc::new(connect().await);
//!     let process = move |segment: Segment<String>, _: Context| {
//!         let client = Arc::clone(&client);
//!         async move { Result::Ok(Output::items(client.count(&segment.spec).await?)) }
//!     };
//!     scatter_gather::run!(process).await
//! }
//! ```
//!
//! # Long and blocking work
//! [`Context::deadline`] is when the worker cancels an attempt: it drops the future of `process`. Work that blocks a thread goes into
//! `tokio::task::spawn_blocking` and checks [`Context::is_cancelled`]. [`Context::progress`] reports how far the attempt is.
//!
//! # Tests
//! [`testing`] runs a `process` on a spec without AWS:
//!
//! ```
//! # use scatter_gather::{Context, Output, Result, Segment};
//! # async fn process(segment: Segment<u64>, _: Context) -> Result { Ok(Output::items(segment.spec)) }
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! let output = scatter_gather::testing::run(process, 3).await.unwrap();
//! assert_eq!(output, Output::items(3));
//! # });
//! ```
//!
//! # Features
//! | feature | |
//! |---|---|
//! | `cli` (default) | the command line, with the system for one machine |
//! | `aws` | the same verbs on a deployed stack, with `--stack` |
//! | `lambda` | serves records inside Lambda |

pub mod testing;

use std::process::ExitCode;

use serde::de::DeserializeOwned;

pub use chrono::{DateTime, Utc};
pub use control_table::id::{ExecutionId, ExecutionKey, JobName};
pub use control_table::trace::TraceContext;
pub use runtime::{Context, Error, Number, Output, Permanent, Segment, SegmentError};
pub use serde_json::{Value, json};

/// The result of a `process`; its error is any error.
pub type Result<T = Output> = std::result::Result<T, Error>;

/// Runs a worker with `process` as its work, under the name and the version of the crate that calls this. See [`run_as`].
#[macro_export]
macro_rules! run {
    ($process:expr) => {
        $crate::run_as($crate::Program { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") }, $process)
    };
}

/// The program as its command line names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Program {
    /// The name in its help.
    pub name: &'static str,
    /// What `--version` prints.
    pub version: &'static str,
}

/// Runs a worker with `process` as its work.
///
/// Started by Lambda (with the feature `lambda`), it serves the stream's records. Started anywhere else (with the feature `cli`), it
/// is the command line, whose executions do this work.
pub async fn run_as<S, F, Fut, E>(program: Program, process: F) -> ExitCode
where
    S: DeserializeOwned + Send + 'static,
    F: Fn(Segment<S>, Context) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = std::result::Result<Output, E>> + Send + 'static,
    E: Into<Error>,
{
    let work = work(process);
    #[cfg(feature = "lambda")]
    if std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_some() {
        return match functions::serve_worker::serve(work).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                tracing::error!(%error, "the worker ended");
                ExitCode::FAILURE
            }
        };
    }
    #[cfg(feature = "cli")]
    {
        let Program { name, version } = program;
        cli::run(cli::Program { name, version }, Some(work)).await
    }
    #[cfg(not(feature = "cli"))]
    {
        drop(work);
        let Program { name, version } = program;
        tracing::error!(
            name,
            version,
            "not started by Lambda, and built without the feature `cli`: there is nothing to run"
        );
        ExitCode::FAILURE
    }
}

fn work<S, F, Fut, E>(process: F) -> std::sync::Arc<dyn runtime::Work>
where
    S: DeserializeOwned + Send + 'static,
    F: Fn(Segment<S>, Context) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = std::result::Result<Output, E>> + Send + 'static,
    E: Into<Error>,
{
    runtime::work(move |segment, context| {
        let attempt = process(segment, context);
        async move { attempt.await.map_err(|error| SegmentError::from(error.into())) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn boxed(segment: Segment<String>, _: Context) -> Result {
        Ok(Output::items(segment.spec.parse()?))
    }

    async fn with_anyhow(segment: Segment<String>, _: Context) -> anyhow::Result<Output> {
        use anyhow::Context as _;
        Ok(Output::items(segment.spec.parse().context("not a number")?))
    }

    async fn with_std(segment: Segment<String>, _: Context) -> std::result::Result<Output, std::num::ParseIntError> {
        Ok(Output::items(segment.spec.parse()?))
    }

    #[tokio::test]
    async fn a_process_may_fail_with_any_error() {
        assert_eq!(testing::run(boxed, "7").await.unwrap(), Output::items(7));
        let text = "invalid digit found in string";
        assert_eq!(testing::run(boxed, "x").await, Err(SegmentError::retryable(text)));
        assert_eq!(testing::run(with_std, "x").await, Err(SegmentError::retryable(text)));
        assert_eq!(testing::run(with_anyhow, "x").await, Err(SegmentError::retryable(format!("not a number: {text}"))));
    }

    #[tokio::test]
    async fn a_spec_of_another_type_fails_permanently_and_says_where() {
        let error = testing::run(boxed, 7).await.unwrap_err();
        assert!(!error.is_retryable() && error.message().contains("expected a string"), "{error}");
    }

    #[tokio::test]
    async fn a_test_chooses_the_context() {
        async fn generations(_: Segment<()>, context: Context) -> Result {
            let more: u64 = context.parameters()?;
            Ok(Output::items(u64::from(context.generation + context.attempt) + more))
        }
        let context = testing::context().generation(2).attempt(3).parameters(10).build();
        assert_eq!(testing::run_with(generations, serde_json::Value::Null, context).await.unwrap(), Output::items(15));
    }
}
