//! What came of the segments.

use serde_json::json;

use crate::world::{World, exec};

/// Segment 3 finds no customer, 5 and 6 are bad; the others count one item and give their index back.
const MIXED: &str = r#"case $SEGMENT_INDEX in
    3) echo "no customer" >&2; exit 100;;
    5|6) echo "bad row" >&2; exit 100;;
    *) echo "{\"item_count\": 1, \"counters\": {\"rows\": 2}, \"result\": {\"at\": $SEGMENT_INDEX}}" > $SEGMENT_OUTPUT;;
esac"#;

#[test]
fn outcomes_line_by_line_and_failures_by_their_errors() {
    let world = World::new();
    let run = [exec("140", MIXED), vec!["--finish-anyway"]].concat();
    world.call(&run).expect(1);

    let all = world.call(&["results", "latest"]).expect(0).lines();
    assert_eq!(all.len(), 140);
    assert_eq!(all[4]["index"], 4);
    assert_eq!((&all[4]["status"], &all[4]["item_count"]), (&json!("SUCCEEDED"), &json!(1)));
    assert_eq!((&all[139]["result"], &all[139]["counters"]), (&json!({"at": 139}), &json!({"rows": 2})));
    assert_eq!(all[3]["error"]["kind"], "permanent");
    let failed = world.call(&["results", "latest", "--status", "failed"]).expect(0).lines();
    assert_eq!(failed.iter().map(|line| line["index"].as_u64()).collect::<Vec<_>>(), [Some(3), Some(5), Some(6)]);

    let failures = world.call(&["failures", "latest", "--json"]).expect(0).json();
    assert_eq!((&failures["failed"], &failures["others"]), (&json!(3), &json!(0)));
    assert_eq!(failures["failures"][0]["examples"], json!([5, 6]));
    assert!(failures["failures"][1]["message"].as_str().unwrap().contains("no customer"), "{failures}");
    let text = world.call(&["failures", "latest"]).expect(0).stdout;
    assert!(text.contains("bad row") && text.contains("segments 5, 6"), "{text}");

    let status = world.call(&["status", "latest", "--json"]).expect(0).json();
    assert!(status["first_failure"].is_u64(), "{status}");
    assert_eq!(status["counters"], json!({"rows": 274}));
}

#[test]
fn a_run_that_is_not_there_is_said_to_be_not_there() {
    let world = World::new();
    for verb in ["results", "failures", "cancel", "redrive"] {
        let refused = world.call(&[verb, "latest"]).expect(1);
        assert!(refused.stderr.contains("there is nothing in"), "{verb}: {}", refused.stderr);
    }
    world.call(&exec("1", "true")).expect(0);
    for verb in ["results", "failures", "cancel", "redrive"] {
        let refused = world.call(&[verb, "ffff"]).expect(1);
        assert!(refused.stderr.contains("there is no execution ffff"), "{verb}: {}", refused.stderr);
    }
    let answer = world.call(&["failures", "latest"]).expect(0);
    assert!(answer.stdout.is_empty() && answer.stderr.contains("no segment failed"), "{}", answer.stderr);
}
