//! When the sweeper stops an execution: it timed out, or more segments failed than its policy tolerates.

use control_table::clock::Timestamp;
use control_table::policy::{OnTooManyFailures, Tolerance};
use control_table::rows::{ExecutionRow, Stop};

use super::survey::Survey;

/// Why the sweeper must stop this execution, if it must.
pub(crate) fn reason(execution: &ExecutionRow, survey: &Survey, now: Timestamp) -> Option<Stop> {
    let is_late = execution.policy.deadline(execution.started_at).is_some_and(|deadline| deadline <= now);
    if is_late {
        return Some(Stop::TimedOut);
    }
    let may_stop = execution.policy.on_too_many_failures == OnTooManyFailures::Stop;
    // With nothing left to cancel it completes by itself, with the same status.
    let has_pending = survey.has_pending() || execution.sealed_at.is_none();
    let is_over = tolerated(execution).is_some_and(|tolerated| failed(execution, survey) > tolerated);
    (may_stop && has_pending && is_over).then_some(Stop::TooManyFailures)
}

/// The failures tolerated; `None` while a share of an unknown number of segments.
fn tolerated(execution: &ExecutionRow) -> Option<u64> {
    let tolerance = execution.policy.tolerated_failures;
    let segments = execution.expected.or(execution.sealed_at.map(|_| execution.segments));
    match (tolerance, segments) {
        (Tolerance::Count(count), _) => Some(count),
        (Tolerance::Share(_), Some(segments)) => Some(tolerance.of(segments)),
        (Tolerance::Share(_), None) => None,
    }
}

/// Failures in folded groups, and in those that are not. A tally that gather folds between the two reads is missing
/// from both or in one; it is never counted twice, because the execution is read first.
const fn failed(execution: &ExecutionRow, survey: &Survey) -> u64 {
    execution.failed + survey.failed
}

#[cfg(test)]
mod tests {
    use super::*;
    use control_table::id::ExecutionId;
    use control_table::operation::{Open, OpenOutcome, Operation, Part};
    use control_table::policy::Policy;
    use control_table::rows::{PlanKind, TallyRow};

    fn execution(policy: Policy) -> ExecutionRow {
        let open = Open {
            execution_id: ExecutionId::new(uuid::Uuid::from_u128(1)),
            job: "nightly".parse().unwrap(),
            key: "today".parse().unwrap(),
            tags: control_table::tags::Tags::default(),
            policy,
            expected: Some(100),
            kind: PlanKind::Planned,
            asked: String::new(),
            source: serde_json::Value::Null,
            parameters: serde_json::Value::Null,
            trace: None,
            now: Timestamp::EPOCH,
            due_at: Timestamp::EPOCH,
        };
        let mut rows = (Part::Is(None), Part::Is(None), Part::Is(None));
        match open.apply(&mut rows) {
            OpenOutcome::Opened(row) => *row,
            OpenOutcome::Existing(id) => panic!("{id}"),
        }
    }

    fn survey(failed: u64) -> Survey {
        let first_open = Some(TallyRow::fresh(ExecutionId::new(uuid::Uuid::from_u128(1)).group(0), 100, 1));
        Survey { failed, first_open, ..Survey::default() }
    }

    #[test]
    fn more_failures_than_tolerated_stop_it_unless_it_is_to_finish() {
        let at = Timestamp::from_millis(5);
        let five = Policy { tolerated_failures: Tolerance::Share(500), ..Policy::default() };
        assert_eq!(reason(&execution(five), &survey(5), at), None);
        assert_eq!(reason(&execution(five), &survey(6), at), Some(Stop::TooManyFailures));
        let finish = Policy { on_too_many_failures: OnTooManyFailures::Finish, ..five };
        assert_eq!(reason(&execution(finish), &survey(6), at), None);
    }

    #[test]
    fn a_share_of_an_unknown_number_stops_nothing() {
        let mut open = execution(Policy { tolerated_failures: Tolerance::Share(500), ..Policy::default() });
        open.expected = None;
        assert_eq!(reason(&open, &survey(90), Timestamp::EPOCH), None);
    }

    #[test]
    fn its_time_is_up_at_its_deadline() {
        let limited = execution(Policy { execution_timeout_ms: Some(10), ..Policy::default() });
        assert_eq!(reason(&limited, &Survey::default(), Timestamp::from_millis(9)), None);
        assert_eq!(reason(&limited, &Survey::default(), Timestamp::from_millis(10)), Some(Stop::TimedOut));
    }
}
