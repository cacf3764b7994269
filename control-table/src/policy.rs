//! The policy of an execution: how it treats failures, and its limits.

use std::fmt;
use std::str::FromStr;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::clock::{Entropy, Timestamp};
use crate::limits::{MAX_ATTEMPTS, MAX_CONCURRENCY, MAX_RETENTION_DAYS};

/// The policy of an execution. It is given when the execution is opened, and every record carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Attempts of a segment in a generation, the first included.
    pub max_attempts: u32,
    /// The wait before a failed segment is tried again.
    pub backoff: Backoff,
    /// Failed segments that an execution may have and still succeed.
    pub tolerated_failures: Tolerance,
    /// What to do about more failures than that.
    #[serde(skip_serializing_if = "OnTooManyFailures::is_stop")]
    pub on_too_many_failures: OnTooManyFailures,
    /// The time limit of an attempt, in milliseconds; without it, the attempt may take as long as its invocation has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segment_timeout_ms: Option<u64>,
    /// The time limit of a generation, in milliseconds. Segments without an outcome are cancelled then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution_timeout_ms: Option<u64>,
    /// Segments that are in flight at the same time; without it, as many as there are workers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_concurrency: Option<u32>,
    /// Milliseconds without progress after which the execution is reported as stalled.
    #[serde(skip_serializing_if = "is_default_stall")]
    pub stall_after_ms: u64,
    /// Days after its completion when the rows of an execution are deleted; without it they are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<u32>,
}

/// Twice the 15 minutes that a Lambda invocation, and so an attempt, may take.
const STALL_AFTER_MS: u64 = 30 * 60 * 1_000;

/// The shortest time between two checks for a stall: each check writes to the execution.
const MIN_STALL_LOOK_MS: u64 = 1_000;

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
const fn is_default_stall(millis: &u64) -> bool {
    *millis == STALL_AFTER_MS
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            max_attempts: 3,
            backoff: Backoff::default(),
            tolerated_failures: Tolerance::default(),
            on_too_many_failures: OnTooManyFailures::default(),
            segment_timeout_ms: None,
            execution_timeout_ms: None,
            max_concurrency: None,
            stall_after_ms: STALL_AFTER_MS,
            retention_days: None,
        }
    }
}

/// What to do about more failures than are tolerated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OnTooManyFailures {
    /// Cancel the segments without an outcome; the execution fails.
    #[default]
    Stop,
    /// Process the other segments; the execution fails at its end.
    Finish,
}

impl OnTooManyFailures {
    /// Whether it is the default, which JSON leaves out.
    #[must_use]
    pub const fn is_stop(&self) -> bool {
        matches!(self, Self::Stop)
    }
}

/// Failed segments that an execution may have and still succeed: a number, or a share of its segments as `"5%"` or `"0.25%"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "ToleranceText", into = "ToleranceText")]
pub enum Tolerance {
    /// A number of segments.
    Count(u64),
    /// Hundredths of a percent of the segments, rounded down.
    Share(u32),
}

/// Hundredths of a percent in the whole.
const WHOLE: u32 = 10_000;

impl Default for Tolerance {
    fn default() -> Self {
        Self::Count(0)
    }
}

impl Tolerance {
    /// Failures that an execution of that many segments may have.
    #[must_use]
    pub fn of(self, segments: u64) -> u64 {
        match self {
            Self::Count(count) => count,
            Self::Share(share) => {
                let share = u128::from(segments) * u128::from(share) / u128::from(WHOLE);
                u64::try_from(share).unwrap_or(u64::MAX)
            }
        }
    }
}

/// A tolerance as JSON has it.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum ToleranceText {
    Count(u64),
    Share(String),
}

impl From<Tolerance> for ToleranceText {
    fn from(tolerance: Tolerance) -> Self {
        match tolerance {
            Tolerance::Count(count) => Self::Count(count),
            Tolerance::Share(_) => Self::Share(tolerance.to_string()),
        }
    }
}

impl TryFrom<ToleranceText> for Tolerance {
    type Error = InvalidPolicy;

    fn try_from(text: ToleranceText) -> Result<Self, InvalidPolicy> {
        match text {
            ToleranceText::Count(count) => Ok(Self::Count(count)),
            ToleranceText::Share(text) => text.parse(),
        }
    }
}

