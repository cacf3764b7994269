//! Any image at all: no panic, no blocked shard, and one dead letter for what cannot be read.

use std::sync::Arc;

use aws_lambda_events::event::dynamodb::Event;
use control_table::ControlTable;
use control_table::clock::{Entropy, SystemClock};
use control_table::id::ExecutionId;
use control_table::rows::{DeadLetterSource, ExecutionStatus};
use control_table::store::DynamoDbStore;
use emulator::embedded::EmbeddedDynamoDb;
use engine::scatter::Sources;
use engine::{Engine, NoDispatcher, Settings};
use functions::handlers::GatherHandler;
use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestRunner};
use serde_json::{Value, json};

use super::world::{Bus, DONE, World, event, failures};

/// An image of a tally that is none.
fn poison() -> Value {
    json!({ "pk": { "S": "another owner's" }, "sk": { "S": "TALLY" }, "pending": { "N": "0" } })
}

#[tokio::test]
async fn an_image_that_cannot_be_read_is_set_aside_once_and_the_rest_goes_on() {
    let world = World::new().await;
    let id = world.done(&[1]).await;
    let images = [world.tally_image(id, 0).await, poison(), world.execution_image(id).await];
    for _ in 0..2 {
        assert_eq!(world.hear(&images).await, DONE);
    }
    assert_eq!(world.bus.event().execution_id, id);
    let dead_letters = world.table.dead_letters(10).await.unwrap();
    assert_eq!(dead_letters.len(), 1, "{dead_letters:?}");
    assert_eq!((dead_letters[0].source, dead_letters[0].event_id.as_str()), (DeadLetterSource::Gather, "event-2"));
    assert!(dead_letters[0].reason.contains("cannot be read as a tally: attribute pk"), "{}", dead_letters[0].reason);
    assert_eq!(serde_json::from_str::<Value>(&dead_letters[0].text()).unwrap(), poison());
}

