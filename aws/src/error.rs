//! What can go wrong with a stack that is far away.

use control_table::id::ExecutionId;
use engine::SystemFault;

/// Why a stack cannot be asked, or did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum DeployedError {
    /// No stack has the name.
    #[error("there is no stack {stack:?} in this account and region: check the name, AWS_REGION and AWS_PROFILE")]
    Missing {
        /// The name.
        stack: String,
    },
    /// `CloudFormation` does not say what the stack is.
    #[error(
        "stack {stack:?} cannot be looked up (see to credentials, by AWS_PROFILE, to the region, by AWS_REGION, and that \
         cloudformation:DescribeStacks is allowed)"
    )]
    Describe {
        /// The name.
        stack: String,
        /// Whether it was only the way there that failed.
        passes: bool,
        /// What the SDK said.
        source: Box<aws_sdk_cloudformation::Error>,
    },
    /// The stack is none of ours, or from an older template.
    #[error(
        "stack {stack:?} has no output {output}: it is not deployed from this project's template, or from an older one"
    )]
    Foreign {
        /// The name.
        stack: String,
        /// The output that is missing.
        output: &'static str,
    },
    /// A function could not be invoked, or its answer did not arrive.
    #[error("function {function} was invoked, and no answer came: whether it ran is not known, and repeating is safe")]
    Invoke {
        /// Its ARN.
        function: String,
        /// What the SDK said.
        source: Box<aws_sdk_lambda::Error>,
    },
    /// A function may not be invoked, or is not there.
    #[error("function {function} cannot be invoked: {message} ({code})")]
    NotInvoked {
        /// Its ARN.
        function: String,
        /// Lambda's code.
        code: String,
        /// What Lambda said.
        message: String,
    },
    /// A function ended with an error.
    #[error("function {function}: {error}")]
    Function {
        /// Its ARN.
        function: String,
        /// What it said.
        error: FunctionError,
    },
    /// A function's answer is not one.
    #[error(
        "function {function} answered what this version cannot read: deploy the template and scatterctl of one version"
    )]
    Answer {
        /// Its ARN.
        function: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The scatter function took the event, and opened no execution.
    #[error(
        "function {function} took the event, and has opened no execution with the key {key} in {} s: its log says why. If it is \
         still counting the source, ask again with the same key, to wait on",
        waited.as_secs()
    )]
    NotOpened {
        /// Its ARN.
        function: String,
        /// The key.
        key: control_table::id::ExecutionKey,
        /// How long it was waited for.
        waited: std::time::Duration,
    },
    /// The event was refused, or the table cannot be read.
    #[error(transparent)]
    Engine(#[from] engine::EngineError),
    /// The control table.
    #[error(transparent)]
    Table(#[from] control_table::Error),
    /// There is no such execution.
    #[error("there is no execution {0} in this stack's control table")]
    NoSuchExecution(ExecutionId),
}

impl DeployedError {
    /// Whether the same call may succeed later, as it is.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Invoke { .. } | Self::NotOpened { .. } => true,
            Self::Engine(error) => error.is_retryable(),
            Self::Function { error, .. } => error.is_retryable(),
            Self::Table(error) => error.is_retryable(),
            Self::Describe { passes, .. } => *passes,
            Self::Missing { .. }
            | Self::Foreign { .. }
            | Self::NotInvoked { .. }
            | Self::Answer { .. }
            | Self::NoSuchExecution(_) => false,
        }
    }

    /// The kind of fault, for a caller.
    #[must_use]
    pub fn fault(&self) -> SystemFault {
        match self {
            error if error.is_bad_input() => SystemFault::BadInput,
            error if error.is_retryable() => SystemFault::Passing,
            _ => SystemFault::Lasting,
        }
    }

    /// Whether it was the event that was refused, before anything was written.
    #[must_use]
    pub fn is_bad_input(&self) -> bool {
        match self {
            Self::Function { error, .. } => error.error_type == "InvalidEvent",
            Self::Engine(error) => error.is_bad_input(),
            _ => false,
        }
    }
}

/// What a function that ended with an error says, as Lambda passes it on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
#[error("{error_message} ({error_type})")]
pub struct FunctionError {
    /// Its kind: one of `ScatterError::error_type`, or Lambda's own.
    #[serde(default)]
    pub error_type: String,
    /// The message.
    #[serde(default)]
    pub error_message: String,
}

impl FunctionError {
    /// Kinds that pass: those of scatter that say so, and Lambda's for an invocation that did not get to its end.
    const PASSING: [&str; 6] = [
        "ControlTableUnavailable",
        "Contended",
        "Runtime.ExitError",
        "Sandbox.Timedout",
        "SourceUnavailable",
        "StreamUnavailable",
    ];

    /// Whether the same call may succeed later, as it is.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        Self::PASSING.contains(&self.error_type.as_str())
    }

    /// Whether the invocation was cut short: the sweeper continues an execution that it opened.
    #[must_use]
    pub fn is_cut_short(&self) -> bool {
        // Lambda gives a timeout no type of its own in every case, but it says so.
        matches!(self.error_type.as_str(), "Runtime.ExitError" | "Sandbox.Timedout")
            || self.error_message.contains("Task timed out")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(json: &str) -> FunctionError {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_refusal_is_told_from_a_failure_that_passes() {
        let refused =
            error(r#"{"errorType": "InvalidEvent", "errorMessage": "the event was refused: source: missing"}"#);
        assert!(!refused.is_retryable() && !refused.is_cut_short());
        assert_eq!(refused.to_string(), "the event was refused: source: missing (InvalidEvent)");
        let refused = DeployedError::Function { function: "f".to_owned(), error: refused };
        assert!(refused.is_bad_input() && !refused.is_retryable());
        let passing = error(r#"{"errorType": "StreamUnavailable", "errorMessage": "throttled"}"#);
        assert!(passing.is_retryable() && !passing.is_cut_short());
    }

    #[test]
    fn an_invocation_without_its_end_is_cut_short() {
        for json in [
            r#"{"errorType": "Sandbox.Timedout", "errorMessage": "the time is up"}"#,
            r#"{"errorMessage": "2026-11-24T00:00:00.000Z 0000 Task timed out after 900.00 seconds"}"#,
            r#"{"errorType": "Runtime.ExitError", "errorMessage": "Runtime exited with error: signal: killed"}"#,
        ] {
            assert!(error(json).is_cut_short(), "{json}");
        }
    }
}
