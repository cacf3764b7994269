//! Starts executions by the clock, and after others, on one machine.
//!
//! - [`Timetable`]: the moments of a cron pattern in a time zone; `aws_cron`: the same for EventBridge Scheduler
//! - [`Schedule`]: what starts a job; [`Agenda`]: the schedules of a folder, checked together
//! - `due`: which moment is to be started now
//! - [`Scheduler`]: looks what is due, and has it started by a [`Launcher`]; [`Processes`] is the one that starts processes
//!
//! The key of an execution that the clock starts is its moment, and that of one that follows others is theirs. A job has one execution
//! for each key, so what is started twice runs once; and a moment is marked as handled only after its execution is open, so none is lost.

mod agenda;
mod aws_cron;
mod due;
mod processes;
mod scheduler;
mod timetable;

#[cfg(test)]
mod tests;

pub use self::agenda::{Agenda, AgendaError, CatchUp, MAX_ACTIVE, Schedule, Trigger};
pub use self::aws_cron::NotOnAws;
pub use self::processes::{CommandOf, Processes, Purpose};
pub use self::scheduler::{LaunchError, Launcher, Scheduler};
pub use self::timetable::{InvalidTimetable, Moment, Timetable};
