//! The command line `scatterctl`, as a library: a worker of an author's offers the same verbs with its own work.
//!
//! # Layout
//! - `args`, `job`: what was asked, as arguments and as a job file; the event that is made of it
//! - `verb`: one file a verb
//! - `api_server`: what the HTTP API needs of this machine
//! - `import`: a file of rows into a table
//! - `tables`: the control table and the tables of the user; `user_table`: requests about one of the latter
//! - `execution`, `since`, `span`: which executions are meant, and spans of time
//! - `follow`, `progress_line`, `summary`, `execution_table`, `output`: what is shown
//! - `interrupt`: the signals that end the process
//!
//! # Features
//! - `aws`: `--stack`, the same verbs on a deployed stack

mod api_server;
mod args;
mod context;
mod error;
mod execution;
mod execution_table;
mod follow;
mod format;
mod import;
mod interrupt;
mod job;
mod output;
mod program;
mod progress_line;
mod since;
mod span;
mod summary;
mod tables;
mod user_table;
mod verb;

pub use self::program::{Program, run};
