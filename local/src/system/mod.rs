//! The functions' own handlers behind the embedded services: a deployment in one process.
//!
//! - [`Options`]: what a user may choose
//! - [`System`]: everything started, and what to ask of it
//! - [`Database`]: the control table and the user's tables alone, for reading and importing
//! - `bus`: completion events to a file and to a command
//! - `handlers`: the handlers, as the mappings want them
//! - `recovery`: what a process before this one left undone
//! - `ticks`: the sweeper's schedule

mod bus;
mod database;
mod error;
mod handlers;
mod options;
mod recovery;
mod start;
mod ticks;
mod wait;

pub use self::bus::{EVENTS_FILE, HookOutput};
pub use self::database::Database;
pub use self::error::Error;
pub use self::options::{Options, WorkChoice};
pub use self::start::System;
pub use self::wait::Finished;

/// The control table's name in the embedded `DynamoDB`.
pub const CONTROL_TABLE: &str = "control";
/// The segment stream's name in the embedded Kinesis.
pub const SEGMENT_STREAM: &str = "segments";
