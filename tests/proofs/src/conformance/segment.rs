//! Claim, finish, release lease, defer retry, cancel segment.

use control_table::operation::{
    CancelSegment, CancelSegmentOutcome, Claim, ClaimOutcome, DeferRetry, DeferRetryOutcome, Ending, Finish,
    FinishOutcome, ReleaseLease, ReleaseLeaseOutcome,
};
use control_table::policy::Policy;
use control_table::rows::{Counts, SegmentStatus};

use super::Case;
use super::lab::{Lab, at, failed, retry, succeeded};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("claim: one worker has a segment, and its repeated record takes it back", one_worker_has_it),
        Case::new("claim: a lease that ended, to the millisecond, and attempts used up", a_lease_runs_out),
        Case::new("claim: a retry waits for its moment", a_retry_waits),
        Case::new(
            "claim: a finished segment, another generation, a segment that does not exist",
            what_cannot_be_claimed,
        ),
        Case::new("finish: each ending, and again", each_ending),
        Case::new("finish: failed attempts are kept, also by a later success", failed_attempts_are_kept),
        Case::new("finish: an attempt that lost its claim changes nothing", a_lost_claim),
        Case::new("finish: a success without a result removes an earlier failure", a_success_after_a_failure),
        Case::new("release lease: of that attempt and no other", release_one_attempt),
        Case::new("defer retry: from the moment that was seen, once", defer_once),
        Case::new("defer retry: of a segment that was not due", defer_first),
        Case::new("cancel segment: without an outcome, once; its worker is fenced off", cancel_segments),
    ]
}

async fn running(lab: &mut Lab, size: u64) {
    lab.sealed(Policy::default(), &[size]).await;
}

fn attempt_of(outcome: &ClaimOutcome) -> u32 {
    let ClaimOutcome::Claimed(row) = outcome else { panic!("{outcome:?}") };
    row.attempt
}

async fn failed_attempts_are_kept(mut lab: Lab) {
    running(&mut lab, 2).await;
    lab.both(&lab.claim_of(0)).await;
    let ending = retry(at(160));
    let Ending::Retry { failure, .. } = &ending else { panic!("{ending:?}") };
    let failures = lab.row(0).failures_with(failure, at(150));
    assert_eq!((failures.len(), failures[0].attempt), (1, 1));
    let finish = Finish { failures: failures.clone(), ending, ..lab.finish_of(0, 1) };
    lab.both(&finish).await;
    lab.both(&Claim { now: at(170), ..lab.claim_of(0) }).await;
    assert!(matches!(lab.both(&lab.finish_of(0, 2)).await, FinishOutcome::Finished(_)));
    assert_eq!(lab.row(0).failures, failures);

    lab.both(&lab.claim_of(1)).await;
    let Ending::Failed { failure, .. } = failed() else { panic!("a failure") };
    let failures = lab.row(1).failures_with(&failure, at(150));
    let finish = Finish { failures: failures.clone(), ending: failed(), ..lab.finish_of(1, 1) };
    assert!(matches!(lab.both(&finish).await, FinishOutcome::Finished(_)));
    assert_eq!(lab.row(1).failures, failures);
}

async fn one_worker_has_it(mut lab: Lab) {
    running(&mut lab, 2).await;
    let claim = lab.claim_of(0);
    assert_eq!(attempt_of(&lab.both(&claim).await), 1);
    assert_eq!(attempt_of(&lab.both(&claim).await), 1, "an answer that was lost uses up no attempt");
    let other = Claim { record: "shard:99".to_owned(), ..claim.clone() };
    assert_eq!(lab.both(&other).await, ClaimOutcome::Leased { until: at(200) });
    let repeated = Claim { claim_id: "second".to_owned(), now: at(101), ..claim.clone() };
    assert_eq!(attempt_of(&lab.both(&repeated).await), 2, "the same record, another invocation");
    let third = Claim { claim_id: "third".to_owned(), ..claim };
    assert!(matches!(lab.both(&third).await, ClaimOutcome::AttemptsUsedUp(row) if row.attempt == 2));
}

async fn a_lease_runs_out(mut lab: Lab) {
    running(&mut lab, 1).await;
    let claim = lab.claim_of(0);
    lab.both(&claim).await;
    let other = Claim { record: "other".to_owned(), claim_id: "other".to_owned(), now: at(199), ..claim };
    assert_eq!(lab.both(&other).await, ClaimOutcome::Leased { until: at(200) });
    let later = Claim { now: at(200), lease_until: at(300), ..other };
    assert_eq!(attempt_of(&lab.both(&later).await), 2);
    let last = Claim { record: "last".to_owned(), now: at(300), ..later };
    assert!(matches!(lab.both(&last).await, ClaimOutcome::AttemptsUsedUp(_)));
    let more = Claim { max_attempts: 3, ..last };
    assert_eq!(attempt_of(&lab.both(&more).await), 3);
}

