//! Any record at all: no panic, no blocked shard, and one dead letter for what cannot be read.

use std::sync::Arc;

use aws_lambda_events::event::kinesis::KinesisEvent;
use control_table::rows::{DeadLetterSource, SegmentStatus};
use functions::handlers::work_stream;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestRunner};
use runtime::Worker;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::support::{Calls, DONE, Run, again, counting, event};

#[tokio::test]
async fn what_is_no_record_of_a_segment_is_set_aside_and_reported_once() {
    let run = Run::new().await;
    let worker = run.worker(counting(&Calls::default()));
    let good = serde_json::to_vec(&run.record(0)).unwrap();
    for _ in 0..2 {
        let batch = event(&[("1", b"\xffnot JSON"), ("2", &good), ("3", b"{}")]);
        assert_eq!(again(work_stream(&worker, batch, run.invocation()).await), DONE);
    }
    assert_eq!(run.segment(0).await.status, SegmentStatus::Succeeded);
    let dead_letters = run.table.dead_letters(10).await.unwrap();
    assert_eq!(dead_letters.len(), 2, "{dead_letters:?}");
    let garbage = dead_letters.iter().find(|row| row.event_id == "shardId-000000000000:1").unwrap();
    assert_eq!(
        (garbage.source, garbage.payload_bytes, garbage.text()),
        (DeadLetterSource::Worker, 9, "\u{fffd}not JSON".to_owned())
    );
    assert!(garbage.reason.starts_with("it is not a segment's record: "), "{}", garbage.reason);
    assert!(dead_letters.iter().any(|row| row.reason.contains("missing field")), "{dead_letters:?}");
}

#[tokio::test]
async fn the_newest_are_listed_first() {
    let run = Run::new().await;
    let worker = run.worker(counting(&Calls::default()));
    for number in ["2", "3", "1"] {
        assert_eq!(again(work_stream(&worker, event(&[(number, b"?")]), run.invocation()).await), DONE);
        run.clock.advance(chrono::TimeDelta::seconds(1));
    }
    let listed: Vec<String> = run.table.dead_letters(2).await.unwrap().into_iter().map(|row| row.event_id).collect();
    assert_eq!(listed, ["shardId-000000000000:1", "shardId-000000000000:3"]);
}

#[tokio::test]
async fn what_cannot_be_set_aside_comes_again() {
    let run = Run::new().await;
    let worker = run.worker_without_table(counting(&Calls::default()));
    assert_eq!(again(work_stream(&worker, event(&[("1", b"?")]), run.invocation()).await), ["1"]);
    let worker = run.worker_losing(1..=1, counting(&Calls::default()));
    assert_eq!(again(work_stream(&worker, event(&[("1", b"?")]), run.invocation()).await), ["1"]);
    assert_eq!(again(work_stream(&worker, event(&[("1", b"?")]), run.invocation()).await), DONE);
    assert_eq!(run.table.dead_letters(10).await.unwrap().len(), 1);
}

/// A record as its scatter puts it.
fn record(run: &Run, index: u64) -> Value {
    serde_json::to_value(run.record(index)).unwrap()
}

/// What a number of a record may turn into.
fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        Just(json!(u64::MAX)),
        Just(json!(1e308)),
        Just(json!(-1)),
    ]
}

fn nested() -> impl Strategy<Value = Value> {
    (1..200_usize).prop_map(|depth| (0..depth).fold(Value::Null, |inner, _| json!([inner])))
}

fn anything() -> impl Strategy<Value = Value> {
    prop_oneof![
        number(),
        nested(),
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        Just(json!({})),
        Just(json!({"max_attempts": u32::MAX, "backoff": {"base_ms": u64::MAX, "cap_ms": u64::MAX}})),
        Just(json!({"segment_timeout_ms": u64::MAX, "execution_timeout_ms": 1, "retention_days": 1})),
        Just(json!({"segment_timeout_ms": 1, "max_concurrency": 1_000})),
    ]
}

/// A change of a good record.
#[derive(Debug, Clone)]
enum Change {
    Flip(Vec<(usize, u8)>),
    Cut(usize),
    Remove(usize),
    Replace(usize, Value),
    Add(String, Value),
    Twice(usize),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        vec((any::<usize>(), 1..=255_u8), 1..4).prop_map(Change::Flip),
        any::<usize>().prop_map(Change::Cut),
        any::<usize>().prop_map(Change::Remove),
        (any::<usize>(), anything()).prop_map(|(field, value)| Change::Replace(field, value)),
        ("[a-z_]{1,12}", anything()).prop_map(|(name, value)| Change::Add(name, value)),
        any::<usize>().prop_map(Change::Twice),
    ]
}

