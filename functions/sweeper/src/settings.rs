//! What a deployment may choose.

use chrono::TimeDelta;

/// The sweeper's settings.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// How long an execution may stand still, and a record may be under way, before the sweeper looks closer. Longer than
    /// a healthy record waits in the stream once the execution has no other to work on.
    pub patience: TimeDelta,
    /// How soon an execution with a failure is looked at again: whether there are more than tolerated is seen by looking.
    pub failing_patience: TimeDelta,
    /// Items taken from one partition of the due index at a time.
    pub page: u16,
    /// Pages taken from one partition in one sweep: with the page, the bound of a sweep. What is left is due next time.
    pub pages: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Self { patience: TimeDelta::minutes(5), failing_patience: TimeDelta::seconds(30), page: 100, pages: 50 }
    }
}
