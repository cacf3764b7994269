//! `kill -9` of the whole local process, at random moments.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use control_table::clock::Entropy;
use control_table::rows::ExecutionStatus;
use local::{Database, Durability, Place};
use serde_json::Value;
use test_support::{Kind, UnderTest, assert_invariants, events_of};

const KILLS: u32 = 50;

/// Enough, at 20 ms each and ten at once, to be killed that often before it is done.
const SEGMENTS: u64 = 4_000;

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
async fn a_run_survives_being_killed_fifty_times() {
    let dir = tempfile::tempdir().unwrap();
    let seed = u64::from(std::process::id());
    let entropy = Entropy::from_seed(seed);
    let mut kills = 0;
    for _ in 0..KILLS {
        // The short lives end in the start-up, the recovery or the scatter, the long ones among the workers.
        let life = Duration::from_millis(20 + entropy.up_to(280));
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
async fn a_second_process_of_an_emulation_is_refused_and_readers_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let options = UnderTest::options(&dir, local::system::WorkChoice::Builtin, Kind::Emulated);
    let first = local::System::start(options).await.unwrap();
    let second = run(dir.path()).arg("--emulate").output().unwrap();
    let message = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(1), "{message}");
    assert!(message.contains(&std::process::id().to_string()), "it names the holder: {message}");

    let list = scatterctl(dir.path(), &["list", "--json", "--emulate"]).output().unwrap();
    assert!(list.status.success(), "{}", String::from_utf8_lossy(&list.stderr));
    assert_eq!(serde_json::from_slice::<Value>(&list.stdout).unwrap()["executions"], Value::Array(vec![]));
    first.stop().await;
}

/// The arguments of a short run with that key.
fn short(key: &str) -> Vec<String> {
    let words = format!("run --json --job many --key {key} --source range --from 0 --to 300 --size 1 --work noop");
    words.split(' ').map(ToOwned::to_owned).collect()
}

/// Processes that start at the same time on one directory.
const TOGETHER: u64 = 50;

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_start_at_once_on_one_directory_all_run_to_their_end() {
    let dir = tempfile::tempdir().unwrap();
    let start = |number: u64| {
        let (key, mut command) = (format!("k{number}"), scatterctl(dir.path(), &[]));
        command.args(short(&key)).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let children: Vec<Child> = (0..TOGETHER).map(start).collect();
    let mut ids = Vec::new();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&answer["succeeded"], &answer["status"]), (&Value::from(300), &Value::from("SUCCEEDED")));
        ids.push(serde_json::from_value(answer["execution_id"].clone()).unwrap());
    }
    let place = Place { data_dir: dir.path().to_owned(), emulate: false };
    let database = Database::read(&place, Durability::ProcessCrash, Arc::new(Entropy::from_system())).await.unwrap();
    for execution_id in ids {
        assert_invariants(database.control_table(), dir.path(), execution_id).await;
        assert_eq!(events_of(dir.path(), execution_id).len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_harms_no_other_and_its_execution_is_continued_by_a_waiting_one() {
    let dir = tempfile::tempdir().unwrap();
    let killed = run(dir.path()).spawn().unwrap();
    let beside = scatterctl(dir.path(), &[]).args(short("beside")).stdout(Stdio::piped()).spawn().unwrap();
    kill_after(killed, Duration::from_millis(300)).await;
    assert!(beside.wait_with_output().unwrap().status.success());

    let status = scatterctl(dir.path(), &["list", "--json"]).output().unwrap();
    let list: Value = serde_json::from_slice(&status.stdout).unwrap();
    let open = list["executions"].as_array().unwrap().iter().find(|row| row["status"] != "SUCCEEDED");
    if let Some(open) = open {
        let id = open["execution_id"].as_str().unwrap();
        let status = scatterctl(dir.path(), &["status", id]).output().unwrap();
        let hint = String::from_utf8_lossy(&status.stderr).into_owned();
        assert!(hint.contains("no process works on it") && hint.contains(&format!("resume {id}")), "{hint}");
    }
    // The same key: this process attaches, sees that the first has ended, and continues.
    let output = run(dir.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["succeeded"], SEGMENTS);
}
