//! The policy, as flags and as a job file.

use serde_json::json;

use crate::world::{World, exec};

#[test]
fn a_policy_that_cannot_be_meant_starts_nothing() {
    let world = World::new();
    for (flag, value) in [
        ("--tolerated-failures", "101%"),
        ("--segment-timeout", "0s"),
        ("--execution-timeout", "tomorrow"),
        ("--max-concurrency", "0"),
        ("--retention", "36h"),
        ("--stall-after", "-1s"),
    ] {
        let refused = world.call(&[exec("3", "true"), vec![flag, value]].concat()).expect(2);
        assert!(!refused.stderr.is_empty(), "{flag}");
    }
    assert!(!world.file("dynamodb.sqlite").exists(), "nothing was begun");
}

#[test]
fn too_many_failures_stop_a_run_early() {
    let world = World::new();
    let command = "test $SEGMENT_INDEX -lt 5 && exit 100; sleep 2";
    let run = [exec("300", command), vec!["--tolerated-failures", "1"]].concat();
    let view = world.call(&run).expect(1).json();
    assert_eq!((&view["status"], &view["stopped"]), (&json!("FAILED"), &json!("TOO_MANY_FAILURES")));
    assert!(view["cancelled"].as_u64() > Some(0), "{view}");
}

#[test]
fn a_run_whose_time_is_up_is_stopped() {
    let world = World::new();
    let run = [exec("300", "sleep 2"), vec!["--execution-timeout", "1s"]].concat();
    let view = world.call(&run).expect(1).json();
    assert_eq!((&view["status"], &view["stopped"]), (&json!("FAILED"), &json!("TIMED_OUT")));
}

#[test]
fn a_job_file_with_a_limit_of_segments_in_flight() {
    let world = World::new();
    let job = r#"
        job = "limited"
        [source]
        type = "range"
        from = 0
        to = 20
        size = 1
        [parameters]
        work = "exec"
        command = "echo $(ls running | wc -l) >> seen; touch running/$$; sleep 0.05; rm running/$$"
        [policy]
        max_concurrency = 2
        tolerated_failures = "5%"
        retention = "30d"
    "#;
    std::fs::create_dir(world.file("running")).unwrap();
    std::fs::write(world.file("job.toml"), job).unwrap();
    let view = world.call(&["run", "job.toml", "--json"]).expect(0).json();
    assert_eq!((&view["succeeded"], &view["max_concurrency"]), (&json!(20), &json!(2)));
    let seen = std::fs::read_to_string(world.file("seen")).unwrap();
    assert!(seen.lines().all(|line| line.trim().parse::<u32>().unwrap() < 2), "{seen}");
}
