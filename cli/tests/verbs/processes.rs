//! Several processes on one data directory: hooks that outlive their process, runs started by hooks, programs that are not the same.

use crate::world::{World, exec, json_lines};

/// Takes long enough to be killed in.
const SLOW: &str = "test -e fast || sleep 0.2";

#[test]
fn a_hook_is_delivered_by_the_process_that_finishes_the_execution() {
    let world = World::new();
    let mut arguments = exec("100", SLOW);
    arguments.extend(["--on-complete", "cat >> hooked.jsonl; echo >> hooked.jsonl", "--workers", "4"]);
    let mut killed = world.start(&arguments);
    world.wait_for("under way", |view| view["succeeded"].as_u64() > Some(0));
    killed.kill();
    std::fs::write(world.file("fast"), "").expect("a file");
    // Without the flag: the execution has kept its hook.
    world.call(&["resume", "--json"]).expect(0);
    let hooked = json_lines(&world.file("hooked.jsonl"));
    assert_eq!(hooked.len(), 1);
    assert_eq!((&hooked[0]["status"], &hooked[0]["segments"]), (&"SUCCEEDED".into(), &100.into()));
}

#[test]
fn a_hook_may_start_a_run_that_has_a_hook() {
    let world = World::new();
    let program = env!("CARGO_BIN_EXE_scatterctl");
    let second = format!(
        "{program} run --quiet --job second --source list --codes a --work noop --on-complete 'cat > second.json' > /dev/null"
    );
    let arguments = ["run", "--job", "first", "--source", "list", "--codes", "a,b", "--work", "noop"];
    world.call(&[&arguments[..], &["--json", "--on-complete", &second]].concat()).expect(0);
    let event = &json_lines(&world.file("second.json"))[0];
    assert_eq!((&event["job"], &event["status"]), (&"second".into(), &"SUCCEEDED".into()));
    assert_eq!(json_lines(&world.file("events.jsonl")).len(), 2);
}

#[test]
fn another_program_leaves_an_execution_alone() {
    let world = World::new();
    let mut killed = world.start(&exec("100", SLOW));
    let view = world.wait_for("under way", |view| view["succeeded"].as_u64() > Some(0));
    killed.kill();
    std::fs::write(world.file("fast"), "").expect("a file");
    // As if an own worker had started it.
    let file = rusqlite::Connection::open(world.file("control.db")).expect("the control table");
    let renamed = "UPDATE execution_rows SET origin = json_set(origin, '$.program', 'primes')";
    assert_eq!(file.execute(renamed, []).expect("renamed"), 1);
    drop(file);

    let id = view["execution_id"].as_str().expect("an ID");
    let refused = world.call(&["resume", id]).expect(1);
    assert!(refused.stderr.contains("the work of the program \"primes\""), "{}", refused.stderr);
    let nothing = world.call(&["resume"]).expect(0);
    assert!(nothing.stderr.contains("nothing is unfinished"), "{}", nothing.stderr);
    let resumed = world.call(&["resume", id, "--any-worker", "--json"]).expect(0).json();
    assert_eq!((&resumed["status"], &resumed["succeeded"]), (&"SUCCEEDED".into(), &100.into()));
}

#[test]
fn a_directory_of_an_older_version_is_refused_and_stays_as_it_is() {
    let world = World::new();
    // Its control table was in the embedded DynamoDB.
    world.call(&["run", "--emulate", "--job", "a", "--source", "list", "--codes", "a", "--work", "noop"]).expect(0);
    let old = World::new();
    std::fs::copy(world.file("emulator/dynamodb.sqlite"), old.file("dynamodb.sqlite")).expect("copied");
    let refused = old.call(&["list"]).expect(1);
    assert!(refused.stderr.contains("an older version") && refused.stderr.contains("--data-dir"), "{}", refused.stderr);
    assert!(!old.file("control.db").exists());
}

#[test]
fn a_directory_that_cannot_be_written_is_named() {
    let world = World::new();
    std::fs::write(world.file("file"), "").expect("a file");
    let inside = world.file("file/data");
    let inside = inside.to_str().expect("Unicode");
    let refused =
        world.call(&["run", "--data-dir", inside, "--job", "a", "--source", "list", "--codes", "a", "--work", "noop"]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains(inside) && refused.stderr.contains("data directory"), "{}", refused.stderr);
}

#[test]
fn a_key_is_attached_to_by_the_same_job_only() {
    let world = World::new();
    let run = |more: &[&str]| {
        let base = ["run", "--json", "--job", "nightly", "--key", "k", "--source", "list"];
        world.call(&[&base[..], more].concat())
    };
    let first = run(&["--codes", "a,b", "--exec", "true"]).expect(0).json();
    let again = run(&["--codes", "a,b", "--exec", "true", "--max-attempts", "7"]).expect(0).json();
    assert_eq!(again["execution_id"], first["execution_id"]);
    let other = run(&["--codes", "a,c", "--exec", "true"]).expect(1);
    assert!(other.stderr.contains("was started with something else (source)"), "{}", other.stderr);
    let other = run(&["--codes", "a,b", "--exec", "false"]).expect(1);
    assert!(other.stderr.contains("(parameters.command)"), "{}", other.stderr);

    let attach = |key: &str| world.call(&["run", "--json", "--attach", "--job", "nightly", "--key", key]);
    assert_eq!(attach("k").expect(0).json()["execution_id"], first["execution_id"]);
    let none = attach("another").expect(1);
    assert!(none.stderr.contains("no execution with the key another"), "{}", none.stderr);
}

