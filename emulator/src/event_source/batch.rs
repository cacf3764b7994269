//! What becomes of a batch after an invocation: Lambda's rules for retries, splitting and partial answers, on plain values.

/// How often, and in what pieces, a mapping repeats what failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Repetitions after the first try; `None`: until it succeeds (`-1` in a template).
    pub attempts_max: Option<u32>,
    /// Whether a batch that failed as a whole is halved, to find the record that spoils it.
    pub bisect: bool,
    /// Whether the function's answer says which records failed. If not, an answer means success.
    pub report_failures: bool,
}

/// Records that are handed to one invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch<R> {
    /// In the order of their sequence numbers; never empty.
    pub records: Vec<R>,
    /// How often they were repeated so far.
    pub retries: u32,
}

impl<R> Batch<R> {
    /// A batch that was not tried yet.
    pub fn fresh(records: Vec<R>) -> Self {
        Self { records, retries: 0 }
    }
}

/// What an invocation said about its batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All of it is done.
    Succeeded,
    /// The records before this index are done, this one failed, and whatever follows is to be repeated with it.
    FailedFrom(usize),
    /// An error, a panic, or an answer that makes no sense.
    Failed,
}

/// Where the records of a batch go.
#[derive(Debug, PartialEq, Eq)]
pub struct Finalized<R> {
    /// Done.
    pub done: Vec<R>,
    /// To be invoked again, in this order, before anything that comes after them.
    pub again: Vec<Batch<R>>,
    /// Repeated as often as allowed: for the on-failure destination.
    pub given_up: Vec<R>,
}

/// Reads the items that a function's answer names as failed. `ids` are the batch's sequence numbers in order.
///
/// An item that is missing, empty or not of the batch makes the whole batch a failure, as on AWS.
pub fn outcome_of<'a>(failed: impl IntoIterator<Item = Option<&'a str>>, ids: &[&str], policy: RetryPolicy) -> Outcome {
    if !policy.report_failures {
        return Outcome::Succeeded;
    }
    let mut first = None;
    for item in failed {
        let index = item.and_then(|item| ids.iter().position(|id| *id == item));
        match (index, first) {
            (None, _) => return Outcome::Failed,
            (Some(index), Some(earlier)) if index >= earlier => {}
            (Some(index), _) => first = Some(index),
        }
    }
    first.map_or(Outcome::Succeeded, Outcome::FailedFrom)
}

/// Decides what becomes of a batch.
pub fn finalize<R>(batch: Batch<R>, outcome: Outcome, policy: RetryPolicy) -> Finalized<R> {
    let Batch { mut records, retries } = batch;
    match outcome {
        Outcome::Succeeded => Finalized { done: records, again: Vec::new(), given_up: Vec::new() },
        // To cut a batch is progress, not a repetition, so it is not counted; it ends when one record is left.
        Outcome::FailedFrom(index) if index > 0 && policy.bisect => {
            let rest = records.split_off(index.min(records.len()));
            Finalized { done: records, again: batches([(rest, retries)]), given_up: Vec::new() }
        }
        Outcome::FailedFrom(index) => {
            let rest = records.split_off(index.min(records.len()));
            repeat(rest, retries, policy, records)
        }
        Outcome::Failed if policy.bisect && records.len() > 1 => {
            let second = records.split_off(records.len() / 2);
            let again = batches([(records, retries), (second, retries)]);
            Finalized { done: Vec::new(), again, given_up: Vec::new() }
        }
        Outcome::Failed => repeat(records, retries, policy, Vec::new()),
    }
}

fn repeat<R>(records: Vec<R>, retries: u32, policy: RetryPolicy, done: Vec<R>) -> Finalized<R> {
    if policy.attempts_max.is_some_and(|max| retries >= max) {
        return Finalized { done, again: Vec::new(), given_up: records };
    }
    Finalized { done, again: batches([(records, retries.saturating_add(1))]), given_up: Vec::new() }
}

