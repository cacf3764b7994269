//! The control table: the rows of executions, the operations on them, and the stores that keep them.
//!
//! # Layout
//! - [`rows`]: the rows, their keys and their items
//! - [`operation`]: the changes, one a file: the transition on plain rows, the same as a request to `DynamoDB`, tests
//! - [`store`]: `DynamoDB` and memory; both execute the same operations
//! - [`read`]: the reads, which no operation needs
//! - [`message`]: records for workers, images from the table's stream, events
//! - [`recount`]: the tallies and sums that follow from the rows of the segments, and how the table differs from them
//! - [`metric`]: the metrics, by their names in CloudWatch
//! - [`policy`], [`id`], [`limits`], [`clock`], [`trace`]: the values that rows and messages are made of
//! - [`retry`], [`sdk`], [`error`]: failures of a service, and trying again
//!
//! No other crate builds an expression for the control table.

pub mod clock;
pub mod error;
pub mod id;
pub mod limits;
pub mod message;
pub mod metric;
pub mod operation;
pub mod policy;
pub mod read;
pub mod recount;
pub mod retry;
pub mod rows;
#[cfg(feature = "schema")]
mod schema;
pub mod sdk;
pub mod store;
pub mod trace;

pub use self::error::Error;
pub use self::store::ControlTable;
