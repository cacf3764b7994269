//! Running again what did not succeed.

use serde_json::json;

use crate::world::{World, exec, json_lines};

/// Segments 2, 3 and 130 fail until there is a file `fixed`.
const UNTIL_FIXED: &str = r#"echo $SEGMENT_INDEX >> seen
case $SEGMENT_INDEX in 2|3|130) test -e fixed || exit 100;; esac
echo '{"item_count": 1}' > $SEGMENT_OUTPUT"#;

#[test]
fn only_what_failed_is_run_again_and_another_event_goes_out() {
    let world = World::new();
    world.call(&[exec("140", UNTIL_FIXED), vec!["--finish-anyway"]].concat()).expect(1);
    std::fs::write(world.file("fixed"), "").unwrap();

    let refused = world.call(&["redrive", "latest", "--segments", "1,3"]).expect(1);
    assert!(refused.stderr.contains("segment 1 succeeded"), "{}", refused.stderr);
    let refused = world.call(&["redrive", "latest", "--segments", "9999"]).expect(1);
    assert!(refused.stderr.contains("only 0 of the 1 segments"), "{}", refused.stderr);
    let refused = world.call(&["redrive", "latest", "--cancelled"]).expect(1);
    assert!(refused.stderr.contains("nothing to redrive"), "{}", refused.stderr);
    assert_eq!(world.call(&["status", "latest", "--json"]).json()["generation"], 1, "nothing was written");

    let some = world.call(&["redrive", "latest", "--json", "--segments", "3"]).expect(1).json();
    assert_eq!((&some["generation"], &some["failed"], &some["item_count"]), (&json!(2), &json!(2), &json!(138)));
    let all = world.call(&["redrive", "latest", "--json", "--failed"]).expect(0).json();
    assert_eq!((&all["status"], &all["generation"]), (&json!("SUCCEEDED"), &json!(3)));
    assert_eq!((&all["item_count"], &all["succeeded"]), (&json!(140), &json!(140)));

    let events = json_lines(&world.file("events.jsonl"));
    let generations: Vec<_> = events.iter().map(|event| event["generation"].as_u64()).collect();
    assert_eq!(generations, [Some(1), Some(2), Some(3)]);
    let seen = std::fs::read_to_string(world.file("seen")).unwrap();
    assert_eq!(seen.lines().count(), 140 + 3, "only what failed was run again");
}
