//! What can be set about a worker.

use std::time::Duration;

/// How a worker treats time and batches. The defaults suit Lambda.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How long before the invocation's deadline the work is cancelled: the time to record that it was. At most a quarter of
    /// the invocation's time is used for it, so that short invocations do work, too. Default: 5 seconds, which is some
    /// tries at a control table that does not answer at once.
    pub deadline_margin: Duration,
    /// How long after the invocation's deadline the segment stays leased, for clocks that differ. Nobody waits for it in
    /// the usual case: the record of a worker that died takes its segment back at once. Default: 10 seconds.
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
