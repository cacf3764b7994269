//! Scatter: opens an execution, writes its segments to the control table and sends their records.
//!
//! # Layout
//! - [`ScatterEvent`]: what a caller asks for
//! - [`sources`]: where segments come from, one file a source
//! - `start`: from an event to a sealed execution; safe to call again, and twice at once
//! - `key`: a second call with a key attaches, if it asks for the same
//! - `pipeline`: rows, commits and records
//! - `external`: an execution that its caller fills: open, add, seal

mod budget;
mod event;
mod external;
mod key;
mod pipeline;
mod size;
pub mod sources;
mod start;

pub use self::event::ScatterEvent;
pub use self::external::{Added, MAX_SPECS_PER_ADD};
pub use self::sources::{Source, SourceError, SourceRequest, Sources};
pub use self::start::{Request, ScatterAnswer, Scattered};
