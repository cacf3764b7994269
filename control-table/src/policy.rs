//! How a run treats failure.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::clock::Entropy;
use crate::limits::MAX_ATTEMPTS;

/// The policy of an execution: given when it is opened, kept on it, and carried by every record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Attempts that a segment gets in one generation, the first included.
    pub max_attempts: u32,
    /// The wait before a failed segment is tried again.
    pub backoff: Backoff,
    /// Failed segments with which the execution still counts as succeeded.
    pub tolerated_failures: u64,
}

impl Default for Policy {
    fn default() -> Self {
        Self { max_attempts: 3, backoff: Backoff::default(), tolerated_failures: 0 }
    }
}

/// Exponential backoff with full jitter: the wait before attempt n + 1 is drawn evenly from zero to
/// `min(cap, base * 2^(n - 1))`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Backoff {
    /// The longest wait before the second attempt, in milliseconds.
    pub base_ms: u64,
    /// The longest wait before any attempt, in milliseconds.
    pub cap_ms: u64,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { base_ms: 1_000, cap_ms: 300_000 }
    }
}

impl Backoff {
    /// The longest wait after this many attempts have failed.
    #[must_use]
    pub fn ceiling_ms(self, failed_attempts: u32) -> u64 {
        let doublings = failed_attempts.saturating_sub(1).min(63);
        self.base_ms.saturating_mul(1_u64 << doublings).min(self.cap_ms)
    }

    /// A wait after this many attempts have failed.
    #[must_use]
    pub fn wait(self, failed_attempts: u32, entropy: &Entropy) -> TimeDelta {
        let millis = entropy.up_to(self.ceiling_ms(failed_attempts));
        TimeDelta::milliseconds(i64::try_from(millis).unwrap_or(i64::MAX / 2))
    }
}

/// The longest backoff a policy may ask for: a day. A longer wait is a new run, not a retry.
const MAX_BACKOFF_MS: u64 = 24 * 60 * 60 * 1_000;

/// What is wrong with a policy. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPolicy {
    /// No attempts, or too many.
    #[error("policy.max_attempts is {0}: use 1 to {MAX_ATTEMPTS}")]
    MaxAttempts(u32),
    /// A wait that is longer than a day.
    #[error("policy.backoff waits {0} ms: use at most {MAX_BACKOFF_MS} ms (a day)")]
    Backoff(u64),
}

impl Policy {
    /// Refuses a policy that cannot be meant.
    ///
    /// # Errors
    /// The first field that is out of range.
    pub fn validate(&self) -> Result<(), InvalidPolicy> {
        if !(1..=MAX_ATTEMPTS).contains(&self.max_attempts) {
            return Err(InvalidPolicy::MaxAttempts(self.max_attempts));
        }
        match self.backoff.base_ms.max(self.backoff.cap_ms) {
            longest if longest > MAX_BACKOFF_MS => Err(InvalidPolicy::Backoff(longest)),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_up_to_its_cap() {
        let backoff = Backoff { base_ms: 100, cap_ms: 1_000 };
        let ceilings: Vec<u64> = (1..=6).map(|n| backoff.ceiling_ms(n)).collect();
        assert_eq!(ceilings, [100, 200, 400, 800, 1_000, 1_000]);
        assert_eq!(backoff.ceiling_ms(u32::MAX), 1_000);
    }

    #[test]
    fn a_policy_without_attempts_is_refused() {
        let none = Policy { max_attempts: 0, ..Policy::default() };
        assert_eq!(none.validate(), Err(InvalidPolicy::MaxAttempts(0)));
        assert_eq!(Policy::default().validate(), Ok(()));
    }

    #[test]
    fn unknown_fields_of_a_policy_are_refused() {
        assert!(serde_json::from_str::<Policy>(r#"{"max_attemps": 5}"#).is_err());
        let some: Policy = serde_json::from_str(r#"{"max_attempts": 5}"#).unwrap();
        assert_eq!(some.max_attempts, 5);
    }
}
