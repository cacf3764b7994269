//! The whole system on one machine: workers, gather and sweeper in each process, on a file that several processes share. Or, as a
//! rehearsal of a deployment, the functions' own handlers behind the emulator's `DynamoDB`, Kinesis and event source mappings.
//!
//! # Layout
//! - [`data_dir`]: the directory of its state, and the lock on it
//! - [`lists`]: codes that came through a pipe
//! - [`logs`]: the output of commands
//! - `processes`: which processes work in it, and which of them live
//! - [`steady_clock`]: a clock that never goes back
//! - [`settings`]: what this machine and a deployment have in common
//! - [`system`]: the running system; `operator`: it as an [`engine::Operator`], and a reader beside it

pub mod data_dir;
pub mod lists;
pub mod logs;
mod operator;
mod processes;
pub mod settings;
pub mod steady_clock;
pub mod system;

pub use self::operator::Bystander;
pub use self::processes::Life;
pub use self::system::{Database, Error, Options, Place, System, WorkingProcess};
pub use control_table::store::sqlite::Durability;
pub use jobs::process_group::{KILL_GRACE_MAX, has_running as has_running_commands, kill_all as kill_commands};