fn batches<R>(parts: impl IntoIterator<Item = (Vec<R>, u32)>) -> Vec<Batch<R>> {
    parts
        .into_iter()
        .filter(|(records, _)| !records.is_empty())
        .map(|(records, retries)| Batch { records, retries })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetryPolicy = RetryPolicy { attempts_max: Some(2), bisect: false, report_failures: true };
    const BISECT: RetryPolicy = RetryPolicy { bisect: true, ..POLICY };

    fn batch(records: &[u32], retries: u32) -> Batch<u32> {
        Batch { records: records.to_vec(), retries }
    }

    fn again(finalized: Finalized<u32>) -> Vec<Batch<u32>> {
        assert!(finalized.given_up.is_empty());
        finalized.again
    }

    #[test]
    fn success_is_the_end() {
        let finalized = finalize(batch(&[1, 2], 1), Outcome::Succeeded, POLICY);
        assert_eq!(finalized, Finalized { done: vec![1, 2], again: vec![], given_up: vec![] });
    }

    #[test]
    fn a_partial_failure_repeats_from_the_lowest_that_failed() {
        let finalized = finalize(batch(&[1, 2, 3], 0), Outcome::FailedFrom(1), POLICY);
        assert_eq!(finalized.done, [1]);
        assert_eq!(again(finalized), [batch(&[2, 3], 1)]);
    }

    #[test]
    fn a_cut_with_bisecting_is_not_counted_but_a_repetition_is() {
        let cut = finalize(batch(&[1, 2], 1), Outcome::FailedFrom(1), BISECT);
        assert_eq!(cut.done, [1]);
        assert_eq!(again(cut), [batch(&[2], 1)]);
        assert_eq!(again(finalize(batch(&[1, 2], 1), Outcome::FailedFrom(0), BISECT)), [batch(&[1, 2], 2)]);
    }

    #[test]
    fn bisecting_halves_until_one_is_left() {
        assert_eq!(again(finalize(batch(&[1, 2, 3], 0), Outcome::Failed, BISECT)), [batch(&[1], 0), batch(&[2, 3], 0)]);
        assert_eq!(again(finalize(batch(&[1], 0), Outcome::Failed, BISECT)), [batch(&[1], 1)]);
    }

    #[test]
    fn attempts_are_bounded_if_there_is_a_bound() {
        let last = finalize(batch(&[1, 2], 2), Outcome::Failed, POLICY);
        assert_eq!(last, Finalized { done: vec![], again: vec![], given_up: vec![1, 2] });
        let partly = finalize(batch(&[1, 2], 2), Outcome::FailedFrom(1), POLICY);
        assert_eq!(partly, Finalized { done: vec![1], again: vec![], given_up: vec![2] });
        let unbounded = RetryPolicy { attempts_max: None, ..POLICY };
        assert_eq!(again(finalize(batch(&[1], u32::MAX), Outcome::Failed, unbounded)), [batch(&[1], u32::MAX)]);
    }

    #[test]
    fn the_lowest_of_several_failures_counts() {
        let ids = ["10", "20", "30"];
        assert_eq!(outcome_of([Some("30"), Some("20")], &ids, POLICY), Outcome::FailedFrom(1));
        assert_eq!(outcome_of([], &ids, POLICY), Outcome::Succeeded);
    }

    #[test]
    fn an_item_that_makes_no_sense_fails_the_batch() {
        assert_eq!(outcome_of([Some("99")], &["10"], POLICY), Outcome::Failed);
        assert_eq!(outcome_of([Some("10"), None], &["10"], POLICY), Outcome::Failed);
        assert_eq!(outcome_of([Some("")], &["10"], POLICY), Outcome::Failed);
    }

    #[test]
    fn an_answer_is_only_read_if_the_mapping_says_so() {
        let silent = RetryPolicy { report_failures: false, ..POLICY };
        assert_eq!(outcome_of([Some("10")], &["10"], silent), Outcome::Succeeded);
    }
}
