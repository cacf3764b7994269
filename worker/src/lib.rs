//! Write a worker: an `async fn` over one segment.
//!
//! ```no_run
//! use scatter_gather::{Context, Output, Segment, SegmentError};
//!
//! async fn process(segment: Segment<serde_json::Value>, _: Context) -> Result<Output, SegmentError> {
//!     Ok(Output::items(1))
//! }
//!
//! #[tokio::main]
//! async fn main() -> std::process::ExitCode {
//!     scatter_gather::run(process).await
//! }
//! ```

use std::process::ExitCode;

use serde::de::DeserializeOwned;

pub use runtime::{Context, Output, Segment, SegmentError};

/// Runs a worker with `process` as its work.
///
/// Started by Lambda (with the feature `lambda`), it serves the stream's records. Started anywhere else (with the feature
/// `cli`), it is the command line `scatterctl` on this machine, whose executions do this work.
pub async fn run<S, F, Fut>(process: F) -> ExitCode
where
    S: DeserializeOwned + Send + 'static,
    F: Fn(Segment<S>, Context) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Output, SegmentError>> + Send + 'static,
{
    let work = runtime::work(process);
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
    return cli::run(Some(work)).await;
    #[cfg(not(feature = "cli"))]
    {
        drop(work);
        tracing::error!("not started by Lambda, and built without the feature `cli`: nothing to do");
        ExitCode::FAILURE
    }
}
