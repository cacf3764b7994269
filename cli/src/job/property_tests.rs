//! Any job file and any argument gives an answer, never a panic.

use std::path::Path;

use clap::Parser;
use control_table::policy::Policy;
use engine::scatter::ScatterEvent;
use proptest::prelude::*;

use super::*;
use crate::args::{Cli, Verb};

/// The flags of `run` that take a value.
const FLAGS: [&str; 20] = [
    "--job",
    "--key",
    "--source",
    "--from",
    "--to",
    "--size",
    "--codes",
    "--work",
    "--exec",
    "--parameters",
    "--max-attempts",
    "--backoff-base-ms",
    "--backoff-cap-ms",
    "--tolerated-failures",
    "--segment-timeout",
    "--execution-timeout",
    "--stall-after",
    "--max-concurrency",
    "--retention",
    "--workers",
];

/// The fields of a job file's policy.
const FIELDS: [&str; 10] = [
    "max_attempts",
    "tolerated_failures",
    "on_too_many_failures",
    "segment_timeout",
    "execution_timeout",
    "stall_after",
    "max_concurrency",
    "retention",
    "retention_days",
    "backoff",
];

/// Text that is anything, and text that is nearly right.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[0-9]{1,21}(ms|s|m|h|d|w|%)?",
        "-?[0-9]{1,3}(\\.[0-9]{0,3})?%?",
        "[a-z]{1,8}",
        "\\{\"[a-z]\": [0-9]{1,30}\\}",
    ]
}

/// What may stand on the right-hand side in a TOML file.
fn toml_value() -> impl Strategy<Value = String> {
    prop_oneof![
        // A string of JSON is nearly always one of TOML.
        value().prop_map(|text| serde_json::Value::String(text).to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| format!("{number:?}")),
        Just("true".to_owned()),
        Just("[1, \"a\"]".to_owned()),
        Just("{ base_ms = 1 }".to_owned()),
        Just("2026-11-24".to_owned()),
    ]
}

/// Reads a job to its event, as `run` does. An error must say something, and fit a screen.
fn read(job: Result<Job, UsageError>) -> Option<ScatterEvent> {
    let plan = job.and_then(|job| job.into_plan(false));
    let refused = match plan {
        Ok(plan) => return Some(plan.event),
        Err(error) => error.to_string(),
    };
    assert!(!refused.trim().is_empty());
    None
}

proptest! {
    #[test]
    fn any_text_as_a_job_file(text in any::<String>()) {
        read(Job::parse(&text, Path::new("/jobs/a.toml")));
    }

    #[test]
    fn any_policy_in_a_job_file(fields in prop::collection::vec((prop::sample::select(&FIELDS[..]), toml_value()), 0..4)) {
        let policy: Vec<String> = fields.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        let policy = policy.join("\n");
        let text = format!(
            "job = 'a'\n[source]\ntype = 'list'\ncodes = ['x']\n[parameters]\nwork = 'noop'\n[policy]\n{policy}"
        );
        if let Some(event) = read(Job::parse(&text, Path::new("/jobs/a.toml"))) {
            prop_assert_eq!(Policy::validate(&event.policy), Ok(()));
        }
    }

    #[test]
    fn any_value_of_any_flag(flags in prop::collection::vec((prop::sample::select(&FLAGS[..]), value()), 0..6)) {
        let words = ["scatterctl", "run", "--job=a", "--source=list", "--codes=x", "--work=noop"];
        let given = flags.iter().map(|(flag, value)| format!("{flag}={value}"));
        match Cli::try_parse_from(words.into_iter().map(str::to_owned).chain(given)) {
            Ok(Cli { verb: Verb::Run(args), .. }) => {
                if let Some(event) = read(Job::from_args(&args, false)) {
                    prop_assert_eq!(Policy::validate(&event.policy), Ok(()));
                }
            }
            Ok(other) => prop_assert!(false, "not a run: {other:?}"),
            Err(error) => prop_assert!(!error.to_string().trim().is_empty()),
        }
    }

    #[test]
    fn any_arguments_at_all(words in prop::collection::vec(value(), 0..8)) {
        let words = std::iter::once("scatterctl".to_owned()).chain(words);
        if let Err(error) = Cli::try_parse_from(words) {
            prop_assert!(!error.to_string().trim().is_empty());
        }
    }
}

#[test]
fn a_policy_in_flags_and_in_a_file() {
    let file = "job = 'a'\n[source]\ntype = 'list'\ncodes = ['x']\n[parameters]\nwork = 'noop'\n[policy]\n\
                tolerated_failures = '5%'\non_too_many_failures = 'finish'\nsegment_timeout = '90s'\n\
                execution_timeout = '2h'\nstall_after = '15m'\nmax_concurrency = 4\nretention = '30d'";
    let from_file = Job::parse(file, Path::new("/jobs/a.toml")).unwrap().into_plan(false).unwrap();
    let flags = "run --job a --source list --codes x --work noop --tolerated-failures 5% --finish-anyway \
                 --segment-timeout 90s --execution-timeout 2h --stall-after 15m --max-concurrency 4 --retention 30d";
    let Verb::Run(args) = Cli::try_parse_from(["scatterctl"].into_iter().chain(flags.split_whitespace())).unwrap().verb
    else {
        panic!("not an execution");
    };
    let from_flags = Job::from_args(&args, false).unwrap().into_plan(false).unwrap();
    let policy = serde_json::json!({
        "tolerated_failures": "5%", "on_too_many_failures": "finish", "segment_timeout_ms": 90_000,
        "execution_timeout_ms": 7_200_000, "stall_after_ms": 900_000, "max_concurrency": 4, "retention_days": 30
    });
    assert_eq!(from_file.event.policy, serde_json::from_value(policy).unwrap());
    assert_eq!(from_flags.event, from_file.event);
    assert_eq!(from_file.event.policy.tolerated_failures.of(200), 10);
}

#[test]
fn an_invalid_policy_is_refused_before_anything_starts() {
    let cases = [
        ("tolerated_failures = -1", "share"),
        ("tolerated_failures = '101%'", "101%"),
        ("tolerated_failures = 1.5", "float"),
        ("on_too_many_failures = 'panic'", "panic"),
        ("segment_timeout = 90", "\"90s\""),
        ("execution_timeout = '1 day'", "1 day"),
        ("retention = '36h'", "whole days"),
        ("max_concurrency = 0", "max_concurrency is 0"),
        ("stall_after = '0s'", "stall_after_ms is 0"),
    ];
    for (policy, word) in cases {
        let text = format!(
            "job = 'a'\n[source]\ntype = 'list'\ncodes = ['x']\n[parameters]\nwork = 'noop'\n[policy]\n{policy}"
        );
        let plan = Job::parse(&text, Path::new("/jobs/a.toml")).and_then(|job| job.into_plan(false));
        let refused = plan.expect_err(policy).to_string();
        assert!(refused.contains(word), "{policy}: {refused}");
    }
}
