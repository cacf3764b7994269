//! The problem that an error of the system is to a caller.

use control_table::read::FindError;
use engine::{EngineError, OperatorError, SystemFault};

use super::{Code, Problem};
use crate::machine::MachineError;

impl From<control_table::Error> for Problem {
    fn from(error: control_table::Error) -> Self {
        Self::new(if error.is_retryable() { Code::Unavailable } else { Code::Failed }, error)
    }
}

impl From<FindError> for Problem {
    fn from(error: FindError) -> Self {
        match error {
            FindError::Table(error) => error.into(),
            FindError::Ambiguous { .. } | FindError::NotAReference(_) => Self::bad_request(error),
            FindError::NoExecutions { .. }
            | FindError::NotFound(_)
            | FindError::NotAmongNewest { .. }
            | FindError::NoKey { .. }
            | FindError::OtherJob { .. } => Self::not_found(error),
        }
    }
}

impl From<MachineError> for Problem {
    fn from(error: MachineError) -> Self {
        Self::new(if error.is_retryable { Code::Unavailable } else { Code::Failed }, error)
    }
}

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        let is_retryable = error.is_retryable();
        Self::new(code_of(&error), error).retryable(is_retryable)
    }
}

impl From<OperatorError> for Problem {
    fn from(error: OperatorError) -> Self {
        match error {
            OperatorError::Engine(error) => error.into(),
            OperatorError::System { fault, .. } => Self::new(code_of_fault(fault), error),
            OperatorError::ReadsOnly(_) => Self::new(Code::ReadOnly, error),
        }
    }
}

const fn code_of_fault(fault: SystemFault) -> Code {
    match fault {
        SystemFault::BadInput => Code::BadRequest,
        SystemFault::NotFound => Code::NotFound,
        SystemFault::Refused => Code::Conflict,
        SystemFault::Passing => Code::Unavailable,
        SystemFault::Lasting => Code::Failed,
    }
}

fn code_of(error: &EngineError) -> Code {
    let is_retryable = error.is_retryable();
    match error {
        EngineError::InvalidEvent { .. }
        | EngineError::InvalidPolicy(_)
        | EngineError::InvalidAdd { .. }
        | EngineError::SourceTooSlow
        | EngineError::SpecTooLarge { .. }
        | EngineError::TooManySegments { .. } => Code::BadRequest,
        EngineError::TooLarge { .. } => Code::TooLarge,
        EngineError::Source(_) if !is_retryable => Code::BadRequest,
        EngineError::NotFound { .. } => Code::NotFound,
        EngineError::NotOpen { .. }
        | EngineError::NotExternal { .. }
        | EngineError::Refused(_)
        | EngineError::Damaged { .. } => Code::Conflict,
        EngineError::Source(_) | EngineError::Contended { .. } | EngineError::Publish(_) => Code::Unavailable,
        EngineError::Table(_) | EngineError::Dispatch(_) if is_retryable => Code::Unavailable,
        EngineError::Table(_) | EngineError::Dispatch(_) | EngineError::Defect { .. } => Code::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use control_table::id::ExecutionId;
    use engine::Refusal;

    #[test]
    fn a_refusal_is_a_conflict_that_says_whether_a_retry_helps() {
        let id: ExecutionId = "0193a5b0-3c1e-7d2f-8a4b-5c6d7e8f9a0b".parse().unwrap();
        let problem = |refusal: Refusal| Problem::from(OperatorError::from(EngineError::from(refusal)));
        let soon = problem(Refusal::NotPublished(id));
        assert_eq!((soon.code, soon.retryable), (Code::Conflict, true));
        let never = problem(Refusal::NothingToRedrive(id));
        assert_eq!((never.code, never.retryable), (Code::Conflict, false));
        let missing = Problem::from(EngineError::NotFound { execution_id: id });
        assert_eq!((missing.code, missing.retryable), (Code::NotFound, false));
    }
}