impl fmt::Display for Tolerance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Share(share) if share % 100 == 0 => write!(f, "{}%", share / 100),
            Self::Share(share) => write!(f, "{}.{:02}%", share / 100, share % 100),
        }
    }
}

impl FromStr for Tolerance {
    type Err = InvalidPolicy;

    fn from_str(text: &str) -> Result<Self, InvalidPolicy> {
        let invalid = || InvalidPolicy::Tolerance(text.chars().take(40).collect());
        let Some(percent) = text.strip_suffix('%') else {
            return text.parse().map(Self::Count).map_err(|_| invalid());
        };
        let (whole, hundredths) = percent.split_once('.').unwrap_or((percent, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(hundredths) || hundredths.len() > 2 {
            return Err(invalid());
        }
        let whole: u32 = whole.parse().map_err(|_| invalid())?;
        let hundredths: u32 = format!("{hundredths:0<2}").parse().map_err(|_| invalid())?;
        let share = whole.checked_mul(100).and_then(|share| share.checked_add(hundredths));
        share.filter(|&share| share <= WHOLE).map(Self::Share).ok_or_else(invalid)
    }
}

/// Exponential backoff with full jitter: the wait before attempt n + 1 is drawn uniformly from zero to
/// `min(cap, base * 2^(n - 1))`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
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

/// The longest backoff of a policy: a day. A job that has to wait longer needs a new execution, not a retry.
const MAX_BACKOFF_MS: u64 = 24 * 60 * 60 * 1_000;

/// A policy that is refused. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPolicy {
    /// No attempts, or too many.
    #[error("policy.max_attempts is {0}: use 1 to {MAX_ATTEMPTS}")]
    MaxAttempts(u32),
    /// A wait that is longer than a day.
    #[error("policy.backoff waits {0} ms: use at most {MAX_BACKOFF_MS} ms (a day)")]
    Backoff(u64),
    /// A tolerance that is neither a number nor a share.
    #[error(
        "policy.tolerated_failures is {0:?}: use a number of segments, or a share of them from 0% to 100% like \"5%\" or \"0.25%\""
    )]
    Tolerance(String),
    /// A time limit of nothing, or of more than a year.
    #[error("policy.{field} is {millis} ms: use 1 to {MAX_TIMEOUT_MS} ms (a year)")]
    Timeout {
        /// The name of the field.
        field: &'static str,
        /// Its value, in milliseconds.
        millis: u64,
    },
    /// No slots, or more than the execution item has room for.
    #[error(
        "policy.max_concurrency is {0}: use 1 to {MAX_CONCURRENCY}, or leave it out for as many as there are workers"
    )]
    MaxConcurrency(u32),
    /// No retention at all, or more than [`MAX_RETENTION_DAYS`].
    #[error("policy.retention_days is {0}: use 1 to {MAX_RETENTION_DAYS}, or leave it out to keep executions")]
    Retention(u32),
}

/// The longest time limit of a policy: a year.
const MAX_TIMEOUT_MS: u64 = 366 * DAY_MS;

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

impl Policy {
    /// Refuses a policy with a field out of range; the error is about the first.
    pub fn validate(&self) -> Result<(), InvalidPolicy> {
        if !(1..=MAX_ATTEMPTS).contains(&self.max_attempts) {
            return Err(InvalidPolicy::MaxAttempts(self.max_attempts));
        }
        let longest = self.backoff.base_ms.max(self.backoff.cap_ms);
        if longest > MAX_BACKOFF_MS {
            return Err(InvalidPolicy::Backoff(longest));
        }
        let timeouts = [
            ("segment_timeout_ms", self.segment_timeout_ms),
            ("execution_timeout_ms", self.execution_timeout_ms),
            ("stall_after_ms", Some(self.stall_after_ms)),
        ];
        for (field, millis) in timeouts {
            if let Some(millis) = millis.filter(|millis| !(1..=MAX_TIMEOUT_MS).contains(millis)) {
                return Err(InvalidPolicy::Timeout { field, millis });
            }
        }
        if let Some(slots) = self.max_concurrency.filter(|slots| !(1..=MAX_CONCURRENCY).contains(slots)) {
            return Err(InvalidPolicy::MaxConcurrency(slots));
        }
        if let Some(days) = self.retention_days.filter(|days| !(1..=MAX_RETENTION_DAYS).contains(days)) {
            return Err(InvalidPolicy::Retention(days));
        }
        Ok(())
    }

