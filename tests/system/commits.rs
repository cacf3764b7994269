//! A process that is killed between any two of its writes, on a file. SQLite's write-ahead log says what each commit added: the log cut
//! after a commit is the file as a kill after that commit leaves it. A seed chooses the execution and the commits; every cut is continued
//! by another process, whose own log is cut again.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use control_table::clock::Entropy;
use control_table::rows::{ExecutionRow, ExecutionStatus, Selection};
use engine::Operator;
use engine::operate::RepairMode;
use local::system::WorkChoice;
use runtime::{Context, Output, Segment, SegmentError, Work, work};
use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::{Kind, UnderTest};
use tokio::time::Instant;

/// Executions, each of another seed.
const SEEDS: u64 = 10;

/// Commits of an execution after which it is killed.
const CUTS: u64 = 8;

/// How long a process may take with what another one left. Less than the minute after which the sweeper heals what makes no progress: it
/// must not be needed.
const AT_ONCE: Duration = Duration::from_secs(45);

/// Bytes before the first frame of a write-ahead log, and before the page of each (SQLite's file format, "The Write-Ahead Log").
const LOG_HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// What a seed chose.
#[derive(Debug, Clone)]
struct Scenario {
    #[expect(dead_code, reason = "shown when the test fails")]
    seed: u64,
    segments: u64,
    /// The shares in per cent of the segments whose first attempt fails, and of those that fail for good in the first generation.
    flaky: u64,
    failing: u64,
    policy: Value,
    is_cancelled: bool,
}

impl Scenario {
    fn of(seed: u64) -> Self {
        let random = Entropy::from_seed(seed);
        let mut policy =
            json!({"max_attempts": 3, "backoff": {"base_ms": 1, "cap_ms": 5}, "on_too_many_failures": "finish"});
        if random.up_to(2) == 0 {
            policy["max_concurrency"] = json!(1 + random.up_to(3));
        }
        Self {
            seed,
            segments: 1 + random.up_to(300),
            flaky: random.up_to(40),
            failing: random.up_to(1) * random.up_to(20),
            policy,
            is_cancelled: random.up_to(4) == 0,
        }
    }

    fn event(&self) -> Value {
        let source = json!({"type": "range", "from": 0, "to": self.segments, "size": 1});
        json!({"job": "cut", "key": "one", "source": source, "policy": self.policy})
    }

    fn work(&self) -> Arc<dyn Work> {
        let Self { flaky, failing, .. } = *self;
        work(move |segment: Segment<Value>, context: Context| async move {
            let draw = segment.index * 37 % 100;
            if context.generation == 1 && draw < failing {
                return Err(SegmentError::permanent("not in this generation"));
            }
            if context.attempt == 1 && draw >= 100 - flaky {
                return Err(SegmentError::retryable("not at first"));
            }
            Ok(Output::items(1))
        })
    }

    /// Starts or continues it in a directory, to its end: whatever a process before this one has done.
    async fn run_in(&self, dir: TempDir, log: Option<&Log>) -> UnderTest {
        let under_test = UnderTest::start(dir, WorkChoice::Own(self.work()), Kind::File).await;
        let begun = Instant::now();
        if let Some(log) = log {
            log.write_events(&under_test).await;
        }
        let started = under_test.start_execution(self.event()).await;
        if self.is_cancelled {
            // At its end already, or of a redrive under way: then there is nothing to cancel.
            let _ = under_test.system.cancel(started.execution_id).await;
        }
        let mut execution = under_test.finish(started.execution_id).await;
        if !self.is_cancelled && execution.failed > 0 {
            under_test.system.redrive(started.execution_id, Selection::unsuccessful()).await.unwrap();
            execution = under_test.finish(started.execution_id).await;
        }
        assert!(begun.elapsed() < AT_ONCE, "{self:?} took {:?}", begun.elapsed());
        self.assert(&under_test, &execution).await;
        under_test
    }

