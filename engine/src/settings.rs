//! What a deployment may choose.

use chrono::TimeDelta;

/// The engine's settings. The defaults are those of a deployment on AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How long before its deadline a scatter starts no further group; 30 seconds by default. It needs the rest to write the groups
    /// under way: rows, commits, records. An invocation with less than twice this time stops at half of it.
    pub deadline_margin: TimeDelta,
    /// How long before its deadline a sweep begins nothing more; 8 seconds by default. It needs the rest for the requests under way, and
    /// to write its metrics.
    pub sweep_margin: TimeDelta,
    /// How often the sweeper checks an open execution; 5 minutes by default. Each committed group is progress of its scatter. A record is
    /// put again twice this time after it was put at the earliest, and each further put of it waits twice as long as the one before.
    pub patience: TimeDelta,
    /// The longest that the sweeper waits before it puts a record again that was put again before; a day by default, the shortest
    /// retention of a Kinesis stream. A record that was put so often and not claimed is not lost: no worker that speaks the protocol reads
    /// the stream.
    pub patience_max: TimeDelta,
    /// How soon the sweeper reads an execution with a failure again; 30 seconds by default. Only the sweeper sees that there are
    /// more failures than tolerated.
    pub failing_patience: TimeDelta,
    /// How soon the sweeper looks again at segments that are nearly overtaken by later ones, and so probably lost; 45 seconds by default:
    /// at its next tick, a minute after the one before.
    pub overtaking_patience: TimeDelta,
    /// How long the caller of a cancel, a redrive or a deletion may be silent before the sweeper takes the step over; 90 seconds by
    /// default. The caller checkpoints far more often.
    pub step_lease: TimeDelta,
    /// The longest time of one sweep for one execution, while others may be waiting; 25 seconds by default. What is left of a long step
    /// is due at once.
    pub share: TimeDelta,
    /// Executions that a sweep works on at the same time; 16 by default.
    pub executions_at_once: usize,
    /// Rows taken from one partition of the due index at a time.
    pub page: u16,
    /// Pages taken from one partition in one sweep: with the page, the bound of a sweep. The rest stays due.
    pub pages: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            deadline_margin: TimeDelta::seconds(30),
            sweep_margin: TimeDelta::seconds(8),
            patience: TimeDelta::minutes(5),
            patience_max: TimeDelta::days(1),
            failing_patience: TimeDelta::seconds(30),
            overtaking_patience: TimeDelta::seconds(45),
            step_lease: TimeDelta::seconds(90),
            share: TimeDelta::seconds(25),
            executions_at_once: 16,
            page: 100,
            pages: 500,
        }
    }
}
