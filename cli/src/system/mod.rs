//! What works on runs: everything in this process, or a deployed stack. The verbs are the same for both.
//!
//! - [`Tables`]: what is read, and imported into
//! - [`System`]: what runs jobs and changes runs

mod operate;
mod tables;

pub use self::operate::{Begun, Ended, System};
pub use self::tables::Tables;