    /// When the rows of an execution that completed at that moment are deleted.
    #[must_use]
    pub fn expires_at(&self, finished_at: Timestamp) -> Option<Timestamp> {
        self.retention_days.map(|days| finished_at.plus(TimeDelta::days(i64::from(days))))
    }

    /// When the sweeper next checks an execution whose generation began at `started_at`: after the patience, or at its
    /// deadline if that is earlier.
    #[must_use]
    pub fn next_look(&self, started_at: Timestamp, now: Timestamp, patience: TimeDelta) -> Timestamp {
        let next = now.plus(patience);
        self.deadline(started_at).map_or(next, |deadline| next.min(deadline.max(now)))
    }

    /// When to check for a stall, given the moment of the last progress: the earliest moment at which it would be reported.
    #[must_use]
    pub fn stall_look(&self, progress_at: Timestamp) -> Timestamp {
        let millis = i64::try_from(self.stall_after_ms.max(MIN_STALL_LOOK_MS)).unwrap_or(i64::MAX / 2);
        progress_at.plus(TimeDelta::milliseconds(millis))
    }

    /// The end of a generation that began at that moment, by the time limit; `None` without a limit.
    #[must_use]
    pub fn deadline(&self, started_at: Timestamp) -> Option<Timestamp> {
        let millis = i64::try_from(self.execution_timeout_ms?).unwrap_or(i64::MAX / 2);
        Some(started_at.plus(TimeDelta::milliseconds(millis)))
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
    fn failures_are_tolerated_by_number_or_by_share() {
        let cases = [("7", 7), ("5%", 50), ("0.25%", 2), ("100%", 1_000), ("0%", 0), ("33.3%", 333)];
        for (text, failures) in cases {
            let tolerance: Tolerance = text.parse().unwrap();
            assert_eq!(tolerance.of(1_000), failures, "{text}");
            let json = serde_json::to_string(&tolerance).unwrap();
            assert_eq!(serde_json::from_str::<Tolerance>(&json).unwrap(), tolerance, "{json}");
        }
        for text in ["", "%", "-1", "101%", "5.%", ".5%", "1.234%", "five", "1e3", "99999999999%", "100.01%"] {
            assert!(text.parse::<Tolerance>().is_err(), "{text}");
        }
        assert_eq!(serde_json::from_str::<Policy>(r#"{"tolerated_failures": 3}"#).unwrap().tolerated_failures.of(9), 3);
    }

    #[test]
    fn values_out_of_range_are_refused() {
        let usual = Policy::default();
        let day_run = Policy { execution_timeout_ms: Some(DAY_MS), ..usual };
        let refused = [
            Policy { segment_timeout_ms: Some(0), ..usual },
            Policy { execution_timeout_ms: Some(u64::MAX), ..usual },
            Policy { stall_after_ms: 0, ..usual },
            Policy { max_concurrency: Some(0), ..usual },
            Policy { max_concurrency: Some(MAX_CONCURRENCY + 1), ..usual },
            Policy { retention_days: Some(0), ..usual },
        ];
        for policy in refused {
            assert!(policy.validate().is_err(), "{policy:?}");
        }
        assert_eq!(Policy { retention_days: Some(1), ..day_run }.validate(), Ok(()));
    }

    #[test]
    fn defaults_take_no_room_in_a_record() {
        let text = serde_json::to_string(&Policy::default()).unwrap();
        assert_eq!(text, r#"{"max_attempts":3,"backoff":{"base_ms":1000,"cap_ms":300000},"tolerated_failures":0}"#);
    }

    #[test]
    fn unknown_fields_of_a_policy_are_refused() {
        assert!(serde_json::from_str::<Policy>(r#"{"max_attemps": 5}"#).is_err());
        let some: Policy = serde_json::from_str(r#"{"max_attempts": 5}"#).unwrap();
        assert_eq!(some.max_attempts, 5);
    }
}
