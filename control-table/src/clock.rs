//! Time and randomness, which callers pass in.
//!
//! Only the `main` of a program reads the clock of the machine or its source of randomness. So a test or a seed decides what the
//! present moment is, and which identifiers are drawn.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A moment in milliseconds since 1970-01-01 UTC, as the control table stores it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 1970-01-01: a lease until then has ended.
    pub const EPOCH: Self = Self(0);

    /// From milliseconds since 1970.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970, rounded up: the unit of `DynamoDB`'s TTL attribute.
    #[must_use]
    pub const fn as_ttl_seconds(self) -> i64 {
        self.0.div_euclid(1000) + 1
    }

    /// The same moment as a calendar time. A value outside chrono's range (some 262,000 years) becomes the epoch.
    #[must_use]
    pub fn to_datetime(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0).unwrap_or(DateTime::UNIX_EPOCH)
    }

    /// This moment plus a span. Saturates instead of overflowing.
    #[must_use]
    pub fn plus(self, span: TimeDelta) -> Self {
        Self(self.0.saturating_add(span.num_milliseconds()))
    }

    /// Milliseconds from `earlier` to this moment, zero if the clock went backwards in between.
    #[must_use]
    pub fn millis_since(self, earlier: Self) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0)
    }
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(time: DateTime<Utc>) -> Self {
        Self(time.timestamp_millis())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_datetime().to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
    }
}

/// A source of the present moment.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The present moment.
    fn now(&self) -> DateTime<Utc>;

    /// The present moment as the control table stores it.
    fn timestamp(&self) -> Timestamp {
        self.now().into()
    }
}

/// The clock of the machine. Only the `main` of a program and the local system create one.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the machine's clock")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// A source of identifiers and jitter: one generator, seeded by the operating system or by a test.
pub struct Entropy {
    generator: Mutex<StdRng>,
}

impl Entropy {
    /// Seeded by the operating system.
    #[must_use]
    pub fn from_system() -> Self {
        Self { generator: Mutex::new(rand::make_rng()) }
    }

    /// Seeded by a number: the same seed gives the same identifiers and the same jitter.
    #[must_use]
    pub fn from_seed(seed: u64) -> Self {
        Self { generator: Mutex::new(StdRng::seed_from_u64(seed)) }
    }

    /// A time-ordered identifier (`UUIDv7`) for `now`.
    #[must_use]
    pub fn uuid_v7(&self, now: DateTime<Utc>) -> Uuid {
        let mut random = [0_u8; 10];
        self.lock().fill_bytes(&mut random);
        let millis = u64::try_from(now.timestamp_millis()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }

    /// A nonce: 64 bits in hexadecimal.
    #[must_use]
    pub fn nonce(&self) -> String {
        format!("{:016x}", self.lock().next_u64())
    }

    /// A whole number between zero and `limit`, both included: full jitter.
    #[must_use]
    pub fn up_to(&self, limit: u64) -> u64 {
        self.lock().random_range(0..=limit)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, StdRng> {
        // A panic in the middle of a call breaks no invariant of a generator.
        self.generator.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_identifiers_and_jitter() {
        let (one, other) = (Entropy::from_seed(7), Entropy::from_seed(7));
        let now = Timestamp::from_millis(1_764_000_000_000).to_datetime();
        assert_eq!(one.uuid_v7(now), other.uuid_v7(now));
        assert_eq!(one.up_to(1_000), other.up_to(1_000));
        assert_eq!(one.uuid_v7(now).get_version_num(), 7);
    }

    #[test]
    fn identifiers_sort_by_time() {
        let entropy = Entropy::from_seed(1);
        let early = entropy.uuid_v7(Timestamp::from_millis(1_000).to_datetime()).to_string();
        let late = entropy.uuid_v7(Timestamp::from_millis(2_000).to_datetime()).to_string();
        assert!(early < late);
    }

    #[test]
    fn a_clock_that_goes_back_counts_no_time() {
        assert_eq!(Timestamp::from_millis(5).millis_since(Timestamp::from_millis(9)), 0);
    }

    #[test]
    fn a_ttl_never_ends_early() {
        assert_eq!(Timestamp::from_millis(1_500).as_ttl_seconds(), 2);
    }
}
