//! The running system: on a file, beside other processes; or emulated, as a deployment in one process.
//!
//! - [`Options`]: what a user may choose
//! - [`System`]: everything started, and what to ask of it
//! - [`Database`]: the control table and the user's tables alone, for reading and importing
//! - `running`: what both have; `file`, `emulated`: how each is started
//! - `queue`, `gather`, `ownership`, `origin`: of the system on a file: records for workers, the outbox, whose execution it is, what it
//!   keeps of the process that opened it
//! - `cancelled`: stops the attempts of cancelled executions
//! - `bus`: completion events to a file and to a command
//! - `expiry`: deletes what has had its time
//! - `handlers`: the handlers, as the mappings want them
//! - `heartbeat`: signs of life, and those of other processes
//! - `hook`: the user's commands for events
//! - `recovery`: what a process before this one left undone
//! - `ticks`: the sweeper's schedule
//! - `working`: which processes work on which executions

mod bus;
mod cancelled;
mod database;
#[cfg(feature = "emulate")]
mod emulated;
mod error;
mod expiry;
mod file;
mod gather;
#[cfg(feature = "emulate")]
mod handlers;
mod heartbeat;
mod hook;
mod options;
mod origin;
mod ownership;
mod queue;
mod recovery;
mod running;
mod ticks;
mod wait;
mod working;

pub use self::bus::{EVENTS_FILE, NOTIFICATIONS_FILE};
pub use self::database::{Database, Place};
pub use self::error::Error;
pub use self::hook::HookOutput;
pub use self::options::{Hooks, Options, WorkChoice};
pub use self::running::System;
pub(crate) use self::running::wire_engine;
pub use self::working::WorkingProcess;

/// The control table's name in the embedded `DynamoDB`.
pub const CONTROL_TABLE: &str = "control";
#[cfg(feature = "emulate")]
/// The segment stream's name in the embedded Kinesis.
pub const SEGMENT_STREAM: &str = "segments";
