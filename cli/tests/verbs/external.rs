//! External executions: `open`, `add`, `seal`.

use serde_json::json;

use crate::world::World;

const OPEN: [&str; 8] =
    ["open", "--job", "outside", "--key", "k", "--exec", "echo '{\"item_count\": 1}' > $SEGMENT_OUTPUT", "--json"];

fn specs(count: u64) -> String {
    let lines: Vec<String> = (0..count).map(|n| format!("{{\"n\": {n}}}")).collect();
    lines.join("\n") + "\n"
}

#[test]
fn opened_filled_twice_with_the_same_token_and_sealed() {
    let world = World::new();
    let opened = world.call(&OPEN).expect(0).json();
    assert_eq!(opened["opened"], true);
    let id = opened["execution_id"].as_str().unwrap();
    let again = world.call(&OPEN).expect(0).json();
    assert_eq!((&again["execution_id"], &again["opened"]), (&json!(id), &json!(false)));

    std::fs::write(world.file("specs.jsonl"), specs(1_000)).unwrap();
    let add = ["add", id, "--file", "specs.jsonl", "--token", "t", "--json"];
    assert_eq!(world.call(&add).expect(0).json()["segments"], 1_000);
    assert_eq!(world.call(&add).expect(0).json()["segments"], 1_000);
    let resumed = world.call(&["resume"]).expect(0);
    assert!(resumed.stderr.contains("may get more segments"), "{}", resumed.stderr);
    let more = world.call_with(&["add", id, "--file", "-", "--json"], &specs(3)).expect(0).json();
    assert!(more["token"].is_string());
    assert_eq!(world.call(&["status", id, "--json"]).json()["segments"], 1_003, "nothing was added twice");

    let sealed = world.call(&["seal", id, "--json"]).expect(0).json();
    assert_eq!((&sealed["status"], &sealed["item_count"]), (&json!("SUCCEEDED"), &json!(1_003)));
    let late = world.call_with(&["add", id, "--file", "-"], &specs(1)).expect(1);
    assert!(late.stderr.contains("0 segments were added") && late.stderr.contains("open another"), "{}", late.stderr);
    assert!(!late.stderr.contains("--token"), "no token opens it again: {}", late.stderr);
}

#[test]
fn a_bad_line_says_where_it_is_and_with_which_token_to_go_on() {
    let world = World::new();
    let opened = world.call(&OPEN).expect(0).json();
    let id = opened["execution_id"].as_str().unwrap();
    let text = format!("{}not json\n", specs(970));
    let stopped = world.call_with(&["add", id, "--file", "-", "--token", "t-1"], &text).expect(1);
    let said = &stopped.stderr;
    assert!(said.contains("960 segments") && said.contains("line 971") && said.contains("--token t-1"), "{said}");
    world.call_with(&["add", id, "--file", "-", "--token", "t-1"], &specs(971)).expect(0);
    assert_eq!(world.call(&["seal", id, "--json"]).expect(0).json()["succeeded"], 971);
}

#[test]
fn what_is_not_filled_from_outside_is_refused() {
    let world = World::new();
    let refused = world.call(&["open", "--job", "a", "--source", "list", "--codes", "x", "--work", "noop"]).expect(2);
    assert!(refused.stderr.contains("use `run`"), "{}", refused.stderr);
    let refused = world.call(&["run", "--job", "a", "--source", "external", "--work", "noop"]).expect(2);
    assert!(refused.stderr.contains("use `open`"), "{}", refused.stderr);
    let run = ["run", "--job", "a", "--source", "list", "--codes", "x", "--work", "noop"];
    world.call(&run).expect(0);
    let refused = world.call(&["seal", "latest"]).expect(1);
    assert!(!refused.stderr.is_empty());
    let refused = world.call(&["add", "latest", "--file", "none.jsonl"]).expect(2);
    assert!(refused.stderr.contains("none.jsonl"), "{}", refused.stderr);
    let dead_letters = world.call(&["dead-letters"]).expect(0);
    assert!(dead_letters.stderr.contains("no dead letters"), "{}", dead_letters.stderr);
}
