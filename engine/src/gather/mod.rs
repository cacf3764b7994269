//! Gather: what the control table's stream sets in motion.
//!
//! # Layout
//! - `images`: a batch of stream images: folds the finished tallies in it, and finalizes the executions it is about
//! - `finalize`: completes an execution that can be completed, and publishes its event

mod finalize;
mod images;

pub use self::finalize::Finalized;
pub use self::images::{GatherImage, UnreadableImage};