async fn a_retry_waits(mut lab: Lab) {
    running(&mut lab, 1).await;
    let claim = lab.claim_of(0);
    lab.both(&claim).await;
    let finish = Finish { ending: retry(at(500)), ..lab.finish_of(0, 1) };
    lab.both(&finish).await;
    let again = Claim { record: "again".to_owned(), now: at(499), lease_until: at(900), ..claim };
    assert_eq!(lab.both(&again).await, ClaimOutcome::NotYet { retry_at: at(500) });
    assert_eq!(attempt_of(&lab.both(&Claim { now: at(500), ..again }).await), 2);
    let row = lab.row(0);
    assert_eq!((row.retry_at, row.due, row.finished_at), (None, None, None));
}

async fn what_cannot_be_claimed(mut lab: Lab) {
    running(&mut lab, 2).await;
    lab.done(0, succeeded(0)).await;
    lab.done(1, failed()).await;
    for index in 0..2 {
        let again = Claim { record: "again".to_owned(), ..lab.claim_of(index) };
        assert!(matches!(lab.both(&again).await, ClaimOutcome::AlreadyFinished(_)));
    }
    let stale = Claim { generation: 2, ..lab.claim_of(0) };
    assert_eq!(lab.both(&stale).await, ClaimOutcome::Stale { generation: 1 });
    let missing = lab.claim_of(5);
    assert_eq!(lab.both(&missing).await, ClaimOutcome::Missing);
    assert_eq!(lab.table.segment(lab.id.segment(5)).await.unwrap(), None, "an update that is refused makes no item");
}

async fn each_ending(mut lab: Lab) {
    running(&mut lab, 4).await;
    let endings = [succeeded(0), succeeded(1), failed(), retry(at(500))];
    for (index, ending) in (0..).zip(endings) {
        let claim = lab.claim_of(index);
        lab.both(&claim).await;
        let finish = Finish { ending, ..lab.finish_of(index, 1) };
        let first = lab.both(&finish).await;
        assert!(matches!(first, FinishOutcome::Finished(_)), "{first:?}");
        let second = lab.both(&Finish { now: at(900), ..finish }).await;
        assert!(matches!(second, FinishOutcome::AlreadyFinished(_)), "{second:?}");
    }
    let empty = Ending::Succeeded { counts: Counts::default(), result: Some(serde_json::Value::Null) };
    let missing = Finish { ending: empty, ..lab.finish_of(9, 1) };
    assert_eq!(lab.both(&missing).await, FinishOutcome::Missing);
}

async fn a_lost_claim(mut lab: Lab) {
    running(&mut lab, 1).await;
    let early = lab.finish_of(0, 0);
    assert!(matches!(lab.both(&early).await, FinishOutcome::Lost(_)), "not claimed yet");
    let claim = lab.claim_of(0);
    lab.both(&claim).await;
    let taken = Claim { claim_id: "second".to_owned(), ..claim };
    lab.both(&taken).await;
    let stale = lab.finish_of(0, 1);
    assert!(matches!(lab.both(&stale).await, FinishOutcome::Lost(row) if row.attempt == 2));
    let other = Finish { generation: 2, ..lab.finish_of(0, 2) };
    assert!(matches!(lab.both(&other).await, FinishOutcome::Lost(_)));
    let mine = lab.finish_of(0, 2);
    assert!(matches!(lab.both(&mine).await, FinishOutcome::Finished(_)));
    assert!(matches!(lab.both(&stale).await, FinishOutcome::Lost(_)), "finished by a later attempt");
}

async fn a_success_after_a_failure(mut lab: Lab) {
    running(&mut lab, 2).await;
    let claim = lab.claim_of(1);
    lab.both(&claim).await;
    let finish = Finish { ending: retry(at(160)), ..lab.finish_of(1, 1) };
    lab.both(&finish).await;
    assert!(lab.row(1).error.is_some());
    let again = Claim { record: "again".to_owned(), now: at(170), ..claim };
    lab.both(&again).await;
    let success = lab.finish_of(1, 2);
    lab.both(&success).await;
    let row = lab.row(1);
    assert_eq!((row.error, row.result, row.attempt), (None, None, 2));
}

