//! The gather function: what the control table's stream sets in motion.
//!
//! # Layout
//! - [`Gather`]: a batch of stream records: folds the finished tallies in it, and settles the executions it is about
//! - [`Settler`]: completes an execution that can be completed, and publishes its event; the sweeper does the same
//! - [`CompletionBus`]: where a completion event goes; `event_bridge` is the one on AWS, and [`Counted`] tells what went out

mod bus;
mod counted;
#[cfg(feature = "event-bridge")]
pub mod event_bridge;
mod handler;
mod settle;

pub use self::bus::{CompletionBus, PublishError};
pub use self::counted::Counted;
pub use self::handler::Gather;
pub use self::settle::{SettleError, Settled, Settler};
