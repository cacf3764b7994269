//! What a deployment may choose.

use chrono::TimeDelta;

/// The engine's settings. The defaults are those of a deployment on AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How long before its deadline a scatter starts no further group; 30 seconds by default. It needs the rest to write the groups
    /// under way: rows, commits, records. An invocation with less than twice this time stops at half of it.
    pub deadline_margin: TimeDelta,
    /// How long an execution may make no progress, and a record may be under way, before the sweeper heals; 5 minutes by default.
    /// Must be longer than a record waits in the stream when its execution has no other work. Each committed group is progress of
    /// its scatter.
    pub patience: TimeDelta,
    /// How soon the sweeper reads an execution with a failure again; 30 seconds by default. Only the sweeper sees that there are
    /// more failures than tolerated.
    pub failing_patience: TimeDelta,
    /// Rows taken from one partition of the due index at a time.
    pub page: u16,
    /// Pages taken from one partition in one sweep: with the page, the bound of a sweep. The rest stays due.
    pub pages: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            deadline_margin: TimeDelta::seconds(30),
            patience: TimeDelta::minutes(5),
            failing_patience: TimeDelta::seconds(30),
            page: 100,
            pages: 50,
        }
    }
}