#[test]
fn a_list_on_standard_input_is_read_once_and_kept() {
    let world = World::new();
    let run = [
        "run",
        "--json",
        "--job",
        "piped",
        "--key",
        "k",
        "--source",
        "list",
        "--codes-file",
        "-",
        "--exec",
        SLOW,
        "--workers",
        "4",
    ];
    std::fs::write(world.file("fast"), "").expect("a file");
    let codes: Vec<String> = (0..300).map(|code| format!("c{code}")).collect();
    let codes = codes.join("\n");
    let first = world.call_with(&run, &codes).expect(0).json();
    assert_eq!((&first["segments"], &first["status"]), (&300.into(), &"SUCCEEDED".into()));
    let again = world.call_with(&run, &codes).expect(0).json();
    assert_eq!(again["execution_id"], first["execution_id"]);
    let other = world.call_with(&run, "c1\n").expect(1);
    assert!(other.stderr.contains("(source)"), "{}", other.stderr);
}

#[test]
fn a_job_follows_a_success() {
    let world = World::new();
    let job = "job = 'report'\non_complete = 'cat > report.json'\n[source]\ntype = 'list'\ncodes = ['x']\n[parameters]\nwork = 'noop'\n";
    std::fs::write(world.file("report.toml"), job).expect("a job");
    let run = [
        "run",
        "--json",
        "--job",
        "nightly",
        "--source",
        "list",
        "--codes",
        "a,b",
        "--work",
        "noop",
        "--then",
        "report.toml",
    ];
    world.call(&run).expect(0);
    let (events, report) = (json_lines(&world.file("events.jsonl")), json_lines(&world.file("report.json")));
    let first = events.iter().find(|event| event["job"] == "nightly").expect("its event");
    assert_eq!((&report[0]["job"], &report[0]["key"]), (&"report".into(), &first["event_id"]));
    let missing = world.call(&[&run[..10], &["--then", "no.toml"]].concat()).expect(2);
    assert!(missing.stderr.contains("no.toml"), "{}", missing.stderr);
}

#[test]
fn the_output_of_each_attempt_is_kept() {
    let world = World::new();
    let command = "echo \"attempt $ATTEMPT of $SEGMENT_INDEX\"; test $ATTEMPT = 2 || { echo 'not yet' >&2; exit 1; }";
    let run = [&exec("2", command)[..], &["--backoff-base-ms", "1"]].concat();
    world.call(&run).expect(0);
    let logs = world.call(&["logs", "latest", "--json"]).expect(0).lines();
    let attempts: Vec<_> = logs.iter().map(|log| (log["segment"].as_u64(), log["attempt"].as_u64())).collect();
    assert_eq!(attempts, [(Some(0), Some(1)), (Some(0), Some(2)), (Some(1), Some(1)), (Some(1), Some(2))]);
    let one = world.call(&["logs", "latest", "--segment", "1", "--attempt", "1"]).expect(0).stdout;
    let expected =
        "segment 1, generation 1, attempt 1\n--- standard output\nattempt 1 of 1\n--- standard error\nnot yet\n";
    assert_eq!(one, expected);
    let segments = world.call(&["segments", "latest"]).expect(0).stdout;
    assert!(segments.contains("attempt 1: the command ended with exit code 1: not yet"), "{segments}");
    let none = world.call(&["logs", "latest", "--segment", "7"]).expect(0);
    assert!(none.stderr.contains("no such attempt"), "{}", none.stderr);
}

#[test]
fn a_second_run_with_a_key_waits_for_the_first() {
    let world = World::new();
    let run = [&exec("40", "sleep 0.05; echo \"$PPID\" >> workers")[..], &["--key", "k", "--workers", "4"]].concat();
    let first = world.start(&run);
    world.wait_for("under way", |view| view["succeeded"].as_u64() > Some(0));
    let second = world.call(&run).expect(0).json();
    let first = World::end(first).expect(0).json();
    assert_eq!((&second["execution_id"], &second["succeeded"]), (&first["execution_id"], &40.into()));
    let workers = std::fs::read_to_string(world.file("workers")).expect("the workers");
    let processes: std::collections::HashSet<&str> = workers.lines().collect();
    assert_eq!((workers.lines().count(), processes.len()), (40, 1), "one process has done all the work");
    assert_eq!(json_lines(&world.file("events.jsonl")).len(), 1);
}

#[test]
fn status_says_what_waits_for_a_retry_and_why() {
    let world = World::new();
    let run = [&exec("3", "echo 'no luck' >&2; exit 1")[..], &["--backoff-base-ms", "60000"]].concat();
    let _running = world.start(&run);
    let view = world.wait_for("all waiting", |view| view["retrying"]["count"].as_u64() == Some(3));
    assert!(
        view["retrying"]["error"]["message"].as_str().is_some_and(|message| message.ends_with("no luck")),
        "{view}"
    );
    let status = world.call(&["status", "latest"]).expect(0).stdout;
    assert!(status.contains("3 wait; the next is segment") && status.contains(": no luck"), "{status}");
}
