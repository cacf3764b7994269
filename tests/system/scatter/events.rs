//! Events that no caller should send: arbitrary JSON, and good events in which something was changed. Never a panic, and a
//! refusal leaves nothing behind.

use engine::scatter::ScatterEvent;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use test_support::RawEvents;

use super::world::World;

/// Numbers at the edges; none of them makes a range of more than a few hundred segments that is not refused.
fn number() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        json!(-1),
        json!(0),
        json!(1),
        json!(3),
        json!(200),
        json!(1_001),
        json!(1.5),
        json!(1e300),
        json!(i64::MIN),
        json!(i64::MAX),
        json!(u64::MAX),
    ])
}

fn text() -> impl Strategy<Value = String> {
    let known = [
        "",
        " ",
        "a",
        "a#b",
        "job",
        "2026-01-01",
        "2026-02-30",
        "5%",
        "101%",
        "0.25%",
        "stop",
        "finish",
        "range",
        "list",
        "external",
        "dynamodb-scan",
        "exact",
        "estimate",
        "/no/such/file",
        "no-such-table",
        "\u{0}",
        "é\u{202e}",
    ];
    prop_oneof![
        4 => prop::sample::select(known.map(str::to_owned).to_vec()),
        1 => any::<String>(),
        1 => (1..9_000_usize).prop_map(|length| "x".repeat(length)),
    ]
}

/// Names that an event knows somewhere, and some that it does not.
fn name() -> impl Strategy<Value = String> {
    let known = [
        "job",
        "key",
        "source",
        "policy",
        "parameters",
        "type",
        "from",
        "to",
        "size",
        "codes",
        "file",
        "table",
        "segments",
        "count",
        "items_per_segment",
        "max_attempts",
        "backoff",
        "base_ms",
        "cap_ms",
        "tolerated_failures",
        "on_too_many_failures",
        "segment_timeout_ms",
        "execution_timeout_ms",
        "max_concurrency",
        "stall_after_ms",
        "retention_days",
        "unknown",
    ];
    prop_oneof![9 => prop::sample::select(known.map(str::to_owned).to_vec()), 1 => any::<String>()]
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf =
        prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::Bool), number(), text().prop_map(Value::String)];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::vec((name(), inner), 0..6).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn good() -> impl Strategy<Value = Value> {
    let policy = json!({
        "max_attempts": 5, "backoff": { "base_ms": 10, "cap_ms": 1_000 }, "tolerated_failures": "5%",
        "on_too_many_failures": "finish", "segment_timeout_ms": 1_000, "execution_timeout_ms": 60_000,
        "max_concurrency": 4, "stall_after_ms": 1_000, "retention_days": 30,
    });
    let sources = vec![
        json!({ "type": "range", "from": 0, "to": 200, "size": 3 }),
        json!({ "type": "range", "from": "2026-01-01", "to": "2026-02-01", "size": 1 }),
        json!({ "type": "list", "codes": ["SY", "IR"] }),
        json!({ "type": "external" }),
        json!({ "type": "dynamodb-scan", "table": "control", "segments": 3 }),
        json!({ "type": "dynamodb-scan", "table": "control", "items_per_segment": 10, "count": "exact" }),
    ];
    prop::sample::select(sources).prop_map(move |source| {
        json!({ "job": "job", "key": "k", "source": source, "policy": policy, "parameters": { "deep": [1.0] } })
    })
}

/// One change: a field somewhere in the event, removed, put in, or with another value.
#[derive(Debug, Clone)]
struct Change {
    place: prop::sample::Index,
    name: Option<String>,
    value: Option<Value>,
}

impl Change {
    fn apply(&self, event: &mut Value) {
        let mut objects = Vec::new();
        collect(event, &mut objects);
        let Some(place) = (!objects.is_empty()).then(|| self.place.index(objects.len())) else { return };
        let object = objects.swap_remove(place);
        let taken = object.keys().nth(self.place.index(object.len().max(1))).cloned();
        let Some(name) = self.name.clone().or(taken) else { return };
        match &self.value {
            Some(value) => object.insert(name, value.clone()),
            None => object.remove(&name),
        };
    }
}

/// The objects in a value, the inner ones first: an outer one is only given out without those in it.
fn collect<'a>(value: &'a mut Value, objects: &mut Vec<&'a mut Map<String, Value>>) {
    let Value::Object(object) = value else { return };
    if object.values().any(Value::is_object) && objects.len() < 2 {
        // Half of the changes are to the event itself, half to something in it.
        let inner = object.values_mut().filter(|value| value.is_object());
        inner.for_each(|value| collect(value, objects));
    } else {
        objects.push(object);
    }
}

fn changed() -> impl Strategy<Value = Value> {
    let change = (any::<prop::sample::Index>(), prop::option::of(name()), prop::option::of(any_json()))
        .prop_map(|(place, name, value)| Change { place, name, value });
    let outer = prop::collection::vec((name(), prop::option::of(any_json())), 0..2);
    (good(), prop::collection::vec(change, 0..3), outer).prop_map(|(mut event, changes, outer)| {
        for change in &changes {
            change.apply(&mut event);
        }
        if let Value::Object(event) = &mut event {
            for (name, value) in outer {
                match value {
                    Some(value) => event.insert(name, value),
                    None => event.remove(&name),
                };
            }
        }
        event
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_read_is_read_again_the_same(event in prop_oneof![any_json(), changed()]) {
        let text = event.to_string();
        match ScatterEvent::parse(event) {
            Ok(read) => {
                let written = serde_json::to_value(&read).unwrap();
                prop_assert_eq!(ScatterEvent::parse(written).unwrap(), read);
            }
            Err(error) => prop_assert!(!error.is_retryable() && !error.to_string().is_empty(), "{}: {}", text, error),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_refused_leaves_nothing_behind(event in prop_oneof![1 => any_json(), 4 => changed()], open in any::<bool>()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = World::new().await;
            let done = if open {
                world.scatter().open_raw(event.clone(), "request").await
            } else {
                world.handle(event.clone()).await
            };
            match done {
                Ok(answer) => assert!(answer.opened && (answer.sealed || open), "{event}: {answer:?}"),
                Err(error) => {
                    assert!(!error.to_string().is_empty());
                    assert_eq!(world.items().await, 0, "{event}: {error}");
                    assert!(world.records().await.is_empty());
                }
            }
        });
    }
}
