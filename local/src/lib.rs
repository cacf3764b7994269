//! The whole system on one machine, in one process: the functions' own handlers behind the emulator's `DynamoDB`, Kinesis and event
//! source mappings.
//!
//! # Layout
//! - [`data_dir`]: the directory of its state, and the lock on it
//! - [`settings`]: what this machine and a deployment have in common
//! - [`system`]: the running system; `operator`: it as an [`engine::Operator`], and a reader beside it

pub mod data_dir;
mod operator;
pub mod settings;
pub mod system;

pub use self::operator::Bystander;
pub use self::system::{Database, Error, Options, System};