async fn release_one_attempt(mut lab: Lab) {
    running(&mut lab, 1).await;
    let release = ReleaseLease { segment: lab.id.segment(0), generation: 1, attempt: 1 };
    assert_eq!(lab.both(&release).await, ReleaseLeaseOutcome::NotRunning);
    let claim = Claim { max_attempts: 1, ..lab.claim_of(0) };
    lab.both(&claim).await;
    assert_eq!(lab.both(&ReleaseLease { attempt: 2, ..release.clone() }).await, ReleaseLeaseOutcome::NotRunning);
    assert_eq!(lab.both(&ReleaseLease { generation: 2, ..release.clone() }).await, ReleaseLeaseOutcome::NotRunning);
    assert_eq!(lab.both(&release).await, ReleaseLeaseOutcome::Released);
    assert_eq!(lab.both(&release).await, ReleaseLeaseOutcome::NotRunning);
    assert_eq!(attempt_of(&lab.both(&claim).await), 2, "another attempt, even after the last");
    let missing = ReleaseLease { segment: lab.id.segment(7), ..release };
    assert_eq!(lab.both(&missing).await, ReleaseLeaseOutcome::NotRunning);
}

async fn defer_once(mut lab: Lab) {
    running(&mut lab, 1).await;
    let segment = lab.id.segment(0);
    let defer = DeferRetry { segment, generation: 1, seen_due_at: Some(at(500)), due_at: at(800) };
    assert_eq!(lab.both(&defer).await, DeferRetryOutcome::Moved, "it is not due");
    let claim = lab.claim_of(0);
    lab.both(&claim).await;
    let finish = Finish { ending: retry(at(500)), ..lab.finish_of(0, 1) };
    lab.both(&finish).await;
    let stale = DeferRetry { generation: 2, ..defer.clone() };
    assert_eq!(lab.both(&stale).await, DeferRetryOutcome::Moved);
    assert_eq!(lab.both(&defer).await, DeferRetryOutcome::Deferred);
    assert_eq!(lab.both(&defer).await, DeferRetryOutcome::Moved);
    let missing = DeferRetry { segment: lab.id.segment(9), ..defer };
    assert_eq!(lab.both(&missing).await, DeferRetryOutcome::Moved);
}

/// A lost record of a first attempt was put again: its segment was not due before.
async fn defer_first(mut lab: Lab) {
    running(&mut lab, 1).await;
    let defer = DeferRetry { segment: lab.id.segment(0), generation: 1, seen_due_at: None, due_at: at(800) };
    assert_eq!(lab.both(&defer).await, DeferRetryOutcome::Deferred);
    assert_eq!(lab.both(&defer).await, DeferRetryOutcome::Moved, "it is due now");
    let again = DeferRetry { seen_due_at: Some(at(800)), due_at: at(900), ..defer };
    assert_eq!(lab.both(&again).await, DeferRetryOutcome::Deferred);
}

async fn cancel_segments(mut lab: Lab) {
    running(&mut lab, 4).await;
    lab.done(0, succeeded(0)).await;
    let claim = lab.claim_of(1);
    lab.both(&claim).await;
    let claim = lab.claim_of(2);
    lab.both(&claim).await;
    let waits = Finish { ending: retry(at(500)), ..lab.finish_of(2, 1) };
    lab.both(&waits).await;
    for index in 0..4 {
        let cancel = CancelSegment { segment: lab.id.segment(index), generation: 1, now: at(600) };
        let stale = CancelSegment { generation: 2, ..cancel.clone() };
        let refused = lab.both(&stale).await;
        match (index, &refused) {
            (0, CancelSegmentOutcome::AlreadyFinished(_)) | (_, CancelSegmentOutcome::Stale { generation: 1 }) => {}
            _ => panic!("{index}: {refused:?}"),
        }
        let first = lab.both(&cancel).await;
        assert_eq!(matches!(first, CancelSegmentOutcome::Cancelled(_)), index > 0, "{first:?}");
        assert!(matches!(lab.both(&cancel).await, CancelSegmentOutcome::AlreadyFinished(_)));
    }
    let late = lab.finish_of(1, 1);
    assert!(matches!(lab.both(&late).await, FinishOutcome::Lost(row) if row.status == SegmentStatus::Cancelled));
    let missing = CancelSegment { segment: lab.id.segment(9), generation: 1, now: at(600) };
    assert_eq!(lab.both(&missing).await, CancelSegmentOutcome::Missing);
}
