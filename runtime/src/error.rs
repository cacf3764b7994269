//! Why the user's work did not succeed.

use std::fmt;

/// A failed attempt at a segment, and whether another may help.
///
/// Every [`std::error::Error`] becomes a retryable one with the whole chain of its causes in the message, so `?` works. That
/// is why this type does not implement `Error` itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentError {
    retryable: bool,
    message: String,
}

impl SegmentError {
    /// Another attempt may help: it follows after the backoff of the run's policy, as long as attempts are left.
    #[must_use]
    pub fn retryable(message: impl fmt::Display) -> Self {
        Self { retryable: true, message: message.to_string() }
    }

    /// No attempt will help: the segment fails at once.
    #[must_use]
    pub fn permanent(message: impl fmt::Display) -> Self {
        Self { retryable: false, message: message.to_string() }
    }

    /// Whether another attempt may help.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        self.retryable
    }

    /// What happened. The row keeps its first 512 bytes.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for SegmentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl<E: std::error::Error> From<E> for SegmentError {
    fn from(error: E) -> Self {
        Self::retryable(chain(&error))
    }
}

/// Causes of an error that are worth reading; whoever nests deeper than this repeats himself.
const MAX_CAUSES: usize = 16;

/// An error with its causes: `outer: inner: innermost`. A cause that its effect already quotes is not said twice.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    for _ in 0..MAX_CAUSES {
        let Some(error) = cause else { break };
        let text = error.to_string();
        if !message.ends_with(&text) {
            message.push_str(": ");
            message.push_str(&text);
        }
        cause = error.source();
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the shop is closed")]
    struct Outer(#[source] Middle);

    #[derive(Debug, thiserror::Error)]
    #[error("no key: {0}")]
    struct Middle(#[source] std::num::ParseIntError);

    #[test]
    fn a_question_mark_makes_a_retryable_error_with_every_cause() {
        fn work() -> Result<(), SegmentError> {
            let cause = "x".parse::<i32>().unwrap_err();
            Err(Outer(Middle(cause)))?
        }
        let error = work().unwrap_err();
        assert!(error.is_retryable());
        assert_eq!(error.message(), "the shop is closed: no key: invalid digit found in string");
    }
}
