//! Retries: bounded, with full jitter. Every loop that retries uses this helper.

use crate::clock::Entropy;
use crate::policy::Backoff;

/// A number of tries, and the waits between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Tries at most, the first included.
    pub tries: u32,
    /// The waits before the second and later tries.
    pub backoff: Backoff,
}

impl Retry {
    /// That many tries. The longest wait before the second is `base_ms`; it doubles with each try, up to `cap_ms`.
    #[must_use]
    pub const fn new(tries: u32, base_ms: u64, cap_ms: u64) -> Self {
        Self { tries, backoff: Backoff { base_ms, cap_ms } }
    }

    /// The tries, for a loop of the caller's own.
    #[must_use]
    pub const fn begin(self, entropy: &Entropy) -> Tries<'_> {
        Tries { retry: self, made: 0, entropy }
    }

    /// Calls `attempt` until it succeeds, fails with an error that is not retryable, or no try is left. Returns the last answer.
    pub async fn run<T, E>(
        self,
        entropy: &Entropy,
        is_retryable: impl Fn(&E) -> bool,
        mut attempt: impl AsyncFnMut() -> Result<T, E>,
    ) -> Result<T, E> {
        let mut tries = self.begin(entropy);
        loop {
            tries.next().await;
            match attempt().await {
                Err(error) if is_retryable(&error) && tries.left() => {}
                answer => return answer,
            }
        }
    }
}

/// A loop of tries.
#[derive(Debug)]
pub struct Tries<'a> {
    retry: Retry,
    made: u32,
    entropy: &'a Entropy,
}

impl Tries<'_> {
    /// Waits, except before the first try, and counts a try. `false` if none is left.
    pub async fn next(&mut self) -> bool {
        if !self.left() {
            return false;
        }
        if self.made > 0 {
            let wait = self.retry.backoff.wait(self.made, self.entropy);
            tokio::time::sleep(wait.to_std().unwrap_or_default()).await;
        }
        self.made += 1;
        true
    }

    /// Whether a try is left.
    #[must_use]
    pub const fn left(&self) -> bool {
        self.made < self.retry.tries
    }

    /// Tries made.
    #[must_use]
    pub const fn made(&self) -> u32 {
        self.made
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    const RETRY: Retry = Retry::new(4, 100, 300);

    #[tokio::test(start_paused = true)]
    async fn tries_and_waits_are_bounded() {
        let (entropy, begun) = (Entropy::from_seed(1), Instant::now());
        let mut tries = RETRY.begin(&entropy);
        assert!(tries.next().await);
        assert_eq!(begun.elapsed().as_millis(), 0, "none before the first");
        let mut made = 1;
        while tries.next().await {
            made += 1;
        }
        assert_eq!((made, tries.made()), (4, 4));
        assert!(begun.elapsed().as_millis() <= 100 + 200 + 300);
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_that_is_not_retryable_ends_the_tries_and_the_last_error_is_returned() {
        let entropy = Entropy::from_seed(1);
        let mut made = 0;
        let busy = RETRY.run(
            &entropy,
            |error: &u32| *error < 10,
            async || {
                made += 1;
                Err::<(), _>(made)
            },
        );
        assert_eq!(busy.await, Err(4));
        let mut made = 0;
        let refused = RETRY.run(
            &entropy,
            |error: &u32| *error < 2,
            async || {
                made += 1;
                Err::<(), _>(made)
            },
        );
        assert_eq!(refused.await, Err(2));
    }
}
