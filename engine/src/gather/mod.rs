//! Gather: counts finished groups and completes executions, driven by the control table's stream.
//!
//! # Layout
//! - `images`: folds the finished tallies of a batch of stream images, and finalizes their executions
//! - `finalize`: completes an execution that can be completed, and publishes its event

mod finalize;
mod images;

pub use self::finalize::Finalized;
pub use self::images::{DeadImage, GatherImage};
