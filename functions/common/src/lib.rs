//! What the functions in Lambda share.
//!
//! # Layout
//! - [`kinesis`], [`sqs`]: the engine's dispatchers, one a transport
//! - [`handlers`]: Lambda's events to the engine's operations; the system on one machine uses them, too
//! - with the feature `aws`: `event_bridge`, the engine's event bus; `clients`, SDK clients with an attempt timeout; `wiring`, an
//!   engine of all that
//! - with the feature `lambda`: `environment`, the variables without which a function does not start; `telemetry`, logs as JSON
//!   lines and metrics in CloudWatch's embedded format; `serve_worker`, the worker's entry point

#[cfg(feature = "aws")]
pub mod clients;
#[cfg(feature = "lambda")]
mod emf;
#[cfg(feature = "lambda")]
pub mod environment;
#[cfg(feature = "aws")]
pub mod event_bridge;
pub mod handlers;
pub mod kinesis;
#[cfg(feature = "lambda")]
mod logs;
#[cfg(feature = "lambda")]
pub mod serve_worker;
pub mod sqs;
#[cfg(feature = "lambda")]
pub mod telemetry;
#[cfg(feature = "aws")]
pub mod wiring;

#[cfg(feature = "aws")]
pub use self::event_bridge::EventBridge;
pub use self::kinesis::KinesisDispatcher;
pub use self::sqs::SqsDispatcher;
