//! `--stack` in a program that was built without it. With it, the deployment test runs every verb.

use crate::world::World;

#[test]
fn a_stack_is_refused_with_what_to_do_by_a_program_that_cannot_reach_one() {
    let world = World::new();
    for verb in [&["list"][..], &["status", "latest"], &["cancel", "latest"], &["resume"], &["local"]] {
        let answer = world.call(&[verb, &["--stack", "nightly", "--json"]].concat()).expect(2);
        assert!(
            answer.stderr.contains("--features aws") || answer.stderr.contains("this machine"),
            "{}",
            answer.stderr
        );
    }
    let touched = std::fs::read_dir(world.file(".")).expect("a directory").count();
    assert_eq!(touched, 0, "something was written into the data directory");
}
