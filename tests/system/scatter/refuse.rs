//! What is refused leaves nothing behind.

use control_table::limits::{MAX_PLAN_BYTES, MAX_SEGMENTS};
use serde_json::json;

use test_support::RawEvents;

use super::world::World;

#[tokio::test]
async fn a_policy_that_cannot_be_meant_writes_nothing() {
    let world = World::new().await;
    for (policy, word) in [
        (json!({ "max_attempts": 101 }), "max_attempts"),
        (json!({ "backoff": { "cap_ms": u64::MAX } }), "backoff"),
        (json!({ "backoff": { "base": 1 } }), "policy.backoff.base"),
        (json!({ "tolerated_failures": "101%" }), "tolerated_failures"),
        (json!({ "tolerated_failures": -1 }), "policy.tolerated_failures"),
        (json!({ "on_too_many_failures": "panic" }), "policy.on_too_many_failures"),
        (json!({ "segment_timeout_ms": 0 }), "segment_timeout_ms"),
        (json!({ "execution_timeout_ms": u64::MAX }), "execution_timeout_ms"),
        (json!({ "max_concurrency": 0 }), "max_concurrency"),
        (json!({ "max_concurrency": 1_001 }), "1000"),
        (json!({ "stall_after_ms": 0 }), "stall_after_ms"),
        (json!({ "retention_days": 0 }), "retention_days"),
    ] {
        for source in [json!({ "type": "list", "codes": ["a"] }), json!({ "type": "external" })] {
            let event = json!({ "job": "a", "source": source, "policy": policy });
            for error in [
                world.handle(event.clone()).await.unwrap_err(),
                world.scatter().open_raw(event, "r").await.unwrap_err(),
            ] {
                assert!(error.error_type() == "InvalidEvent" && error.to_string().contains(word), "{word}: {error}");
            }
        }
    }
    assert_eq!(world.items().await, 0);
}

#[tokio::test]
async fn a_refused_event_writes_nothing() {
    let world = World::new().await;
    let list = json!({ "type": "list", "codes": ["a"] });
    let codes: Vec<String> = (0..MAX_PLAN_BYTES / 8).map(|n| format!("{n:08}")).collect();
    let range = |to: u64| json!({ "type": "range", "from": 0, "to": to, "size": 1 });
    for (event, error_type, word) in [
        (json!(null), "InvalidEvent", "struct ScatterEvent"),
        (json!({ "source": list }), "InvalidEvent", "job"),
        (json!({ "job": "a#b", "source": list }), "InvalidEvent", "job"),
        (json!({ "job": "a", "source": list, "extra": 1 }), "InvalidEvent", "extra"),
        (json!({ "job": "a", "source": list, "policy": { "max_attempts": 0 } }), "InvalidEvent", "max_attempts"),
        (json!({ "job": "a", "source": list, "parameters": "x".repeat(9_000) }), "InvalidEvent", "parameters"),
        (json!({ "job": "a", "source": { "type": "list", "codes": codes } }), "InvalidEvent", "source has"),
        (json!({ "job": "a", "source": { "type": "list", "codes": ["a", "a"] } }), "InvalidSource", "\"a\""),
        (json!({ "job": "a", "source": { "type": "list", "file": "/no/such" } }), "InvalidSource", "/no/such"),
        (json!({ "job": "a", "source": range(MAX_SEGMENTS + 1) }), "InvalidSource", "10000001 segments"),
        (
            json!({ "job": "a", "source": { "type": "dynamodb-scan", "table": "absent" } }),
            "InvalidSource",
            "no table \"absent\"",
        ),
        (
            json!({ "job": "a", "source": { "type": "dynamodb-scan", "table": "absent", "segments": 3 } }),
            "InvalidSource",
            "no table \"absent\"",
        ),
    ] {
        let error = world.handle(event.clone()).await.unwrap_err();
        assert_eq!(error.error_type(), error_type, "{error}");
        assert!(error.to_string().contains(word) && !error.is_retryable(), "{error}");
        assert_eq!(world.items().await, 0, "{error}");
    }
}
