//! Acquire slots, release slots.

use control_table::operation::{
    AcquireSlots, AcquireSlotsOutcome, Cancel, ReleaseSlots, ReleaseSlotsOutcome, SetPolicy,
};
use control_table::policy::Policy;
use control_table::rows::{ExecutionStatus, Stop};

use super::Case;
use super::lab::{Lab, at};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("acquire slots: up to the limit, in order", up_to_the_limit),
        Case::new("acquire slots: from the place that was seen, under the limit that was seen", from_where_it_was_seen),
        Case::new("acquire slots: none for an execution in which nothing starts", not_open),
        Case::new("release slots: each once, and only of the same generation", release),
    ]
}

fn acquire(lab: &Lab, seen: u64, segments: &[u64]) -> AcquireSlots {
    let next = segments.last().map_or(seen, |last| last + 1);
    let segments = segments.to_vec();
    AcquireSlots { execution_id: lab.id, generation: 1, seen, next, limit: Some(2), segments }
}

async fn limited(lab: &mut Lab) {
    lab.sealed(Policy { max_concurrency: Some(2), ..Policy::default() }, &[4]).await;
}

async fn up_to_the_limit(mut lab: Lab) {
    limited(&mut lab).await;
    let many = acquire(&lab, 0, &[0, 1, 2]);
    assert!(matches!(lab.both(&many).await, AcquireSlotsOutcome::Full(_)), "more than there are slots at all");
    let two = acquire(&lab, 0, &[0, 2]);
    assert!(matches!(lab.both(&two).await, AcquireSlotsOutcome::Admitted(_)));
    let more = acquire(&lab, 3, &[3]);
    assert!(matches!(lab.both(&more).await, AcquireSlotsOutcome::Full(_)));
    let pass = AcquireSlots { next: 128, ..acquire(&lab, 3, &[]) };
    assert!(matches!(lab.both(&pass).await, AcquireSlotsOutcome::Admitted(_)), "needs no slot");
    let row = lab.execution();
    assert_eq!((row.admitted_until, row.in_flight), (Some(128), [0, 2].into()));
}

async fn from_where_it_was_seen(mut lab: Lab) {
    let missing = acquire(&lab, 0, &[0]);
    assert_eq!(lab.both(&missing).await, AcquireSlotsOutcome::Missing);
    limited(&mut lab).await;
    let one = acquire(&lab, 0, &[0]);
    assert!(matches!(lab.both(&one).await, AcquireSlotsOutcome::Admitted(_)));
    assert!(matches!(lab.both(&one).await, AcquireSlotsOutcome::Moved(_)));
    let unlimited = AcquireSlots { limit: None, ..acquire(&lab, 1, &[1]) };
    assert!(matches!(lab.both(&unlimited).await, AcquireSlotsOutcome::Moved(_)));
    let set = SetPolicy { execution_id: lab.id, max_concurrency: Some(3), tolerated_failures: None };
    lab.both(&set).await;
    let older = acquire(&lab, 1, &[1]);
    assert!(matches!(lab.both(&older).await, AcquireSlotsOutcome::Moved(_)));
    let newer = AcquireSlots { limit: Some(3), ..older };
    assert!(matches!(lab.both(&newer).await, AcquireSlotsOutcome::Admitted(_)));
    let stale = AcquireSlots { generation: 2, ..newer };
    assert_eq!(lab.both(&stale).await, AcquireSlotsOutcome::Stale { generation: 1 });
}

async fn not_open(mut lab: Lab) {
    limited(&mut lab).await;
    let cancel = Cancel { execution_id: lab.id, generation: 1, reason: Stop::Requested, due_at: at(700) };
    lab.both(&cancel).await;
    let late = acquire(&lab, 0, &[0]);
    assert_eq!(lab.both(&late).await, AcquireSlotsOutcome::NotOpen(ExecutionStatus::Cancelling));
}

async fn release(mut lab: Lab) {
    let mut release = ReleaseSlots { execution_id: lab.id, generation: 1, segments: vec![0, 0] };
    assert_eq!(lab.both(&release).await, ReleaseSlotsOutcome::Missing);
    limited(&mut lab).await;
    let two = acquire(&lab, 0, &[0, 1]);
    lab.both(&two).await;
    for _ in 0..2 {
        assert!(matches!(lab.both(&release).await, ReleaseSlotsOutcome::Released(_)));
        assert_eq!(lab.execution().in_flight, [1].into());
    }
    let stale = ReleaseSlots { generation: 2, ..release.clone() };
    assert_eq!(lab.both(&stale).await, ReleaseSlotsOutcome::Stale { generation: 1 });
    release.segments = vec![];
    assert!(matches!(lab.both(&release).await, ReleaseSlotsOutcome::Released(_)), "a set cannot be empty");
    release.segments = vec![1, 9];
    assert!(matches!(lab.both(&release).await, ReleaseSlotsOutcome::Released(_)));
    assert!(lab.execution().in_flight.is_empty(), "the last of a set removes the attribute");
}
