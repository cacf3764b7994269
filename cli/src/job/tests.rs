use std::path::Path;

use clap::Parser;
use engine::scatter::ScatterEvent;
use serde_json::json;

use super::*;
use crate::args::{Cli, Verb};

fn args(flags: &[&str]) -> RunArgs {
    let words = ["scatterctl", "run"].into_iter().chain(flags.iter().copied());
    match Cli::try_parse_from(words).unwrap().verb {
        Verb::Run(args) => *args,
        other => panic!("not a run: {other:?}"),
    }
}

fn plan(toml: &str, flags: &[&str]) -> Result<RunPlan, UsageError> {
    let job = Job::parse(toml, Path::new("/jobs/a.toml"))?;
    job.overlaid(&args(flags), false)?.into_plan(false)
}

fn refusal(toml: &str, flags: &[&str]) -> String {
    plan(toml, flags).expect_err("refused").to_string()
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn flags_and_file_say_the_same() {
    let cases: &[(&[&str], &str, Value)] = &[
        (
            &[
                "--job",
                "c",
                "--source",
                "dynamodb-scan",
                "--table",
                "cities",
                "--items-per-segment",
                "1000",
                "--work",
                "count",
            ],
            "job = 'c'\n[source]\ntype = 'dynamodb-scan'\ntable = 'cities'\nitems_per_segment = 1000\n[parameters]\nwork = 'count'",
            json!({"job": "c", "source": {"type": "dynamodb-scan", "table": "cities", "items_per_segment": 1000},
                "parameters": {"work": "count"}}),
        ),
        (
            &[
                "--job",
                "c",
                "--key",
                "k",
                "--source",
                "dynamodb-scan",
                "--table",
                "t",
                "--count",
                "estimate",
                "--work",
                "noop",
                "--sleep-ms",
                "5",
                "--max-attempts",
                "2",
                "--backoff-base-ms",
                "1",
                "--backoff-cap-ms",
                "9",
                "--tolerated-failures",
                "7",
            ],
            "job = 'c'\nkey = 'k'\n[source]\ntype = 'dynamodb-scan'\ntable = 't'\ncount = 'estimate'\n\
             [parameters]\nwork = 'noop'\nsleep_ms = 5\n\
             [policy]\nmax_attempts = 2\ntolerated_failures = 7\nbackoff = { base_ms = 1, cap_ms = 9 }",
            json!({"job": "c", "key": "k", "source": {"type": "dynamodb-scan", "table": "t", "count": "estimate"},
                "policy": {"max_attempts": 2, "tolerated_failures": 7, "backoff": {"base_ms": 1, "cap_ms": 9}},
                "parameters": {"work": "noop", "sleep_ms": 5}}),
        ),
        (
            &[
                "--job",
                "r",
                "--source",
                "range",
                "--from",
                "-5",
                "--to",
                "10",
                "--size",
                "3",
                "--work",
                "exec",
                "--exec",
                "-x y",
                "--permanent-exit-code",
                "3",
            ],
            "job = 'r'\n[source]\ntype = 'range'\nfrom = -5\nto = 10\nsize = 3\n\
             [parameters]\nwork = 'exec'\ncommand = '-x y'\npermanent_exit_code = 3",
            json!({"job": "r", "source": {"type": "range", "from": -5, "to": 10, "size": 3},
                "parameters": {"work": "exec", "command": "-x y", "permanent_exit_code": 3}}),
        ),
        (
            &[
                "--job",
                "d",
                "--source",
                "range",
                "--from",
                "2026-01-01",
                "--to",
                "2026-02-01",
                "--size",
                "7",
                "--work",
                "noop",
            ],
            "job = 'd'\n[source]\ntype = 'range'\nfrom = 2026-01-01\nto = '2026-02-01'\nsize = 7\n[parameters]\nwork = 'noop'",
            json!({"job": "d", "source": {"type": "range", "from": "2026-01-01", "to": "2026-02-01", "size": 7},
                "parameters": {"work": "noop"}}),
        ),
        (
            &[
                "--job",
                "s",
                "--source",
                "list",
                "--codes",
                "SY,IR",
                "--work",
                "sum",
                "--attribute",
                "population",
                "--table",
                "cities",
                "--index",
                "country",
            ],
            "job = 's'\n[source]\ntype = 'list'\ncodes = ['SY', 'IR']\n\
             [parameters]\nwork = 'sum'\nattribute = 'population'\ntable = 'cities'\nindex = 'country'",
            json!({"job": "s", "source": {"type": "list", "codes": ["SY", "IR"]},
                "parameters": {"work": "sum", "attribute": "population", "table": "cities", "index": "country"}}),
        ),
        (
            &["--job", "f", "--source", "list", "--codes-file", "/jobs/codes.txt", "--work", "noop"],
            "job = 'f'\n[source]\ntype = 'list'\ncodes_file = 'codes.txt'\n[parameters]\nwork = 'noop'",
            json!({"job": "f", "source": {"type": "list", "file": "/jobs/codes.txt"}, "parameters": {"work": "noop"}}),
        ),
    ];
    for (flags, toml, event) in cases {
        let event = ScatterEvent::parse(event.clone()).unwrap();
        assert_eq!(plan("", flags).unwrap().event, event, "{flags:?}");
        assert_eq!(plan(toml, &[]).unwrap().event, event, "{toml}");
    }
}

#[test]
fn flags_win_over_the_file() {
    let toml = "job = 'a'\nworkers = 2\non_complete = 'x'\n\
                [source]\ntype = 'dynamodb-scan'\ntable = 't'\nitems_per_segment = 10\n\
                [parameters]\nwork = 'sum'\nattribute = 'n'";
    let flags = ["--job", "b", "--segments", "4", "--workers", "8", "--attribute", "m", "--table", "u", "--durable"];
    let plan = plan(toml, &flags).unwrap();
    let event = json!(plan.event);
    assert_eq!(event["job"], "b");
    assert_eq!(event["source"], json!({"type": "dynamodb-scan", "table": "u", "segments": 4}));
    assert_eq!(event["parameters"], json!({"work": "sum", "attribute": "m"}));
    let system = &plan.system;
    assert_eq!((system.workers, system.durable, system.hooks.on_complete.as_deref()), (Some(8), true, Some("x")));
}

#[test]
fn another_source_or_work_leaves_nothing_of_the_first() {
    let toml = "job = 'a'\n[source]\ntype = 'dynamodb-scan'\ntable = 't'\n[parameters]\nwork = 'sum'\nattribute = 'n'";
    let event = plan(toml, &["--source", "list", "--codes", "a", "--exec", "true"]).unwrap().event;
    let event = json!(event);
    assert_eq!(event["source"], json!({"type": "list", "codes": ["a"]}));
    assert_eq!(event["parameters"], json!({"work": "exec", "command": "true"}));
}

#[test]
fn what_is_missing_or_contradicts_is_named() {
    let noop = "[parameters]\nwork = 'noop'";
    let cases: &[(&str, &[&str], &str)] = &[
        ("", &["--source", "list"], "--job NAME"),
        ("", &["--job", "a"], "--source"),
        ("", &["--job", "a", "--source", "list", "--codes", "x"], "--work"),
        ("", &["--job", "a", "--source", "list", "--work", "noop"], "--codes A,B"),
        ("", &["--job", "a", "--source", "dynamodb-scan", "--work", "noop"], "--table T"),
        ("", &["--job", "a", "--source", "range", "--from", "1", "--to", "2", "--work", "noop"], "--size N"),
        ("", &["--job", "a", "--source", "list", "--codes", "x", "--work", "sum"], "--attribute A"),
        ("", &["--job", "a", "--source", "list", "--codes", "x", "--work", "exec"], "--exec CMD"),
        (
            "",
            &["--job", "a", "--source", "list", "--codes", "x", "--work", "noop", "--attribute", "n"],
            "attribute does not go",
        ),
        (
            "",
            &["--job", "a", "--source", "list", "--codes", "x", "--size", "1", "--work", "noop"],
            "size does not go with",
        ),
        (
            noop,
            &["--job", "a", "--source", "list", "--codes", "x", "--table", "t"],
            "table does not go with the work noop",
        ),
        (
            "job = 'a'\n[source]\ntype = 'list'\ncodes = []\ncodes_file = 'x'\n[parameters]\nwork = 'noop'",
            &[],
            "exclude",
        ),
        ("[parameters]\nwork = 'dance'", &["--job", "a", "--source", "list", "--codes", "x"], "dance"),
        ("", &["--job", "a", "--source", "list", "--codes", "x", "--parameters", "[1]"], "JSON object"),
    ];
    for (toml, flags, word) in cases {
        let refusal = refusal(toml, flags);
        assert!(refusal.contains(word), "{toml:?} {flags:?}: {refusal}");
    }
}

#[test]
fn an_own_worker_takes_any_parameters_but_no_built_in_work() {
    let own = |flags: &[&str]| Job::default().overlaid(&args(flags), true)?.into_plan(true);
    let base = ["--job", "a", "--source", "list", "--codes", "x"];
    let plan = own(&[&base[..], &["--parameters", r#"{"work": 5, "deep": {"a": [1]}}"#]].concat()).unwrap();
    assert_eq!(plan.event.parameters, json!({"work": 5, "deep": {"a": [1]}}));
    assert_eq!(own(&base).unwrap().event.parameters, Value::Null);
    for flags in [["--work", "noop"], ["--exec", "true"], ["--table", "t"]] {
        let refusal = own(&[&base[..], &flags[..]].concat()).unwrap_err().to_string();
        assert!(refusal.contains(flags[0]), "{refusal}");
    }
}

#[test]
fn clap_refuses_what_excludes_each_other() {
    for flags in [["--items-per-segment", "1", "--segments", "2"], ["--codes", "a", "--codes-file", "f"]] {
        let words = ["scatterctl", "run", "--job", "a"].into_iter().chain(flags);
        assert!(Cli::try_parse_from(words).is_err());
    }
}
