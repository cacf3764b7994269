//! `kill -9` of the whole local process, at random moments.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use control_table::clock::Entropy;
use control_table::rows::ExecutionStatus;
use local::{Database, Durability, Place};
use serde_json::Value;
use test_support::{assert_invariants, events_of};

const KILLS: u32 = 20;

/// Enough, at 20 ms each and ten at once, to be killed that often before it is done.
const SEGMENTS: u64 = 1_500;

fn scatterctl(data_dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scatterctl-under-test"));
    command.arg("--data-dir").arg(data_dir).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(data_dir: &Path) -> Command {
    let to = SEGMENTS.to_string();
    let mut arguments = vec!["run", "--job", "crash", "--key", "2026-11-24", "--json"];
    arguments.extend([
        "--source",
        "range",
        "--from",
        "0",
        "--to",
        &to,
        "--size",
        "1",
        "--work",
        "noop",
        "--sleep-ms",
        "20",
    ]);
    scatterctl(data_dir, &arguments)
}

/// Lets the process live for that long, then kills it, by its own process ID. `None` if it was done before.
async fn kill_after(mut child: Child, life: Duration) -> Option<()> {
    tokio::time::sleep(life).await; // sleeps because a random moment is what is tested
    if child.try_wait().unwrap().is_some() {
        return None;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    Some(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_survives_being_killed_twenty_times() {
    let dir = tempfile::tempdir().unwrap();
    let seed = u64::from(std::process::id());
    let entropy = Entropy::from_seed(seed);
    let mut kills = 0;
    for _ in 0..KILLS {
        // The short lives end in the start-up, the recovery or the scatter, the long ones among the workers.
        let life = Duration::from_millis(40 + entropy.up_to(360));
        let child = run(dir.path()).spawn().unwrap();
        kills += u32::from(kill_after(child, life).await.is_some());
    }
    assert!(kills > KILLS / 2, "only {kills} kills: seed {seed}, the execution is too short for this test");

    // The next `run` with the same key goes on, and answers as if nothing had happened.
    let output = run(dir.path()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "seed {seed}: {text} {}", String::from_utf8_lossy(&output.stderr));
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(answer["item_count"], SEGMENTS, "seed {seed}: {answer}");

    let database = Database::read(
        &Place { data_dir: dir.path().to_owned(), emulate: false },
        Durability::ProcessCrash,
        entropy.into(),
    )
    .await
    .unwrap();
    let execution_id = serde_json::from_value(answer["execution_id"].clone()).unwrap();
    let table = database.control_table();
    assert_invariants(table, dir.path(), execution_id).await;
    let execution = table.execution(execution_id).await.unwrap().unwrap();
    assert_eq!((execution.status, execution.succeeded), (ExecutionStatus::Succeeded, SEGMENTS), "seed {seed}");
    assert!(!events_of(dir.path(), execution_id).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn resume_finishes_what_a_killed_run_left() {
    let dir = tempfile::tempdir().unwrap();
    let child = run(dir.path()).spawn().unwrap();
    kill_after(child, Duration::from_millis(400)).await;
    let output = scatterctl(dir.path(), &["resume", "--json"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let status = scatterctl(dir.path(), &["status", "latest", "--json"]).output().unwrap();
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!((&status["status"], &status["succeeded"]), (&Value::from("SUCCEEDED"), &Value::from(SEGMENTS)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_is_refused_and_readers_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let first = local::System::start(test_support::UnderTest::options(&dir, local::system::WorkChoice::Builtin)).await;
    let first = first.unwrap();
    let second = run(dir.path()).output().unwrap();
    let message = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(1), "{message}");
    assert!(message.contains(&std::process::id().to_string()), "it names the holder: {message}");

    let list = scatterctl(dir.path(), &["list", "--json"]).output().unwrap();
    assert!(list.status.success(), "{}", String::from_utf8_lossy(&list.stderr));
    assert_eq!(serde_json::from_slice::<Value>(&list.stdout).unwrap()["executions"], Value::Array(vec![]));
    first.stop().await;
}
