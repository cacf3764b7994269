//! What the worker records of an attempt: a function of plain values.

use control_table::clock::{Entropy, Timestamp};
use control_table::limits::{MAX_COUNTER_VALUE, MAX_RESULT_BYTES};
use control_table::operation::Ending;
use control_table::policy::Policy;
use control_table::rows::{Counters, Counts, ErrorKind, SegmentFailure};

use crate::attempt::AttemptEnd;
use crate::output::Output;

/// An attempt that has ended.
pub(crate) struct EndedAttempt<'a> {
    pub policy: &'a Policy,
    /// Its number, from 1.
    pub attempt: u32,
    /// Milliseconds that the work took.
    pub duration_ms: u64,
    /// When it ended.
    pub now: Timestamp,
    /// The limit of its time.
    pub limit: Limit,
}

/// What an attempt's time is limited by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// The invocation that it is made in.
    Invocation,
    /// The policy: so many milliseconds.
    Policy(u64),
}

impl EndedAttempt<'_> {
    /// The ending to record; `None` of an attempt that was stopped, which is no fault of its segment's.
    pub fn result(&self, end: AttemptEnd, entropy: &Entropy) -> Option<Ending> {
        let failure = match end {
            AttemptEnd::Returned(Ok(output)) => match self.succeeded(output) {
                Ok(ending) => return Some(ending),
                Err(failure) => failure,
            },
            AttemptEnd::Returned(Err(error)) => {
                let kind = if error.is_retryable() { ErrorKind::Retryable } else { ErrorKind::Permanent };
                SegmentFailure::new(kind, error.message())
            }
            AttemptEnd::Panicked(message) => {
                SegmentFailure::new(ErrorKind::Panic, &format!("the work panicked: {message}"))
            }
            AttemptEnd::TimedOut { items_done, last_words } => {
                SegmentFailure::new(ErrorKind::TimedOut, &self.timed_out(items_done, last_words.as_deref()))
            }
            AttemptEnd::Stopped => return None,
        };
        Some(self.failed(failure, entropy))
    }

    fn succeeded(&self, output: Output) -> Result<Ending, SegmentFailure> {
        let Output { item_count, counters, result } = output;
        let invalid = |message: &str| SegmentFailure::new(ErrorKind::InvalidOutput, message);
        let fits = |name: &str, value: i128| {
            i64::try_from(value).map_err(|_| {
                invalid(&format!("{name} is {value}: use at most {MAX_COUNTER_VALUE} a segment, positive or negative"))
            })
        };
        let counters = counters.into_iter().map(|(name, value)| Ok((name.clone(), fits(&name, value)?)));
        let counts = Counts {
            item_count: fits("item_count", item_count.into())?,
            duration_ms: self.duration_ms,
            counters: Counters(counters.collect::<Result<_, _>>()?),
        };
        counts.validate().map_err(|error| invalid(&error.to_string()))?;
        let bytes = result.as_ref().map_or(0, |result| result.to_string().len());
        if bytes > MAX_RESULT_BYTES {
            return Err(invalid(&format!(
                "the result has {bytes} bytes of JSON: at most {MAX_RESULT_BYTES} are kept. Put it in a store of your own, \
                 and give the reference as the result"
            )));
        }
        Ok(Ending::Succeeded { counts, result })
    }

    fn failed(&self, failure: SegmentFailure, entropy: &Entropy) -> Ending {
        if failure.kind.is_retryable() && self.attempt < self.policy.max_attempts {
            let retry_at = self.now.plus(self.policy.backoff.wait(self.attempt, entropy));
            Ending::Retry { failure, retry_at }
        } else {
            Ending::Failed { failure, duration_ms: self.duration_ms }
        }
    }

    fn timed_out(&self, items_done: Option<u64>, last_words: Option<&str>) -> String {
        let took = match items_done {
            Some(items) => format!("{} ms, with {items} items done", self.duration_ms),
            None => format!("{} ms", self.duration_ms),
        };
        let advice = match self.limit {
            Limit::Invocation => format!(
                "the invocation's time was up, and the work was cancelled after {took}. Make the segments smaller, or give \
                 the worker more time (WorkerTimeoutSeconds)"
            ),
            Limit::Policy(millis) => format!(
                "policy.segment_timeout_ms is {millis}, and the work was cancelled after {took}. Make the segments smaller, \
                 or raise that limit"
            ),
        };
        match last_words {
            Some(words) => format!("{advice}. Then {words}"),
            None => advice,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::SegmentError;
    use control_table::limits::MAX_COUNTERS;

    fn end(attempt: u32, end: AttemptEnd) -> Ending {
        end_within(Limit::Invocation, attempt, end)
    }

    fn end_within(limit: Limit, attempt: u32, end: AttemptEnd) -> Ending {
        let policy = Policy { max_attempts: 2, ..Policy::default() };
        let attempt =
            EndedAttempt { policy: &policy, attempt, duration_ms: 7, now: Timestamp::from_millis(1_000), limit };
        attempt.result(end, &Entropy::from_seed(1)).unwrap()
    }

    fn time_up() -> AttemptEnd {
        AttemptEnd::TimedOut { items_done: None, last_words: Some("the command was ended".to_owned()) }
    }

    fn failed(ending: Ending) -> SegmentFailure {
        let Ending::Failed { failure, duration_ms: 7 } = ending else { panic!("{ending:?}") };
        failure
    }

    fn returned(output: Output) -> AttemptEnd {
        AttemptEnd::Returned(Ok(output))
    }

    #[test]
    fn a_retryable_failure_is_retried_while_attempts_are_left() {
        for (ended, kind) in [
            (AttemptEnd::Returned(Err(SegmentError::retryable("busy"))), ErrorKind::Retryable),
            (AttemptEnd::Panicked("oh".to_owned()), ErrorKind::Panic),
            (time_up(), ErrorKind::TimedOut),
        ] {
            let Ending::Retry { failure, retry_at } = end(1, ended) else { panic!("{kind:?}") };
            assert_eq!(failure.kind, kind);
            assert!((1_000..=2_000).contains(&retry_at.as_millis()), "{retry_at}");
        }
        assert_eq!(failed(end(2, time_up())).kind, ErrorKind::TimedOut);
    }

    #[test]
    fn the_limit_that_ended_the_attempt_is_named() {
        for (limit, name) in
            [(Limit::Invocation, "WorkerTimeoutSeconds"), (Limit::Policy(5), "segment_timeout_ms is 5,")]
        {
            let failure = failed(end_within(limit, 2, time_up()));
            assert!(failure.message.contains(name), "{}", failure.message);
            assert!(failure.message.ends_with(". Then the command was ended"), "{}", failure.message);
        }
    }

    #[test]
    fn a_permanent_failure_fails_at_once() {
        let failure = failed(end(1, AttemptEnd::Returned(Err(SegmentError::permanent("no such file")))));
        assert_eq!(failure, SegmentFailure::new(ErrorKind::Permanent, "no such file"));
    }

    #[test]
    fn an_output_that_cannot_be_recorded_says_what_to_do() {
        let long = failed(end(1, returned(Output::items(1).result("x".repeat(MAX_RESULT_BYTES)))));
        assert_eq!(long.kind, ErrorKind::InvalidOutput);
        assert!(long.message.contains("16386 bytes") && long.message.contains("store of your own"), "{long:?}");
        let many = (0..=MAX_COUNTERS).fold(Output::items(1), |output, n| output.counter(n.to_string(), 1));
        assert!(failed(end(1, returned(many))).message.contains("use at most 16"));
    }

    #[test]
    fn a_result_at_the_limit_is_kept() {
        let output = Output::items(3).counter("rows", 4).result("x".repeat(MAX_RESULT_BYTES - 2));
        let Ending::Succeeded { counts, result } = end(1, returned(output)) else { panic!() };
        assert_eq!((counts.item_count, counts.duration_ms, counts.counters.0["rows"]), (3, 7, 4));
        assert!(result.is_some());
    }
}
