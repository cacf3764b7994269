//! The sweeper: what makes an execution complete once faults stop.
//!
//! Its work is proportional to what is due, not to what exists: it asks the due index, and walks through the rows of an
//! execution only when that execution makes no progress.
//!
//! # Layout
//! - `tick`: one sweep: everything that is due
//! - `retry`: a retry whose moment has come
//! - `execution`: an open execution: a dead scatter, a stall, an unpublished completion
//! - `early_stop`: when an execution is stopped although no operator asked for it
//! - `heal_groups`: every unfinished group of one execution: lost records, lost workers, finished rows that were not counted
//! - `recover`: after a restart of the local system: everything that is open

mod early_stop;
mod execution;
mod heal_groups;
mod recover;
mod retry;
mod tick;

pub use self::tick::SweepReport;

pub(crate) use self::heal_groups::Leases;
