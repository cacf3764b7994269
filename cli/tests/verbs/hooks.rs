//! Commands for what becomes of an execution.

use crate::world::{World, exec, json_lines};

const HOOKS: [&str; 8] = [
    "--on-complete",
    "cat >> complete.jsonl; echo >> complete.jsonl",
    "--on-success",
    "cat >> success.jsonl; echo >> success.jsonl",
    "--on-failure",
    "cat >> failure.jsonl; echo >> failure.jsonl",
    "--on-first-failure",
    "cat >> first.jsonl; echo >> first.jsonl; echo $NOTIFICATION >> notice",
];

#[test]
fn each_command_gets_the_events_it_asked_for() {
    let world = World::new();
    world.call(&[exec("3", "true"), HOOKS.to_vec()].concat()).expect(0);
    let of = |name: &str| json_lines(&world.file(name)).len();
    assert_eq!((of("complete.jsonl"), of("success.jsonl"), of("failure.jsonl"), of("first.jsonl")), (1, 1, 0, 0));

    let failing = [exec("200", "exit 100"), vec!["--finish-anyway"], HOOKS.to_vec()].concat();
    world.call(&failing).expect(1);
    assert_eq!((of("complete.jsonl"), of("success.jsonl"), of("failure.jsonl"), of("first.jsonl")), (2, 1, 1, 1));
    assert_eq!(std::fs::read_to_string(world.file("notice")).unwrap(), "FIRST_FAILURE\n");
    let first = json_lines(&world.file("first.jsonl")).remove(0);
    assert!(first["segment"].is_u64(), "{first}");
    let failure = json_lines(&world.file("failure.jsonl")).remove(0);
    assert_eq!(failure["status"], "FAILED");
}

#[test]
fn of_two_commands_for_one_event_the_one_that_took_it_is_not_told_again() {
    let world = World::new();
    let hooks = ["--on-complete", "echo x >> complete", "--on-success", "echo x >> tries; exit 1"];
    let answer = world.call(&[exec("3", "true"), hooks.to_vec()].concat()).expect(1);
    assert!(answer.stderr.contains("could not be delivered"), "{}", answer.stderr);
    let lines = |name: &str| std::fs::read_to_string(world.file(name)).unwrap().lines().count();
    assert_eq!(lines("complete"), 1);
    assert!(lines("tries") >= 3);
    // The next process tries again.
    world.call(&["resume", "--on-success", "true"]).expect(0);
}
