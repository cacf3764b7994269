//! What the engine fails with: one enum for all of it.

use control_table::id::{ExecutionId, ExecutionKey, GroupId, SegmentId};
use control_table::limits::{MAX_SEGMENTS, MAX_SPEC_BYTES};
use control_table::policy::InvalidPolicy;
use control_table::rows::ExecutionStatus;

use crate::bus::PublishError;
use crate::dispatch::DispatchError;
use crate::scatter::sources::SourceError;

/// An operation of the engine that did not end. Everything it wrote is safe to meet again: the same call continues.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The event is not one. Nothing was written.
    #[error("the event was refused: {reason}")]
    InvalidEvent {
        /// Which field, what is wrong with it, and what to do.
        reason: String,
    },
    /// The event's policy is not valid. Nothing was written.
    #[error("the event was refused: {0}")]
    InvalidPolicy(#[from] InvalidPolicy),
    /// A part of the event does not fit where it has to go. Nothing was written.
    #[error(
        "the event was refused: {field} has {bytes} bytes as JSON, and {limit} fit. Put what is long where workers can read it, \
         and name that place"
    )]
    TooLarge {
        /// The field.
        field: &'static str,
        /// Its length.
        bytes: usize,
        /// The longest that fits.
        limit: usize,
    },
    /// The source cannot be used.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Resolving the source took more time than the invocation has. Nothing was written.
    #[error(
        "the source could not be resolved in the time of one invocation, and would not be in another. For a scan use \
         \"count\": \"estimate\", or give `segments`; or raise the function's timeout"
    )]
    SourceTooSlow,
    /// A source gave a segment that its row cannot hold.
    #[error(
        "segment {index} of {execution_id}: its spec has {bytes} bytes as JSON, and {MAX_SPEC_BYTES} fit. Cancel the execution"
    )]
    SpecTooLarge {
        /// The execution, which stays open.
        execution_id: ExecutionId,
        /// The segment.
        index: u64,
        /// The spec's length.
        bytes: usize,
    },
    /// A source that did not know its total gave more segments than an execution may have.
    #[error(
        "{execution_id}: its source has more than {MAX_SEGMENTS} segments. Cancel it, and make the segments larger"
    )]
    TooManySegments {
        /// The execution, which stays open.
        execution_id: ExecutionId,
    },
    /// The control table failed.
    #[error(transparent)]
    Table(#[from] control_table::Error),
    /// The segment stream failed.
    #[error(transparent)]
    Dispatch(#[from] DispatchError),
    /// There is no such execution.
    #[error("there is no execution {execution_id} in this control table. `list` shows the executions")]
    NotFound {
        /// The ID that was given.
        execution_id: ExecutionId,
    },
    /// An add with bad input. Nothing was written.
    #[error("the add was refused: {field}: {reason}")]
    InvalidAdd {
        /// Which part of the call.
        field: &'static str,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// The execution takes no segments any more.
    #[error(
        "{execution_id} is {}: it takes no more segments. What was added before that is part of it; open another execution for \
         the rest", .status.as_str()
    )]
    NotOpen {
        /// The execution.
        execution_id: ExecutionId,
        /// Where it stands.
        status: ExecutionStatus,
    },
    /// The execution has a source of its own.
    #[error(
        "{execution_id} is not external: its scatter adds its segments and seals it. Open one with the source \
         {{\"type\": \"external\"}}, and a key of its own"
    )]
    NotExternal {
        /// The execution.
        execution_id: ExecutionId,
    },
    /// Others add to the same execution, and were faster each time.
    #[error(
        "{execution_id}: others were faster in each of {attempts} tries. Nothing is lost: try again; and add more segments at a \
         time, from fewer places"
    )]
    Contended {
        /// The execution.
        execution_id: ExecutionId,
        /// Tries made.
        attempts: u32,
    },
    /// What the protocol excludes. Please report it.
    #[error(
        "{execution_id}: {what} (a defect of this program). It stays open: cancel it, or repair it with scatterctl"
    )]
    Defect {
        /// The execution.
        execution_id: ExecutionId,
        /// What was met.
        what: String,
    },
    /// An event was not delivered. It is published again, by gather or by the sweeper.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The execution does not allow the operation. Nothing was written.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A redrive met a tally that no complete execution has. The execution stays in REDRIVING until a repair.
    #[error(
        "{group}: its tally is not finished and folded, though its execution was complete. Repair the execution; then its redrive continues"
    )]
    Damaged {
        /// The group.
        group: GroupId,
    },
}

impl EngineError {
    pub(crate) fn invalid_add(field: &'static str, reason: &dyn std::fmt::Display) -> Self {
        Self::InvalidAdd { field, reason: reason.to_string() }
    }

