//! The sweeper: what makes an execution complete once faults stop.
//!
//! Its work is proportional to what is due, not to what exists: it asks the due index, and reads of an execution only the groups that
//! are under way.
//!
//! # Layout
//! - `tick`: one sweep: everything that is due, in passes side by side
//! - `execution`: an open execution: a dead scatter, a stall, an unpublished completion
//! - `survey`: what its tallies say; `progress`: whether it makes any; `early_stop`: when it is stopped although no operator asked for it
//! - `heal_groups`: lost records, lost workers, finished rows that were not counted; `patience`: when they count as lost by the clock,
//!   and `overtaken`: by what was read after them
//! - `retry`: a retry whose moment has come, or whose record is lost
//! - `expire`: an execution whose retention is over
//! - `recover`: after a restart of the local system: everything that is open

mod early_stop;
mod execution;
mod expire;
mod heal_groups;
mod overtaken;
mod patience;
mod progress;
mod recover;
mod retry;
mod survey;
mod tick;

pub use self::tick::SweepReport;

pub(crate) use self::heal_groups::Lost;
pub(crate) use self::patience::Patience;
pub(crate) use self::tick::Tick;
