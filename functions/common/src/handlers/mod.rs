//! From the events of Lambda to the operations of the engine.

mod batch;
mod gather;
mod scatter;
mod worker;

pub use self::batch::{work_queue, work_stream};
pub use self::gather::GatherHandler;
pub use self::scatter::scatter;
pub use self::worker::{WorkerEventError, WorkerHandler};