    /// Whether the same call may succeed later, as it is.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Contended { .. } | Self::Publish(_) => true,
            Self::Source(error) => error.is_retryable(),
            Self::Table(error) => error.is_retryable(),
            Self::Dispatch(error) => error.is_retryable(),
            Self::Refused(refusal) => refusal.is_retryable(),
            Self::InvalidEvent { .. }
            | Self::InvalidPolicy(_)
            | Self::TooLarge { .. }
            | Self::SourceTooSlow
            | Self::SpecTooLarge { .. }
            | Self::TooManySegments { .. }
            | Self::NotFound { .. }
            | Self::InvalidAdd { .. }
            | Self::NotOpen { .. }
            | Self::NotExternal { .. }
            | Self::Damaged { .. }
            | Self::Defect { .. } => false,
        }
    }

    /// Whether the event was refused. Nothing was written.
    #[must_use]
    pub const fn is_bad_input(&self) -> bool {
        matches!(self, Self::InvalidEvent { .. } | Self::InvalidPolicy(_) | Self::TooLarge { .. })
    }

    /// The kind of failure, as Lambda reports it: alarms and callers match on it, so it does not change.
    #[must_use]
    pub const fn error_type(&self) -> &'static str {
        match self {
            Self::InvalidEvent { .. } | Self::InvalidPolicy(_) | Self::TooLarge { .. } => "InvalidEvent",
            Self::Source(error) if error.is_retryable() => "SourceUnavailable",
            Self::Source(_) | Self::SpecTooLarge { .. } | Self::TooManySegments { .. } => "InvalidSource",
            Self::SourceTooSlow => "SourceTooSlow",
            Self::Table(error) if error.is_retryable() => "ControlTableUnavailable",
            Self::Table(_) => "ControlTableRefused",
            Self::Dispatch(error) if error.is_retryable() => "StreamUnavailable",
            Self::Dispatch(_) => "StreamRefused",
            Self::NotFound { .. } => "ExecutionNotFound",
            Self::InvalidAdd { .. } => "InvalidAdd",
            Self::NotOpen { .. } => "ExecutionNotOpen",
            Self::NotExternal { .. } => "NotExternal",
            Self::Contended { .. } => "Contended",
            Self::Publish(_) => "BusUnavailable",
            Self::Refused(_) => "Refused",
            Self::Damaged { .. } => "Damaged",
            Self::Defect { .. } => "Defect",
        }
    }
}

/// Why an operation was refused. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A redrive of an execution that is not complete.
    #[error("{execution_id} is {status}: only a complete execution is redriven. Wait for its end, or cancel it", status = .status.as_str())]
    NotComplete {
        /// The execution.
        execution_id: ExecutionId,
        /// Where it stands.
        status: ExecutionStatus,
    },
    /// A redrive before the completion event of the last generation is out.
    #[error(
        "{0} is complete, and its completion event is not out yet: try again in a moment. If that does not help, the bus refuses the event: see the log of gather and sweeper"
    )]
    NotPublished(ExecutionId),
    /// A redrive of an execution that was stopped before all its segments were added.
    #[error(
        "{0} was stopped before all its segments were added, so a redrive could not make it whole: run the job again, with another key"
    )]
    NotSealed(ExecutionId),
    /// A redrive while another one, of other segments, is under way.
    #[error("another redrive of {0} is under way, of other segments: wait for the end of it")]
    AnotherRedrive(ExecutionId),
    /// A redrive that has nothing to requeue.
    #[error("{0} has no segment that failed or was cancelled among those asked for: there is nothing to redrive")]
    NothingToRedrive(ExecutionId),
    /// A redrive that names a segment that succeeded.
    #[error("{0} succeeded: only segments that failed or were cancelled are requeued")]
    Succeeded(SegmentId),
    /// A redrive that names segments that do not exist.
    #[error(
        "{execution_id} has only {found} of the {named} segments that are named: see `segments` for those there are"
    )]
    UnknownSegments {
        /// The execution.
        execution_id: ExecutionId,
        /// Segments that are named.
        named: u64,
        /// Those of them that exist.
        found: u64,
    },
    /// A limit of segments in flight for an execution that runs without one.
    #[error(
        "{0} runs without a limit of segments in flight: all its records are on the stream. To limit it, cancel it, set the limit, and redrive --cancelled"
    )]
    NotLimited(ExecutionId),
    /// A redrive of an execution whose rows are being deleted.
    #[error("{0} is past its retention, and its rows are being deleted. Run the job again, with another key")]
    Expiring(ExecutionId),
    /// A key that has an execution with another source or other parameters.
    #[error(
        "the key {key} has the execution {execution_id}, which was started with something else ({differs}): give a new key, or attach to \
         that execution with its job and key alone"
    )]
    KeyUsed {
        /// The execution.
        execution_id: ExecutionId,
        /// The key.
        key: ExecutionKey,
        /// The fields that are not the same.
        differs: String,
    },
    /// Another caller changed the execution at the same time.
    #[error("{0} was changed by another caller at the same time: check its status, and try again")]
    Changed(ExecutionId),
}

impl Refusal {
    /// Whether the same call may succeed later, as it is.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::NotPublished(_) | Self::AnotherRedrive(_) | Self::Changed(_))
    }
}
