//! One slice of an execution.

use control_table::id::ExecutionId;

/// One segment, with the work that its source describes.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Segment<S> {
    /// The execution.
    pub execution_id: ExecutionId,
    /// The index of the segment in the execution, from zero.
    pub index: u64,
    /// Segments of the execution, if the source knew when it began.
    pub total: Option<u64>,
    /// The work of the segment.
    pub spec: S,
}
