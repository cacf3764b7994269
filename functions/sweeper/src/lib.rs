//! The sweeper function: what makes a run complete "without help, once faults stop".
//!
//! Its work is proportional to what is due, not to what exists: it asks the due index, and walks through the rows of an
//! execution only when that execution stands still.
//!
//! # Layout
//! - [`Sweeper::sweep`]: one tick: everything that is due
//! - `segment`: a retry whose moment has come
//! - `execution`: an open execution: a dead scatter, a standstill, an unpublished completion
//! - `stop`: when an execution is stopped though nobody asked for it
//! - [`Sweeper::cancel`], [`Sweeper::redrive`]: an operation on one execution; a tick goes on with one that was interrupted
//! - [`Sweeper::repair`]: recounts an execution from its rows, shows what differs and puts it right
//! - `walk`: every unfinished group of one execution: lost records, lost workers, finished rows that were not counted
//! - [`Sweeper::recover`]: after a restart of the local runner: everything that is open

mod cancel;
mod error;
mod execution;
mod plans;
mod recover;
mod redrive;
mod repair;
mod segment;
mod settings;
mod stop;
mod sweep;
mod walk;

pub use self::cancel::CancelReport;
pub use self::error::{Refusal, SweepError};
pub use self::redrive::RedriveReport;
pub use self::repair::{RepairMode, RepairReport};
pub use self::settings::Settings;
pub use self::sweep::{SweepReport, Sweeper};
pub use self::walk::Leases;
