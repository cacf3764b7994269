//! Finding what differs, and putting it right.

use crate::world::{World, exec};

/// Says that a tally has a segment less than its rows have.
fn damage(world: &World) {
    let file = rusqlite::Connection::open(world.file("control.db")).expect("the control table");
    let damaged = file.execute("UPDATE tally_rows SET body = json_set(body, '$.item_count', 77)", []);
    assert_eq!(damaged.expect("damaged"), 1);
}

#[test]
fn a_dry_run_says_what_differs_and_a_repair_puts_it_right() {
    let world = World::new();
    let run = world.call(&exec("5", "echo '{\"item_count\": 2}' > $SEGMENT_OUTPUT")).expect(0).json();
    let id = run["execution_id"].as_str().expect("an ID");
    let clean = world.call(&["repair", id, "--dry-run", "--json"]).expect(0);
    assert_eq!(clean.stdout.trim(), r#"{"differences":[]}"#);

    damage(&world);
    let found = world.call(&["repair", "latest", "--dry-run", "--json"]).expect(3).json();
    assert_eq!((&found["differences"][0]["found"], &found["differences"][0]["expected"]), (&77.into(), &10.into()));
    let text = world.call(&["repair", id, "--dry-run"]).expect(3).stdout;
    assert!(text.contains("item_count is 77, expected 10"), "{text}");

    world.call(&["repair", id, "--json"]).expect(0);
    let clean = world.call(&["repair", id, "--dry-run"]).expect(0).stdout;
    assert!(clean.contains("nothing differs"), "{clean}");
}

#[test]
fn an_execution_that_does_not_exist_cannot_be_repaired() {
    let world = World::new();
    world.call(&exec("1", "true")).expect(0);
    let found = world.call(&["repair", "0193a5b0-3c1e-7d2f-8a4b-5c6d7e8f9a0b"]).expect(1);
    assert!(found.stdout.contains("check the ID"), "{}", found.stdout);
}
