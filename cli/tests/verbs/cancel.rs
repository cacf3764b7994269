//! Stopping an execution, and changing its limits, beside the process that works on it and without one.

use serde_json::json;

use crate::world::{World, exec, json_lines};

/// Longer than the test, unless it is stopped.
const LONG: &str = "sleep 2";

#[test]
fn a_run_is_changed_and_cancelled_while_another_process_works_on_it() {
    let world = World::new();
    let running = world.start(&exec("300", LONG));
    world.wait_for("running", |view| view["succeeded"].as_u64() > Some(0));

    let refused = world.call(&["set", "latest", "--max-concurrency", "4"]).expect(1);
    assert!(refused.stderr.contains("cancel it, set the limit, and redrive --cancelled"), "{}", refused.stderr);
    let refused = world.call(&["set", "latest", "--max-concurrency", "0"]).expect(2);
    assert!(refused.stderr.contains("max_concurrency is 0"), "{}", refused.stderr);
    let set = world.call(&["set", "latest", "--tolerated-failures", "5%", "--json"]).expect(0).json();
    assert_eq!(set["tolerated_failures"], "5%");
    let refused = world.call(&["redrive", "latest"]).expect(1);
    assert!(refused.stderr.contains("only a complete execution is redriven"), "{}", refused.stderr);
    let status = world.call(&["status", "latest"]).expect(0);
    assert!(!status.stderr.contains("no process works on it"), "{}", status.stderr);

    let cancelled = world.call(&["cancel", "latest", "--json"]).expect(0).json();
    assert_eq!((&cancelled["status"], &cancelled["stopped"]), (&json!("CANCELLED"), &json!("REQUESTED")));
    assert!(cancelled["cancelled"].as_u64() > Some(0), "{cancelled}");
    let ran = World::end(running).expect(1).json();
    assert_eq!(ran["status"], "CANCELLED");
    assert_eq!(ran["succeeded"].as_u64().unwrap() + ran["cancelled"].as_u64().unwrap(), ran["segments"]);
    assert_eq!(json_lines(&world.file("events.jsonl")).len(), 1);

    let again = world.call(&["cancel", "latest"]).expect(0);
    assert!(again.stderr.contains("nothing to cancel"), "{}", again.stderr);
}

#[test]
fn an_execution_without_a_process_is_cancelled_then_limited_and_redriven() {
    let world = World::new();
    let mut running = world.start(&exec("300", "test -e fast || sleep 0.2"));
    world.wait_for("sealed and running", |view| view["status"] == "RUNNING" && view["succeeded"].as_u64() > Some(0));
    running.kill();

    let cancelled = world.call(&["cancel", "latest", "--json"]).expect(0).json();
    assert_eq!(cancelled["status"], "CANCELLED");
    let before = cancelled["succeeded"].as_u64().unwrap();
    assert!(before < 300, "{cancelled}");
    world.call(&["set", "latest", "--max-concurrency", "2"]).expect(0);
    std::fs::write(world.file("fast"), "").unwrap();
    let redriven = world.call(&["redrive", "latest", "--cancelled", "--json"]).expect(0).json();
    assert_eq!((&redriven["status"], &redriven["succeeded"]), (&json!("SUCCEEDED"), &json!(300)));
    assert_eq!(redriven["max_concurrency"], 2);
}
