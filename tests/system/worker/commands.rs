//! The built-in `exec` and `noop`.
#![cfg(unix)]

use std::path::Path;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use emulator::embedded::EmbeddedDynamoDb;
use jobs::{Commands, Shell, builtin};
use runtime::{Output, SegmentError, testing};
use serde_json::{Value, json};

use super::support::within_reason;

fn client() -> Client {
    EmbeddedDynamoDb::in_memory().unwrap().client()
}

async fn run(commands: Commands, parameters: Value) -> Result<Output, SegmentError> {
    let segment = testing::segment_at(4, Some(9), json!({"code": "SY"}));
    let context = testing::context().parameters(parameters).build();
    builtin(client(), commands).process(segment, context).await
}

async fn sh(command: &str) -> Result<Output, SegmentError> {
    run(Commands::Allowed(Shell::default()), json!({"work": "exec", "command": command})).await
}

#[tokio::test]
async fn a_command_learns_of_its_segment_and_reports() {
    let command = r#"
        echo "a line for people"
        test "$SEGMENT_SPEC" = '{"code":"SY"}' -a "$SEGMENT_TOTAL" = 9 -a "$ATTEMPT" = 1 || exit 1
        test "$SEGMENT_CODE" = SY -a "$GENERATION" = 1 -a -n "$JOB" -a -n "$EXECUTION_KEY" -a -z "$SEGMENT_FROM" || exit 2
        case "$PARAMETERS" in *'"work":"exec"'*) ;; *) exit 3;; esac
        test -n "$DEADLINE" || exit 4
        echo "{\"item_count\": $SEGMENT_INDEX, \"counters\": {\"rows\": 2}, \"result\": \"$EXECUTION_ID\"}" > "$SEGMENT_OUTPUT"
        echo '{"item_count": 77}'
    "#;
    let output = Output::items(4).counter("rows", 2).result("00000000-0000-0000-0000-000000000007");
    assert_eq!(sh(command).await, Ok(output));
}

#[tokio::test]
async fn a_command_that_reports_nothing_counts_nothing() {
    assert_eq!(sh("cat").await, Ok(Output::default()), "its input is empty");
}

#[tokio::test]
async fn the_exit_code_says_whether_another_attempt_may_help() {
    let error = sh("echo 'no such city' >&2; exit 3").await.unwrap_err();
    assert_eq!(error, SegmentError::retryable("the command ended with exit code 3: no such city"));
    assert!(!sh("exit 100").await.unwrap_err().is_retryable());
    let seven = json!({"work": "exec", "command": "exit 7", "permanent_exit_code": 7});
    assert!(!run(Commands::Allowed(Shell::default()), seven).await.unwrap_err().is_retryable());
    let killed = sh("kill -9 $$").await.unwrap_err();
    assert!(killed.is_retryable() && killed.message().contains("signal: 9"), "{killed}");
}

#[tokio::test]
async fn what_a_command_leaves_running_does_not_outlive_it() {
    let output =
        sh("sleep 1000 & echo \"{\\\"item_count\\\": 1, \\\"result\\\": $!}\" > $SEGMENT_OUTPUT").await.unwrap();
    assert_eq!(output.item_count, 1);
    is_gone(&output.result.unwrap().to_string()).await;
}

#[tokio::test]
async fn a_cancelled_command_is_killed_with_everything_it_started() {
    let directory = tempfile::tempdir().unwrap();
    let pid = directory.path().join("pid");
    let command = format!("sleep 1000 & echo $! > '{0}.part'; mv '{0}.part' '{0}'; wait", pid.display());
    let work = tokio::spawn(async move { sh(&command).await });
    let pid = appears(&pid).await;
    assert!(is_running(&pid));
    work.abort();
    assert!(work.await.unwrap_err().is_cancelled());
    is_gone(&pid).await;
}

#[tokio::test]
async fn commands_are_refused_where_they_are_not_allowed() {
    let error = run(Commands::Refused, json!({"work": "exec", "command": "true"})).await.unwrap_err();
    assert!(!error.is_retryable() && error.message().contains("executes no commands"), "{error}");
}

#[tokio::test]
async fn noop_counts_one_item_after_its_time() {
    let before = tokio::time::Instant::now();
    let output = run(Commands::Refused, json!({"work": "noop", "sleep_ms": 50})).await.unwrap();
    assert_eq!(output, Output::items(1));
    assert!(before.elapsed().as_millis() >= 50);
}

/// What is in the file, once it is there.
async fn appears(file: &Path) -> String {
    until(|| std::fs::read_to_string(file).ok()).await.trim().to_owned()
}

async fn is_gone(pid: &str) {
    until(|| (!is_running(pid)).then_some(())).await;
}

/// Killed processes whose parent did not wait for them stay as zombies: they run no more.
fn is_running(pid: &str) -> bool {
    let process = std::process::Command::new("ps").args(["-o", "stat=", "-p", pid]).output().unwrap();
    let state = String::from_utf8(process.stdout).unwrap();
    !state.trim().is_empty() && !state.trim().starts_with('Z')
}

async fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let looking = async {
        let mut tick = tokio::time::interval(Duration::from_millis(5));
        loop {
            tick.tick().await;
            if let Some(found) = look() {
                return found;
            }
        }
    };
    within_reason(looking).await
}
