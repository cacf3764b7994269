//! The failed attempts at a segment, as its row keeps them.

use serde::{Deserialize, Serialize};

use super::{ErrorKind, SegmentFailure};
use crate::clock::Timestamp;

/// Attempts that a row keeps: with their messages some 1.3 KB, one or two write units more for a segment that keeps failing.
pub const FAILED_ATTEMPTS_KEPT: usize = 5;

/// Bytes of a message that are kept; the newest failure is kept whole, as the segment's error.
const MESSAGE_BYTES: usize = 200;

/// An attempt that failed, also one that a later attempt made good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct FailedAttempt {
    /// The generation.
    pub generation: u32,
    /// The attempt in it, from 1.
    pub attempt: u32,
    /// Why it failed.
    pub kind: ErrorKind,
    /// The end of its message, at most 200 bytes: of a traceback, the line that says what happened.
    pub message: String,
    /// When it ended.
    pub finished_at: Timestamp,
    /// Milliseconds that it took.
    pub duration_ms: u64,
}

impl FailedAttempt {
    /// With the end of that failure's message.
    #[must_use]
    pub fn new(
        (generation, attempt): (u32, u32),
        failure: &SegmentFailure,
        finished_at: Timestamp,
        duration_ms: u64,
    ) -> Self {
        let text = &failure.message;
        let mut start = text.len().saturating_sub(MESSAGE_BYTES);
        while !text.is_char_boundary(start) {
            start += 1;
        }
        let message = text[start..].to_owned();
        Self { generation, attempt, kind: failure.kind, message, finished_at, duration_ms }
    }

    /// The list with this attempt at its end, and without the oldest if it would be too long.
    #[must_use]
    pub fn after(self, earlier: &[Self]) -> Vec<Self> {
        let skipped = (earlier.len() + 1).saturating_sub(FAILED_ATTEMPTS_KEPT);
        earlier.iter().skip(skipped).cloned().chain([self]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(attempt: u32, message: &str) -> FailedAttempt {
        let failure = SegmentFailure::new(ErrorKind::Retryable, message);
        FailedAttempt::new((1, attempt), &failure, Timestamp::from_millis(9), 3)
    }

    #[test]
    fn the_newest_five_are_kept() {
        let mut kept = Vec::new();
        for attempt in 1..=7 {
            kept = failed(attempt, "busy").after(&kept);
        }
        assert_eq!(kept.iter().map(|failed| failed.attempt).collect::<Vec<_>>(), [3, 4, 5, 6, 7]);
    }

    #[test]
    fn the_end_of_a_long_message_is_kept_cut_at_a_character() {
        let message = failed(1, &format!("{}ValueError", "é".repeat(200))).message;
        assert!(message.ends_with("ValueError") && message.len() <= MESSAGE_BYTES, "{message}");
    }
}
