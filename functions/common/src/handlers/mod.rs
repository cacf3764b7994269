//! From the events of Lambda to the operations of the engine.

mod gather;
mod scatter;
mod worker;

pub use self::gather::GatherHandler;
pub use self::scatter::scatter;
pub use self::worker::{WorkerEventError, WorkerHandler};
