//! What an execution is: its rows, its transitions, the protocol; and the `DynamoDB` adapter of it.
//!
//! # Layout
//! - [`item`]: the rows, and how they are spelled as items
//! - [`op`]: one file an operation: what it means on plain values, the expression that says the same, tests
//! - [`read`]: what people and programs ask of the table
//! - [`record`], [`image`], [`completion`], [`notice`]: what travels to a worker, from the stream, and to whatever comes next
//! - [`view`]: an execution as people see it
//! - [`memory`]: the operations over a map of rows, for models and comparisons
//! - [`repair`]: what the rows say that tallies and execution must be, and how they differ
//! - [`schema`]: the table itself
//! - [`clock`], [`id`], [`policy`], [`limits`], [`trace`]: the vocabulary
//!
//! No other crate builds an expression for the control table.

pub mod clock;
pub mod completion;
pub mod error;
pub mod id;
pub mod image;
pub mod item;
pub mod limits;
pub mod memory;
pub mod notice;
pub mod op;
pub mod policy;
pub mod read;
pub mod record;
pub mod repair;
pub mod schema;
mod table;
pub mod trace;
pub mod view;

pub use self::error::Error;
pub use self::table::ControlTable;