    async fn assert(&self, under_test: &UnderTest, execution: &ExecutionRow) {
        assert_eq!(execution.succeeded + execution.failed + execution.cancelled, execution.segments, "{self:?}");
        assert_eq!(u64::try_from(execution.counts.item_count), Ok(execution.succeeded), "{self:?}");
        if !self.is_cancelled {
            assert_eq!(
                (execution.status, execution.succeeded),
                (ExecutionStatus::Succeeded, self.segments),
                "{self:?}"
            );
        }
        let report = under_test.system.repair(execution.execution_id, RepairMode::DryRun).await.unwrap();
        assert!(report.differences.is_empty(), "{self:?}: {report:?}");
    }
}

/// The files of a directory in which a process worked, with each of its commits.
struct Log {
    database: Vec<u8>,
    frames: Vec<u8>,
    /// Where each commit ends in the log.
    commits: Vec<usize>,
    events: String,
}

impl Log {
    /// Of a process that lives: when the last one ends, `SQLite` moves the log into the database.
    fn of(dir: &Path) -> Self {
        let log = std::fs::read(dir.join("control.db-wal")).unwrap();
        Self {
            database: std::fs::read(dir.join("control.db")).unwrap(),
            commits: commits(&log),
            frames: log,
            events: std::fs::read_to_string(dir.join(local::system::EVENTS_FILE)).unwrap_or_default(),
        }
    }

    /// A directory as a kill after that commit leaves it.
    fn cut(&self, commit: usize) -> TempDir {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("control.db"), &self.database).unwrap();
        std::fs::write(dir.path().join("control.db-wal"), &self.frames[..self.commits[commit]]).unwrap();
        dir
    }

    /// The events that had been delivered by then, as far as the file says so.
    async fn write_events(&self, under_test: &UnderTest) {
        let table = under_test.system.control_table();
        let execution_id = table.execution_of_key(&"cut".parse().unwrap(), &"one".parse().unwrap()).await.unwrap();
        let Some(execution_id) = execution_id else { return };
        let published = table.execution(execution_id).await.unwrap().unwrap().published_generation;
        let is_out = |line: &&str| {
            let event: Value = serde_json::from_str(line).unwrap();
            event["generation"].as_u64().is_some_and(|generation| generation <= u64::from(published))
        };
        let events: String = self.events.lines().filter(is_out).flat_map(|line| [line, "\n"]).collect();
        std::fs::write(under_test.dir.path().join(local::system::EVENTS_FILE), events).unwrap();
    }
}

/// Where each commit of a write-ahead log ends. The log of a file that was checkpointed begins anew, over what was there: the salt says
/// which frames are of now.
fn commits(log: &[u8]) -> Vec<usize> {
    let number = |at: usize| u32::from_be_bytes(log[at..at + 4].try_into().unwrap());
    let frame = FRAME_HEADER + usize::try_from(number(8)).unwrap();
    let frames = (LOG_HEADER..=log.len().saturating_sub(frame)).step_by(frame);
    let of_now = frames.take_while(|at| log[at + 8..at + 16] == log[16..24]);
    // A frame that ends a commit has the size of the database.
    of_now.filter(|at| number(at + 4) > 0).map(|at| at + frame).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_execution_survives_a_kill_between_any_two_writes() {
    let mut cuts = 0;
    for seed in 0..SEEDS {
        let scenario = Scenario::of(seed);
        let random = Entropy::from_seed(!seed);
        let whole = scenario.run_in(tempfile::tempdir().unwrap(), None).await;
        let log = Log::of(whole.dir.path());
        assert!(log.commits.len() > 5, "{scenario:?}: {} commits", log.commits.len());
        for _ in 0..CUTS {
            let commit = usize::try_from(random.up_to(log.commits.len() as u64 - 1)).unwrap();
            let second = scenario.run_in(log.cut(commit), Some(&log)).await;
            let again = Log::of(second.dir.path());
            if !again.commits.is_empty() {
                let commit = usize::try_from(random.up_to(again.commits.len() as u64 - 1)).unwrap();
                let third = scenario.run_in(again.cut(commit), Some(&again)).await;
                third.system.stop().await;
                cuts += 1;
            }
            second.system.stop().await;
            cuts += 1;
        }
        whole.system.stop().await;
    }
    assert!(cuts > SEEDS * CUTS, "{cuts} cuts");
}
