//! Open, add rows, commit group, seal.

use control_table::operation::{AddRows, CommitGroupOutcome, OpenOutcome, Seal, SealOutcome};
use control_table::policy::{Backoff, OnTooManyFailures, Policy, Tolerance};
use control_table::rows::{Counts, ExecutionStatus, RowKey};

use super::Case;
use super::lab::{Lab, at, execution_id, opening, succeeded};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("open: a key is given once", a_key_is_given_once),
        Case::new("open: keys of other jobs and other spellings are other keys", other_keys),
        Case::new("open: every field of a policy comes back", every_field_of_a_policy),
        Case::new("add rows: a full group, and a row that exists stays", rows_that_exist_stay),
        Case::new("add rows: specs of any shape and up to their limit", specs_of_any_shape),
        Case::new("commit group: in order, once, and only while scattering", groups_in_order),
        Case::new("seal: once, and only with the right number of groups", seal_once),
        Case::new("seal: without segments", |mut lab| async move { lab.sealed(Policy::default(), &[]).await }),
    ]
}

async fn a_key_is_given_once(mut lab: Lab) {
    lab.opened(Policy::default()).await;
    let again = opening(lab.id, "2026-11-24", Policy::default());
    assert_eq!(lab.both(&again).await, OpenOutcome::Existing(lab.id), "an answer that was lost");
    let other = opening(execution_id(1_795_478_400_001, 2), "2026-11-24", Policy::default());
    assert_eq!(lab.both(&other).await, OpenOutcome::Existing(lab.id));
    assert_eq!(lab.table.execution(other.execution_id).await.unwrap(), None);
    assert_eq!(lab.table.plan(other.execution_id).await.unwrap(), None, "a refused transaction writes nothing");
}

async fn other_keys(mut lab: Lab) {
    lab.opened(Policy::default()).await;
    for (number, (job, key)) in
        (2..).zip([("weekly", "2026-11-24"), ("nightly", "été#\u{1F30D}"), ("Nightly", "2026-11-24")])
    {
        let id = execution_id(1_795_478_400_000, number);
        let request = opening(id, key.trim(), Policy::default());
        let request = control_table::operation::Open { job: job.parse().unwrap(), ..request };
        let is_new = !lab.memory.keys.contains_key(&RowKey::Key(request.job.clone(), request.key.clone()));
        assert_eq!(matches!(lab.both(&request).await, OpenOutcome::Opened(_)), is_new, "{job} {key}");
    }
}

async fn every_field_of_a_policy(mut lab: Lab) {
    let policy = Policy {
        max_attempts: 7,
        backoff: Backoff { base_ms: 1, cap_ms: 2 },
        tolerated_failures: Tolerance::Share(25),
        on_too_many_failures: OnTooManyFailures::Finish,
        segment_timeout_ms: Some(3),
        execution_timeout_ms: Some(4),
        max_concurrency: Some(5),
        stall_after_ms: 6,
        retention_days: Some(8),
    };
    lab.opened(policy).await;
    let execution = lab.table.execution(lab.id).await.unwrap().unwrap();
    assert_eq!((execution.policy, execution.admitted_until), (policy, Some(0)));
}

async fn rows_that_exist_stay(mut lab: Lab) {
    lab.opened(Policy::default()).await;
    lab.grouped(0, 128).await;
    lab.done(127, succeeded(127)).await;
    let rows = lab.rows_of(0, 128);
    lab.both(&AddRows { now: at(99), generation: 3, ..rows }).await;
    assert_eq!(lab.row(127).counts.item_count, 137);
    // A scatter that died half-way through a group: some rows are there, some are not.
    let some = lab.rows_of(1, 30);
    lab.both(&some).await;
    let all = lab.rows_of(1, 60);
    lab.both(&all).await;
    assert_eq!(lab.table.group_segments(lab.id.group(1), None).await.unwrap().len(), 60);
}

async fn specs_of_any_shape(mut lab: Lab) {
    lab.opened(Policy::default()).await;
    let long = "x".repeat(control_table::limits::MAX_SPEC_BYTES - 2);
    let specs = vec![
        serde_json::Value::Null,
        serde_json::json!(""),
        serde_json::json!([]),
        serde_json::json!({}),
        serde_json::json!([1.0, -0.0, 1e300, 18_446_744_073_709_551_615_u64, i64::MIN]),
        serde_json::json!("'quoted' \"twice\" ? {} \u{1F30D} \\ \u{0}"),
        serde_json::json!(long),
    ];
    let rows = lab.rows_of(0, 1);
    lab.both(&AddRows { specs, ..rows }).await;
}

async fn groups_in_order(mut lab: Lab) {
    let first = lab.commit_of(0, 2);
    assert_eq!(lab.both(&first).await, CommitGroupOutcome::Missing);
    lab.opened(Policy::default()).await;
    let second = lab.commit_of(1, 3);
    assert_eq!(lab.both(&second).await, CommitGroupOutcome::TooEarly(0));
    assert_eq!(lab.both(&first).await, CommitGroupOutcome::Committed);
    assert_eq!(lab.both(&first).await, CommitGroupOutcome::AlreadyCommitted);
    assert_eq!(lab.both(&second).await, CommitGroupOutcome::Committed);
    let execution = lab.execution();
    assert_eq!((execution.groups, execution.segments, execution.counts), (2, 5, Counts::default()));
    let seal = Seal { execution_id: lab.id, groups: 2, now: at(10) };
    lab.both(&seal).await;
    let late = lab.commit_of(2, 1);
    let refused = CommitGroupOutcome::NotScattering(ExecutionStatus::Running);
    assert_eq!(lab.both(&late).await, refused);
    assert_eq!(lab.both(&second).await, CommitGroupOutcome::AlreadyCommitted);
}

async fn seal_once(mut lab: Lab) {
    let seal = Seal { execution_id: lab.id, groups: 1, now: at(10) };
    assert_eq!(lab.both(&seal).await, SealOutcome::Missing);
    lab.opened(Policy::default()).await;
    assert_eq!(lab.both(&seal).await, SealOutcome::GroupsDiffer(0));
    lab.grouped(0, 2).await;
    assert_eq!(lab.both(&seal).await, SealOutcome::Sealed);
    assert_eq!(lab.both(&Seal { now: at(20), ..seal }).await, SealOutcome::AlreadySealed);
    assert_eq!(lab.execution().sealed_at, Some(at(10)));
}
