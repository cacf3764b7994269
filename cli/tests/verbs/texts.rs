//! What the program prints, as snapshots: a change of a text is seen in review. `INSTA_UPDATE=always cargo test -p scatter-gather-cli`
//! accepts new ones.

use crate::world::{Answer, World};

const VERBS: [&str; 22] = [
    "import",
    "tables",
    "run",
    "status",
    "list",
    "segments",
    "results",
    "failures",
    "logs",
    "watch",
    "set",
    "cancel",
    "redrive",
    "repair",
    "open",
    "add",
    "seal",
    "dead-letters",
    "resume",
    "serve",
    "schedules",
    "local",
];

/// What differs from call to call.
const VARIABLE: [(&str, &str); 9] = [
    (r" +\d+  \{", "  <ms>  {"),
    (r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", "<id>"),
    (r"\b[0-9a-f]{8}(-[0-9a-f]{4})?…?", "<id>"),
    (r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2})?(\.\d+)?Z?", "<time>"),
    (r"\b\d{2}-\d{2} \d{2}:\d{2}\b", "<minute>"),
    // The column of a table is as wide as its widest span.
    (r" +TOOK", "  TOOK"),
    (r"<(time|minute)> +[\d.]+ ?(ms|s)\b", "<$1>  <span>"),
    (r"\b[\d.]+ ?(ms|s)\b", "<span>"),
    (r"/tmp/\.tmp\w+", "<dir>"),
];

fn text(answer: &Answer) -> String {
    format!("{}--- standard error, exit status {}\n{}", answer.stdout, answer.code, answer.stderr)
}

fn check(name: &str, answer: &Answer) {
    insta::with_settings!({ filters => VARIABLE, prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, text(answer));
    });
}

#[test]
fn the_help_of_the_program_and_of_each_verb() {
    let world = World::new();
    check("help", &world.call(&["--help"]));
    for verb in VERBS {
        check(&format!("help-{verb}"), &world.call(&[verb, "--help"]));
    }
}

/// Segment 1 of 3 fails for good, then succeeds when its file is there.
const FLAKY: &str = "[ \"$SEGMENT_INDEX\" != 1 ] || [ -e mended ] || { echo 'no disk' >&2; exit 100; }; echo '{\"item_count\": 5}' > $SEGMENT_OUTPUT";

#[test]
fn an_execution_that_fails_and_is_redriven() {
    let world = World::new();
    let run = [
        "run",
        "--quiet",
        "--job",
        "nightly",
        "--key",
        "2026-11-25",
        "--source",
        "list",
        "--codes",
        "a,b,c",
        "--exec",
        FLAKY,
    ];
    check("run-failed", &world.call(&run).expect(1));
    check("run-again", &world.call(&run).expect(1));
    check("status", &world.call(&["status", "latest"]).expect(0));
    check("list", &world.call(&["list"]).expect(0));
    check("list-narrow", &world.call_at_width(76, &["list"]).expect(0));
    check("segments", &world.call(&["segments", "latest"]).expect(0));
    check("failures", &world.call(&["failures", "latest"]).expect(0));
    check("repair", &world.call(&["repair", "latest", "--dry-run"]).expect(0));
    std::fs::write(world.file("mended"), "").expect("a file");
    check("redrive", &world.call(&["redrive", "latest", "--quiet"]).expect(0));
}

#[test]
fn what_is_refused() {
    let world = World::new();
    for (name, arguments) in [
        ("nothing-here", &["status", "latest"][..]),
        ("no-source", &["run", "--job", "a"]),
        ("bad-job-name", &["run", "--job", "a b"]),
        ("no-work", &["run", "--job", "a", "--source", "list", "--codes", "x"]),
        (
            "bad-range",
            &[
                "run",
                "--job",
                "a",
                "--source",
                "range",
                "--from",
                "2026-13-01",
                "--to",
                "3",
                "--size",
                "1",
                "--work",
                "noop",
            ],
        ),
        (
            "no-attempts",
            &["run", "--job", "a", "--source", "list", "--codes", "x", "--work", "noop", "--max-attempts", "0"],
        ),
        ("foreign-field", &["run", "--job", "a", "--source", "list", "--codes", "x", "--size", "3", "--work", "noop"]),
    ] {
        check(&format!("refused-{name}"), &world.call(arguments));
    }
    #[cfg(not(feature = "aws"))]
    check("refused-stack", &world.call(&["list", "--stack", "nightly"]));
    assert!(!world.file("control-table.db").exists());
    world.call(&["run", "--quiet", "--job", "a", "--source", "list", "--codes", "x", "--work", "noop"]).expect(0);
    check("refused-id", &world.call(&["status", "ffff"]));
}
