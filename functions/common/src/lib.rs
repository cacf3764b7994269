//! What the functions in Lambda share.
//!
//! # Layout
//! - [`event_bridge`], [`kinesis`]: the services behind the engine's event bus and dispatcher
//! - [`handlers`]: Lambda's events to the engine's operations; the local system uses them, too
//! - with the feature `lambda`: [`clients`]: SDK clients with an attempt timeout; [`environment`]: the variables without which a
//!   function does not start; [`telemetry`]: logs as JSON lines and metrics in CloudWatch's embedded format; [`wiring`]: an engine
//!   of all that; [`serve_worker`]: the worker's entry point

pub mod event_bridge;
pub mod handlers;
pub mod kinesis;

#[cfg(feature = "lambda")]
pub mod clients;
#[cfg(feature = "lambda")]
mod emf;
#[cfg(feature = "lambda")]
pub mod environment;
#[cfg(feature = "lambda")]
mod logs;
#[cfg(feature = "lambda")]
pub mod serve_worker;
#[cfg(feature = "lambda")]
pub mod telemetry;
#[cfg(feature = "lambda")]
pub mod wiring;

pub use self::event_bridge::EventBridge;
pub use self::kinesis::KinesisDispatcher;
