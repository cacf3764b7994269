//! The functions' own handlers behind the embedded services: a deployment in one process.
//!
//! - [`Options`]: what a user may choose
//! - [`System`]: everything started, and what to ask of it
//! - [`Database`]: the control table and the user's tables alone, for reading and importing
//! - `bus`: completion events to a file and to a command
//! - `expiry`: deletes what has had its time
//! - `handlers`: the handlers, as the mappings want them
//! - `hook`: the user's commands for events
//! - `recovery`: what a process before this one left undone
//! - `ticks`: the sweeper's schedule

mod bus;
mod database;
mod error;
mod expiry;
mod handlers;
mod hook;
mod options;
mod recovery;
mod start;
mod ticks;
mod wait;

pub use self::bus::{EVENTS_FILE, NOTIFICATIONS_FILE};
pub use self::database::Database;
pub use self::error::Error;
pub use self::hook::HookOutput;
pub use self::options::{Hooks, Options, WorkChoice};
pub use self::start::System;
pub(crate) use self::start::wire_engine;

/// The control table's name in the embedded `DynamoDB`.
pub const CONTROL_TABLE: &str = "control";
/// The segment stream's name in the embedded Kinesis.
pub const SEGMENT_STREAM: &str = "segments";