#[tokio::test]
async fn an_image_without_names_is_set_aside_once() {
    let world = World::new().await;
    for _ in 0..2 {
        let mut batch = event(&[poison()]);
        batch.records[0].event_id.clear();
        batch.records[0].change.sequence_number = None;
        assert_eq!(failures(world.gather.handle(batch).await), DONE);
    }
    assert_eq!(world.table.dead_letters(10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_image_that_cannot_be_set_aside_comes_again() {
    let entropy = Arc::new(Entropy::from_seed(1));
    let table = ControlTable::new(DynamoDbStore::new(
        EmbeddedDynamoDb::in_memory().unwrap().client(),
        "none",
        Arc::clone(&entropy),
    ));
    let gather = GatherHandler::new(Engine::new(engine::Parts {
        table,
        dispatcher: Arc::new(NoDispatcher),
        position: Arc::new(engine::NothingWaits),
        bus: Arc::new(Bus::default()),
        sources: Sources::new(EmbeddedDynamoDb::in_memory().unwrap().client()),
        clock: Arc::new(SystemClock),
        entropy,
        settings: Settings::default(),
    }));
    assert_eq!(failures(gather.handle(event(&[poison()])).await), ["1"]);
}

/// What an attribute of an image may turn into, as the stream spells it.
fn attribute() -> impl Strategy<Value = Value> {
    let number = prop_oneof![
        any::<u64>().prop_map(|number| number.to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        Just("1E125".to_owned()),
        Just("-0.5".to_owned()),
        Just(u128::MAX.to_string()),
    ];
    prop_oneof![
        number.clone().prop_map(|number| json!({ "N": number })),
        ".{0,40}".prop_map(|text| json!({ "S": text })),
        any::<bool>().prop_map(|truth| json!({ "BOOL": truth })),
        Just(json!({ "NULL": true })),
        Just(json!({ "B": "/w==" })),
        proptest::collection::vec(number, 1..4).prop_map(|numbers| json!({ "NS": numbers })),
        proptest::collection::vec(".{1,9}", 1..4).prop_map(|texts| json!({ "SS": texts })),
        (1..60_usize).prop_map(|depth| (0..depth).fold(json!({ "L": [] }), |inner, _| json!({ "L": [inner] }))),
        (1..60_usize).prop_map(|depth| (0..depth).fold(json!({ "M": {} }), |inner, _| json!({ "M": { "a": inner } }))),
        prop_oneof![
            Just("TALLY"),
            Just("EXECUTION"),
            Just("SEGMENT#001"),
            Just("PLAN"),
            Just("RUNNING"),
            Just("FAILED")
        ]
        .prop_map(|text| json!({ "S": text })),
    ]
}

/// A change of a good image.
#[derive(Debug, Clone)]
enum Change {
    Remove(usize),
    Replace(usize, Value),
    Add(String, Value),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        any::<usize>().prop_map(Change::Remove),
        (any::<usize>(), attribute()).prop_map(|(place, value)| Change::Replace(place, value)),
        ("[a-z_]{1,12}", attribute()).prop_map(|(name, value)| Change::Add(name, value)),
    ]
}

impl Change {
    /// Not the key: a readable image of something else than what is in the table would be the state of another row.
    fn apply(&self, image: &Value) -> Value {
        let mut image = image.clone();
        let attributes = image.as_object_mut().unwrap();
        let name = |place: usize| attributes.keys().nth(place % attributes.len()).unwrap().clone();
        match self {
            Self::Remove(place) => drop(attributes.remove(&name(*place))),
            Self::Replace(place, value) => drop(attributes.insert(name(*place), value.clone())),
            Self::Add(name, value) => drop(attributes.insert(name.clone(), value.clone())),
        }
        image
    }
}

/// A batch: changed images of a tally or of an execution, and one of anything, between good ones.
fn batch(tally: &Value, execution: &Value, changes: &[(bool, Change)], foreign: &Value) -> Event {
    let mut images: Vec<Value> =
        changes.iter().map(|(of_tally, change)| change.apply(if *of_tally { tally } else { execution })).collect();
    images.push(foreign.clone());
    images.insert(images.len() / 2, poison());
    event(&images)
}

/// Two executions that are done: the changed images are of the first, and those of the second are good.
async fn hear(changes: &[(bool, Change)], foreign: &Value) -> Result<(), TestCaseError> {
    let world = World::new().await;
    let (one, other) = (world.done(&[2]).await, world.done(&[2]).await);
    let (tally, execution) = (world.tally_image(one, 0).await, world.execution_image(one).await);
    let good = [world.tally_image(other, 0).await, world.execution_image(other).await];
    let mut dead_letters = None;
    for _ in 0..2 {
        let mut records = event(&good[..1]).records;
        records.extend(batch(&tally, &execution, changes, foreign).records);
        records.extend(event(&good[1..]).records);
        for (number, record) in records.iter_mut().enumerate() {
            record.event_id = format!("event-{number}");
            record.change.sequence_number = Some(number.to_string());
        }
        let mut event = Event::default();
        event.records = records;
        prop_assert_eq!(failures(world.gather.handle(event).await), DONE);
        let rows = world.table.dead_letters(100).await.unwrap().len();
        prop_assert!(rows >= 1, "the poison is a dead letter");
        prop_assert_eq!(*dead_letters.get_or_insert(rows), rows, "once");
    }
    prop_assert_eq!(world.execution(other).await.status, ExecutionStatus::Succeeded);
    let published: Vec<ExecutionId> = world.bus.events().iter().map(|event| event.execution_id).collect();
    prop_assert_eq!(published.iter().filter(|id| **id == other).count(), 1);
    Ok(())
}

#[test]
fn changed_and_foreign_images_hold_up_nothing_and_are_set_aside_once() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let foreign = proptest::collection::hash_map("pk|sk|[a-z]{1,8}", attribute(), 0..6)
        .prop_map(|attributes| serde_json::to_value(attributes).unwrap());
    let changes = proptest::collection::vec((any::<bool>(), change()), 0..6);
    let config = ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() };
    TestRunner::new(config)
        .run(&(changes, foreign), |(changes, foreign)| runtime.block_on(hear(&changes, &foreign)))
        .unwrap();
}
