//! Scatter: opens an execution, writes its segments to the control table and puts them on the stream.
//!
//! # Layout
//! - [`ScatterEvent`]: what a caller asks for, read strictly
//! - [`source`]: where segments come from, one file a source
//! - [`Scatter`]: from an event to a sealed execution; safe to call again, and twice at once
//! - `run`: the pipeline of rows, commits and records
//! - `outside`: an execution that is filled from outside: open, add, seal
//! - [`Handout`]: the next records of an execution that limits the segments in flight
//! - [`Dispatcher`]: the records on their way to the stream
//!
//! The function in Lambda is `main.rs`, which only wires.

mod budget;
mod dispatch;
mod error;
mod event;
mod failure;
mod handout;
mod outside;
mod run;
mod scatter;
mod size;
pub mod source;

pub use self::dispatch::{DispatchError, Dispatcher};
pub use self::error::ScatterError;
pub use self::event::ScatterEvent;
pub use self::handout::{HandedOut, Handout};
pub use self::outside::{Added, MAX_SPECS_PER_ADD};
pub use self::scatter::{Request, Scatter, ScatterAnswer, Settings};
pub use self::source::{Source, SourceError, SourceRequest, Sources};
