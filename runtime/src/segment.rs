//! What the user's work is given: one slice of a run.

use control_table::id::ExecutionId;

/// One segment, with what its source says is to be done.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment<S> {
    /// The run it is part of.
    pub execution_id: ExecutionId,
    /// Its index in the run, from zero.
    pub index: u64,
    /// Segments of the run, where the source knew when it began.
    pub total: Option<u64>,
    /// What is to be done.
    pub spec: S,
}
