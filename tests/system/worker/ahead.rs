//! Records that are handed over one by one: while segments are short, the next is claimed before a slot is free.

use std::sync::Arc;

use chrono::TimeDelta;
use control_table::message::SegmentRecord;
use control_table::policy::Policy;
use control_table::rows::{SegmentRow, SegmentStatus};
use futures::stream;
use runtime::{Handed, Output, Segment, Serving, Worker, work};
use serde_json::{Value, json};
use test_support::{Execution, Lab};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

use super::support::Calls;

/// One slot.
const SERVING: Serving = Serving { at_once: 1, attempt_time: TimeDelta::minutes(15) };

/// How often a test lets the other tasks run while it waits for something. The paused clock does not move meanwhile.
const TURNS: usize = 10_000;

/// Three segments and a worker with one slot. The worker has done the first and is at work on the second, until a test notifies `go_on`.
struct Busy {
    lab: Lab,
    execution: Execution,
    worker: Arc<Worker>,
    calls: Calls,
    go_on: Arc<Notify>,
    again: mpsc::UnboundedReceiver<Handed>,
    served: JoinHandle<()>,
}

impl Busy {
    async fn new() -> Self {
        let lab = Lab::new().await;
        let policy = Policy { max_attempts: 1, ..Policy::default() };
        let execution = lab.execution().key("key").policy(policy).source(Value::Null, 3).make().await;
        execution.add_rows(0, vec![Value::Null; 3]).await;
        execution.commit(0, 3).await;
        let (calls, go_on) = (Calls::default(), Arc::new(Notify::new()));
        let (counted, waits) = (calls.clone(), Arc::clone(&go_on));
        let work = work(move |segment: Segment<Value>, _| {
            counted.add();
            let waits = Arc::clone(&waits);
            async move {
                if segment.index == 1 {
                    waits.notified().await;
                }
                Ok(Output::items(1))
            }
        });
        let worker = Arc::new(lab.worker_on(lab.table.clone(), work));
        let handed = (0..3).map(|index| handed(&execution, index)).collect();
        let (served, again) = serve(&worker, handed);
        let busy = Self { lab, execution, worker, calls, go_on, again, served };
        busy.until(1, SegmentStatus::Running).await;
        busy
    }

    async fn row(&self, index: u64) -> SegmentRow {
        self.lab.table.segment(self.execution.id.segment(index)).await.unwrap().unwrap()
    }

    async fn until(&self, index: u64, status: SegmentStatus) {
        for _ in 0..TURNS {
            if self.row(index).await.status == status {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("segment {index} is {:?}", self.row(index).await.status);
    }

    /// Lets the second segment end, and waits for the worker. Returns the rows.
    async fn end(&self) -> [SegmentRow; 3] {
        self.go_on.notify_one();
        for _ in 0..TURNS {
            if self.served.is_finished() {
                break;
            }
            tokio::task::yield_now().await;
        }
        assert!(self.served.is_finished(), "the worker still serves");
        [self.row(0).await, self.row(1).await, self.row(2).await]
    }
}

fn handed(execution: &Execution, index: u64) -> Handed {
    let record = SegmentRecord {
        execution_id: execution.id,
        job: "job".parse().unwrap(),
        key: "key".parse().unwrap(),
        generation: 1,
        index,
        total: Some(3),
        spec: Value::Null,
        parameters: json!({}),
        policy: Policy { max_attempts: 1, ..Policy::default() },
        trace: None,
    };
    Handed { id: format!("process:{index}"), record }
}

fn serve(worker: &Arc<Worker>, handed: Vec<Handed>) -> (JoinHandle<()>, mpsc::UnboundedReceiver<Handed>) {
    let (worker, (again, given_back)) = (Arc::clone(worker), mpsc::unbounded_channel());
    let served = tokio::spawn(async move {
        worker.serve(stream::iter(handed), SERVING, |handed| again.send(handed).unwrap()).await;
    });
    (served, given_back)
}

#[tokio::test(start_paused = true)]
async fn the_next_segment_is_claimed_while_the_slot_is_taken_and_begins_when_it_is_free() {
    let busy = Busy::new().await;
    busy.until(2, SegmentStatus::Running).await;
    assert_eq!(busy.calls.made(), 2, "the third segment is claimed, and waits for the slot");
    let rows = busy.end().await;
    assert!(rows.iter().all(|row| (row.status, row.attempt) == (SegmentStatus::Succeeded, 1)), "{rows:?}");
    assert_eq!(busy.calls.made(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_segment_that_was_claimed_ahead_goes_back_if_the_slot_stays_taken() {
    let mut busy = Busy::new().await;
    // tokio moves its paused clock here, as no task can run: the worker's wait for a slot ends.
    let given_back = busy.again.recv().await.unwrap();
    assert_eq!(given_back.record.index, 2);
    let row = busy.row(2).await;
    assert_eq!((row.status, row.attempt, row.lease_until), (SegmentStatus::Pending, 1, None));
    busy.end().await;
    assert_eq!(busy.calls.made(), 2);
    serve(&busy.worker, vec![given_back]).0.await.unwrap();
    let row = busy.row(2).await;
    assert_eq!((row.status, row.attempt), (SegmentStatus::Succeeded, 2), "also where one attempt is allowed");
}

#[tokio::test(start_paused = true)]
async fn a_segment_that_was_claimed_ahead_does_not_begin_after_a_stop() {
    let busy = Busy::new().await;
    busy.until(2, SegmentStatus::Running).await;
    busy.worker.attempts().stop(busy.execution.id, 1);
    let rows = busy.end().await;
    assert_eq!(busy.calls.made(), 2);
    assert_eq!(rows[2].status, SegmentStatus::Running, "a cancel ends it, or the process that continues the execution");
}
