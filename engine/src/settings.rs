//! What a deployment may choose.

use chrono::TimeDelta;

/// The engine's settings. The defaults are those of a deployment on AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How long before its deadline a scatter stops, at a group's end; 30 seconds by default. What is under way then still has to
    /// be written: rows, a commit, records. An invocation with less than twice this time stops at half time.
    pub deadline_margin: TimeDelta,
    /// How long an execution may make no progress, and a record may be under way, before the sweeper looks closer; 5 minutes by
    /// default. Each committed group is a sign of life of its scatter. Longer than a healthy record waits in the stream once
    /// the execution has no other to work on.
    pub patience: TimeDelta,
    /// How soon an execution with a failure is looked at again; 30 seconds by default. Only by looking does the sweeper see that
    /// there are more failures than tolerated.
    pub failing_patience: TimeDelta,
    /// Items taken from one partition of the due index at a time.
    pub page: u16,
    /// Pages taken from one partition in one sweep: with the page, the bound of a sweep. What is left is due next time.
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
