//! The first failure is flagged on the execution.

use control_table::rows::Notification;
use runtime::SegmentError;

use super::support::{Calls, DONE, Run, counting, failing};

fn hopeless() -> std::sync::Arc<dyn runtime::Work> {
    failing(SegmentError::permanent("no such file"))
}

#[tokio::test]
async fn the_first_failure_is_noted_and_no_other() {
    let run = Run::new().await;
    let (worker, sent) = run.worker_counted(hopeless());
    assert_eq!(run.hand(&worker, 1, "1").await, DONE);
    assert_eq!(sent.count(), 4, "claim, end, count, and the note");
    let execution = run.execution().await;
    assert_eq!(execution.first_failure, Some(1));
    assert!(execution.notifications.contains(&Notification::FirstFailure));

    assert_eq!(run.hand(&worker, 0, "2").await, DONE);
    assert_eq!(sent.count(), 7);
    assert_eq!(run.execution().await.first_failure, Some(1));
}

#[tokio::test]
async fn of_a_batch_one_failure_is_noted() {
    let run = Run::new().await;
    let (worker, sent) = run.worker_counted(hopeless());
    assert_eq!(run.hand_batch(&worker, &[("1", 0), ("2", 1)]).await, DONE);
    assert_eq!(sent.count(), 6);
    assert!(run.execution().await.first_failure.is_some());
}

#[tokio::test]
async fn a_note_that_is_lost_brings_nothing_back() {
    let run = Run::new().await;
    assert_eq!(run.hand(&run.worker_losing(4..=4, hopeless()), 0, "1").await, DONE);
}

#[tokio::test]
async fn success_is_no_failure() {
    let run = Run::new().await;
    assert_eq!(run.hand(&run.worker(counting(&Calls::default())), 0, "1").await, DONE);
    assert_eq!(run.execution().await.first_failure, None);
}
