//! A machine that slept, or whose clock was set: no segment is begun twice, and none waits for ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use control_table::clock::{Clock, SystemClock};
use control_table::rows::SegmentStatus;
use local::System;
use local::system::WorkChoice;
use runtime::{Context, Output, Segment, SegmentError, Work, work};
use serde_json::{Value, json};
use test_support::{Kind, UnderTest, WAIT};
use tokio::sync::Notify;

/// The machine's clock, and how far a test has set it.
#[derive(Debug, Default)]
struct SetClock(AtomicI64);

impl SetClock {
    fn set(&self, by: TimeDelta) {
        self.0.fetch_add(by.num_milliseconds(), Ordering::SeqCst);
    }
}

impl Clock for SetClock {
    fn now(&self) -> DateTime<Utc> {
        SystemClock.now() + TimeDelta::milliseconds(self.0.load(Ordering::SeqCst))
    }
}

async fn start(clock: &Arc<SetClock>, work: Arc<dyn Work>) -> UnderTest {
    let dir = tempfile::tempdir().unwrap();
    let mut options = UnderTest::options(&dir, WorkChoice::Own(work), Kind::File);
    options.clock = Arc::clone(clock) as _;
    let system = System::start(options).await.unwrap();
    UnderTest { dir, system }
}

fn event() -> Value {
    json!({
        "job": "clock",
        "source": {"type": "list", "codes": ["a"]},
        "policy": {"max_attempts": 3, "backoff": {"base_ms": 3_000, "cap_ms": 3_000}}
    })
}

/// Looks until there is something to see.
async fn until<T>(mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        let mut tick = tokio::time::interval(Duration::from_millis(5));
        loop {
            tick.tick().await;
            if let Some(found) = look().await {
                return found;
            }
        }
    };
    tokio::time::timeout(WAIT, looking).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_a_day_ahead_begins_no_segment_again() {
    let (clock, begun, go_on) = (Arc::<SetClock>::default(), Arc::<AtomicU32>::default(), Arc::<Notify>::default());
    let (counted, waiting) = (Arc::clone(&begun), Arc::clone(&go_on));
    let slow = work(move |_: Segment<Value>, _: Context| {
        let (begun, go_on) = (Arc::clone(&counted), Arc::clone(&waiting));
        async move {
            begun.fetch_add(1, Ordering::SeqCst);
            go_on.notified().await;
            Ok::<_, SegmentError>(Output::items(1))
        }
    });
    let under_test = start(&clock, slow).await;
    let execution_id = under_test.start_execution(event()).await.execution_id;
    until(async || (begun.load(Ordering::SeqCst) == 1).then_some(())).await;
    for _ in 0..2 {
        clock.set(TimeDelta::days(1));
        // The sweeper has looked at the execution when it is due later than now.
        let table = under_test.system.control_table();
        until(async || {
            let due = table.execution(execution_id).await.unwrap().unwrap().due?;
            (due.due_at.to_datetime() > clock.now()).then_some(())
        })
        .await;
    }
    go_on.notify_one();
    let execution = under_test.finish(execution_id).await;
    assert_eq!((execution.succeeded, execution.attempts), (1, 1));
    assert_eq!(begun.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_set_back_a_day_lets_no_retry_wait_for_it() {
    let (clock, tries) = (Arc::<SetClock>::default(), Arc::<AtomicU32>::default());
    let counted = Arc::clone(&tries);
    let flaky = work(move |_: Segment<Value>, _: Context| {
        let is_first = counted.fetch_add(1, Ordering::SeqCst) == 0;
        async move { if is_first { Err(SegmentError::retryable("busy")) } else { Ok(Output::items(1)) } }
    });
    let under_test = start(&clock, flaky).await;
    let execution_id = under_test.start_execution(event()).await.execution_id;
    let table = under_test.system.control_table();
    until(async || {
        let row = table.segment(execution_id.segment(0)).await.unwrap()?;
        let waits = row.status == SegmentStatus::Pending && row.retry_at.is_some();
        (waits || row.attempt > 1).then_some(())
    })
    .await;
    clock.set(-TimeDelta::days(1));
    let execution = under_test.finish(execution_id).await;
    assert_eq!((execution.succeeded, tries.load(Ordering::SeqCst)), (1, 2));
}
