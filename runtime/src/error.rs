//! Why the work of a segment failed.

use std::error::Error as StdError;
use std::fmt;

/// Any error, as `?` makes it from errors of the standard library, of `anyhow`, or from a [`SegmentError`].
pub type Error = Box<dyn StdError + Send + Sync>;

/// Causes of an error that are read; a longer chain is cut.
const MAX_CAUSES: usize = 16;

/// A failed attempt at a segment, and whether another attempt may help.
///
/// Every other error counts as retryable. This one stays what it is also under other errors, such as a context of `anyhow`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SegmentError {
    message: String,
    verdict: Verdict,
}

/// Whether another attempt may help. The source of a [`SegmentError`], so that it is found in the chain of causes whatever wraps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Retryable,
    Permanent,
}

impl SegmentError {
    /// Another attempt may help: it follows after the backoff of the policy, while attempts are left.
    #[must_use]
    pub fn retryable(message: impl fmt::Display) -> Self {
        Self { message: message.to_string(), verdict: Verdict::Retryable }
    }

    /// No attempt will help: the segment fails at once.
    #[must_use]
    pub fn permanent(message: impl fmt::Display) -> Self {
        Self { message: message.to_string(), verdict: Verdict::Permanent }
    }

    /// Whether another attempt may help.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self.verdict, Verdict::Retryable)
    }

    /// The error with its causes. The segment's row keeps the first 512 bytes.
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

impl StdError for SegmentError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.verdict)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Retryable => "another attempt may help",
            Self::Permanent => "no attempt will help",
        })
    }
}

impl StdError for Verdict {}

impl From<Error> for SegmentError {
    /// Retryable, unless a permanent [`SegmentError`] is in the chain of causes.
    fn from(error: Error) -> Self {
        let verdict = causes(&*error).find_map(|cause| cause.downcast_ref::<Verdict>());
        Self { message: chain(&*error), verdict: verdict.copied().unwrap_or(Verdict::Retryable) }
    }
}

/// Marks errors as permanent.
pub trait Permanent<T> {
    /// The same result, whose error no attempt will help.
    ///
    /// # Errors
    /// The error with its causes.
    fn permanent(self) -> Result<T, SegmentError>;
}

impl<T, E: Into<Error>> Permanent<T> for Result<T, E> {
    fn permanent(self) -> Result<T, SegmentError> {
        self.map_err(|error| SegmentError::permanent(chain(&*error.into())))
    }
}

/// The error and its causes, outermost first.
fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn StdError + 'static)| (*error).source()).take(MAX_CAUSES)
}

/// The error with its causes as text: `outer: inner: innermost`. Leaves out a cause that the text before it ends with.
pub fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut message = String::new();
    for cause in causes(error).filter(|cause| !cause.is::<Verdict>()) {
        let text = cause.to_string();
        if message.is_empty() {
            message = text;
        } else if !message.ends_with(&text) {
            message.push_str(": ");
            message.push_str(&text);
        }
    }
    message
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the shop is closed")]
    struct Outer(#[source] Middle);

    #[derive(Debug, thiserror::Error)]
    #[error("no key: {0}")]
    struct Middle(#[source] std::num::ParseIntError);

    fn outer() -> Result<(), Outer> {
        Err(Outer(Middle("x".parse::<i32>().unwrap_err())))
    }

    /// As the worker sees what a `process` returns.
    fn seen<E: Into<Error>>(result: Result<(), E>) -> (bool, String) {
        let error = SegmentError::from(result.unwrap_err().into());
        (error.is_retryable(), error.message().to_owned())
    }

    #[test]
    fn any_error_is_retryable_with_every_cause() {
        let text = "the shop is closed: no key: invalid digit found in string";
        assert_eq!(seen(outer()), (true, text.to_owned()));
        let boxed = || -> Result<(), Error> { Ok(outer()?) };
        assert_eq!(seen(boxed()), (true, text.to_owned()));
        let anyhow = || -> anyhow::Result<()> { outer().context("on Sunday") };
        assert_eq!(seen(anyhow()), (true, format!("on Sunday: {text}")));
    }

    #[test]
    fn a_permanent_error_stays_permanent_under_any_other() {
        let direct = || -> Result<(), Error> { Err(SegmentError::permanent("no such city"))? };
        assert_eq!(seen(direct()), (false, "no such city".to_owned()));
        let bare = || -> anyhow::Result<()> { Err(SegmentError::permanent("no such city"))? };
        assert_eq!(seen(bare()), (false, "no such city".to_owned()));
        let wrapped = || -> anyhow::Result<()> { Err(SegmentError::permanent("no such city")).context("looked it up") };
        assert_eq!(seen(wrapped()), (false, "looked it up: no such city".to_owned()));
    }

    #[test]
    fn any_error_can_be_marked_as_permanent() {
        let text = "the shop is closed: no key: invalid digit found in string".to_owned();
        assert_eq!(seen(outer().permanent()), (false, text));
        let anyhow: anyhow::Result<()> = Err(anyhow::anyhow!("never"));
        assert_eq!(seen(anyhow.permanent()), (false, "never".to_owned()));
    }
}
