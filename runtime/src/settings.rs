//! The settings of a worker.

use std::sync::Arc;
use std::time::Duration;

use control_table::ControlTable;
use control_table::clock::{Clock, Entropy};

use crate::counter_names::CounterNames;
use crate::work::Work;

/// What a worker works with.
pub(crate) struct Parts {
    pub table: ControlTable,
    pub work: Arc<dyn Work>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
    pub settings: Settings,
    pub counter_names: CounterNames,
}

/// How a worker treats time and batches. The defaults suit Lambda.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How long before the invocation's deadline the worker cancels the work, to have time to record that. At most a quarter of the
    /// invocation's time, so that a short invocation still works. Default: 5 seconds, enough for some tries at a busy control table.
    pub deadline_margin: Duration,
    /// How long after the invocation's deadline the segment stays leased, for clocks that differ. The usual case does not wait for
    /// it: the repeated record of a dead worker claims its segment at once. Default: 10 seconds.
    pub lease_margin: Duration,
    /// Records of one batch that are processed at once. They share one processor and its memory. Default: 16.
    pub records_at_once: usize,
    /// How long a segment's recorded outcome may wait to be counted together with others of its batch. Near the end of the
    /// invocation it waits less, and after the last of the batch it does not wait. Default: 2 seconds.
    pub tally_delay: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            deadline_margin: Duration::from_secs(5),
            lease_margin: Duration::from_secs(10),
            records_at_once: 16,
            tally_delay: Duration::from_secs(2),
        }
    }
}