impl Change {
    fn apply(&self, record: &Value) -> Vec<u8> {
        let mut record = record.clone();
        let fields = record.as_object_mut().unwrap();
        let name = |field: usize| fields.keys().nth(field % fields.len()).unwrap().clone();
        match self {
            Self::Remove(field) => drop(fields.remove(&name(*field))),
            Self::Replace(field, value) => drop(fields.insert(name(*field), value.clone())),
            Self::Add(name, value) => drop(fields.insert(name.clone(), value.clone())),
            Self::Flip(_) | Self::Cut(_) | Self::Twice(_) => {}
        }
        let text = record.to_string();
        let mut bytes = text.clone().into_bytes();
        match self {
            Self::Flip(flips) => {
                for (place, bits) in flips {
                    let place = place % bytes.len();
                    bytes[place] ^= bits;
                }
            }
            Self::Cut(end) => bytes.truncate(end % bytes.len()),
            Self::Twice(field) => {
                let (name, value) = record.as_object().unwrap().iter().nth(field % 8).unwrap();
                bytes = text.replacen('{', &format!("{{{}:{value},", json!(name)), 1).into_bytes();
            }
            Self::Remove(_) | Self::Replace(..) | Self::Add(..) => {}
        }
        bytes
    }
}

/// Runs a property. Making a table takes some milliseconds, so there are fewer cases than usual.
fn check<S: Strategy>(cases: u32, strategy: &S, property: impl Fn(&Runtime, S::Value) -> Result<(), TestCaseError>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    TestRunner::new(config).run(strategy, |value| property(&runtime, value)).unwrap();
}

fn worker_of(run: &Run) -> Worker {
    run.worker(counting(&Calls::default()))
}

/// Hands a batch over, whose records must not come again.
async fn pass(run: &Run, worker: &Worker, batch: KinesisEvent) -> Result<(), TestCaseError> {
    let come_again = again(work_stream(worker, batch, run.invocation()).await);
    prop_assert_eq!(come_again, DONE);
    Ok(())
}

#[test]
fn any_bytes_between_good_records_are_set_aside_once_and_hold_up_nothing() {
    check(96, &(vec(any::<u8>(), 0..2_000), any::<bool>()), |runtime, (bytes, has_ids)| {
        runtime.block_on(async {
            let run = Run::new().await;
            let worker = worker_of(&run);
            let [one, two] = [0, 1].map(|index| record(&run, index).to_string().into_bytes());
            for _ in 0..2 {
                let mut batch = event(&[("1", &one), ("2", &bytes), ("3", &two)]);
                if !has_ids {
                    batch.records.iter_mut().for_each(|record| record.event_id = None);
                    batch.records[1].kinesis.sequence_number.clear();
                }
                pass(&run, &worker, batch).await?;
            }
            let tally = run.tally().await;
            prop_assert_eq!((tally.pending, tally.counts.item_count), (0, 8));
            let dead_letters = run.table.dead_letters(10).await.unwrap();
            prop_assert_eq!(dead_letters.len(), 1);
            prop_assert_eq!(dead_letters[0].payload_bytes, bytes.len() as u64);
            Ok(())
        })
    });
}

#[test]
fn a_record_that_was_changed_on_its_way_is_worked_on_or_set_aside() {
    let runs = std::cell::RefCell::new(None::<(Arc<Run>, usize)>);
    check(200, &vec(change(), 1..6), |runtime, changes| {
        runtime.block_on(async {
            // One table for many cases: dead letters are counted by their number.
            let kept = runs.borrow().clone();
            let (run, before) = match kept {
                Some(kept) => kept,
                None => (Arc::new(Run::new().await), 0),
            };
            let worker = worker_of(&run);
            let data: Vec<Vec<u8>> = changes.iter().map(|change| change.apply(&record(&run, 0))).collect();
            let numbers: Vec<String> = (before..).take(data.len()).map(|number| number.to_string()).collect();
            let records: Vec<(&str, &[u8])> =
                numbers.iter().zip(&data).map(|(number, data)| (&**number, &**data)).collect();
            for _ in 0..2 {
                pass(&run, &worker, event(&records)).await?;
            }
            *runs.borrow_mut() = Some((run, before + data.len()));
            Ok(())
        })
    });
    let (run, handed) = runs.into_inner().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let dead_letters = runtime.block_on(run.table.dead_letters(usize::MAX)).unwrap();
    assert!(dead_letters.len() > handed / 4 && dead_letters.len() < handed, "{} of {handed}", dead_letters.len());
    let mut ids: Vec<&String> = dead_letters.iter().map(|row| &row.event_id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), dead_letters.len());
}

#[test]
fn a_poison_record_with_any_id_is_set_aside() {
    let id = proptest::option::of(prop_oneof![".{0,80}", "[a-z]{500,3000}"]);
    check(64, &(id.clone(), id), |runtime, (event_id, number)| {
        runtime.block_on(async {
            let run = Run::new().await;
            let worker = worker_of(&run);
            for _ in 0..2 {
                let mut batch = event(&[("1", b"poison")]);
                batch.records[0].event_id.clone_from(&event_id);
                batch.records[0].kinesis.sequence_number = number.clone().unwrap_or_default();
                pass(&run, &worker, batch).await?;
            }
            prop_assert_eq!(run.table.dead_letters(10).await.unwrap().len(), 1);
            Ok(())
        })
    });
}
