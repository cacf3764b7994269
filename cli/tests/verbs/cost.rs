//! What segments would cost.

use crate::world::World;

const MILLION: [&str; 5] = ["cost", "--segments", "1000000", "--seconds", "1"];

#[test]
fn a_million_segments_are_reckoned_without_a_data_directory() {
    let world = World::new();
    let text = world.call(&MILLION).expect(0).stdout;
    assert!(text.contains("4,062,519 write units") && text.contains("= $2.5391"), "{text}");
    let json = world.call(&[&MILLION[..], &["--json"]].concat()).expect(0).json();
    let total = json["total"].as_f64().expect("a number");
    assert!(text.contains(&format!("${total:.2}")), "{total} in {text}");
    let made = std::fs::read_dir(world.file("")).expect("a directory").count();
    assert_eq!(made, 0, "nothing is made");
}

#[test]
fn a_load_that_cannot_be_is_a_usage_error() {
    let world = World::new();
    for arguments in [
        &["--segments", "0", "--seconds", "1"][..],
        &["--segments", "-5", "--seconds", "1"],
        &["--segments", "5", "--seconds", "-1"],
        &["--segments", "5", "--seconds", "NaN"],
        &["--segments", "5", "--seconds", "901"],
        &["--segments", "5"],
    ] {
        let answer = world.call(&[&["cost"], arguments].concat()).expect(2);
        assert!(answer.stdout.is_empty() && !answer.stderr.is_empty(), "{arguments:?}");
    }
}
