//! One run: a system in a directory of its own, a warmup, then the run that counts.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use control_table::clock::{Clock, Entropy, SystemClock};
use control_table::id::ExecutionId;
use control_table::message::CompletionEvent;
use control_table::rows::ExecutionRow;
use engine::Operator as _;
use engine::scatter::ScatterEvent;
use local::system::{EVENTS_FILE, HookOutput, Hooks, WorkChoice};
use local::{Durability, Options, System};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::args::RunArgs;
use crate::error::BenchError;
use crate::process;

/// Segments of the warmup at most.
const WARMUP: u64 = 100;

/// How long a second completion event is looked for after the first.
const AFTERMATH: Duration = Duration::from_millis(300);

/// The figures of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// From the start of the process until the system was ready.
    pub startup_s: f64,
    /// Until the execution was sealed and every record was on the stream.
    pub submit_s: f64,
    /// Until the completion event was written, recorded as published, and the waiting caller saw it.
    pub total_s: f64,
    /// From the end of the last segment's work to that moment.
    pub completion_lag_ms: f64,
    /// Segments and items are what they should be.
    pub sum_is_right: bool,
    /// Completion events of the execution.
    pub callbacks: usize,
    /// Processor time of the run.
    pub cpu_s: Option<f64>,
    /// The most memory the process had.
    pub peak_mb: Option<f64>,
}

/// Makes the run and prints its figures.
pub async fn one_run(args: &RunArgs) -> Result<(), BenchError> {
    let directory = tempfile::tempdir()?;
    let system = Arc::new(System::start(options(directory.path(), args)).await?);
    let startup_s = millis(SystemClock.now().timestamp_millis() - args.spawned_at) / 1e3;
    complete(&system, event("warmup", args.n.min(WARMUP), args.sleep_ms)).await?;

    let (begin, cpu_before) = (Instant::now(), process::cpu_s());
    let (execution, submitted) = complete(&system, event("run", args.n, args.sleep_ms)).await?;
    let (total, ended_at) = (begin.elapsed(), SystemClock.now().timestamp_millis());
    let cpu_s = process::cpu_s().zip(cpu_before).map(|(after, before)| after - before);
    let peak_mb = process::peak_mb();

    tokio::time::sleep(AFTERMATH).await;
    let figures = Figures {
        startup_s,
        submit_s: (submitted - begin).as_secs_f64(),
        total_s: total.as_secs_f64(),
        completion_lag_ms: millis(ended_at - last_end(&system, &execution).await?),
        sum_is_right: is_right(&execution, args.n),
        callbacks: events(directory.path(), execution.execution_id)?,
        cpu_s,
        peak_mb,
    };
    crate::print_line(&serde_json::to_string(&figures)?);
    if let Some(system) = Arc::into_inner(system) {
        system.stop().await;
    }
    Ok(())
}

/// As `scatterctl run` has them.
fn options(directory: &Path, args: &RunArgs) -> Options {
    Options {
        data_dir: directory.to_owned(),
        emulate: false,
        durability: if args.durable { Durability::PowerLoss } else { Durability::ProcessCrash },
        workers: Some(args.workers),
        program: "a test".to_owned(),
        any_worker: false,
        work: WorkChoice::Builtin,
        hooks: Hooks::default(),
        hook_output: HookOutput::Stderr,
        tick: Options::TICK,
        clock: Arc::new(SystemClock),
        entropy: Arc::new(Entropy::from_system()),
    }
}

fn event(key: &str, n: u64, sleep_ms: u64) -> Value {
    json!({
        "job": "bench-noop",
        "key": key,
        "source": {"type": "range", "from": 0, "to": n, "size": 1},
        "parameters": {"work": "noop", "sleep_ms": sleep_ms},
    })
}

/// Scatters and waits for the end. Also tells when the scatter was done.
async fn complete(system: &Arc<System>, event: Value) -> Result<(ExecutionRow, Instant), BenchError> {
    // A task of its own, as in `scatterctl run`.
    let event = ScatterEvent::parse(event)?;
    let (key, scatter) = (event.key_or("bench")?, Arc::clone(system));
    let answer = tokio::spawn(async move { scatter.start(event, key).await }).await??;
    let submitted = Instant::now();
    system.wait(answer.execution_id).await?;
    Ok((row(system, answer.execution_id).await?, submitted))
}

fn is_right(execution: &ExecutionRow, n: u64) -> bool {
    execution.segments == n && execution.succeeded == n && u64::try_from(execution.counts.item_count) == Ok(n)
}

/// When the last segment's work ended, in milliseconds since 1970.
async fn last_end(system: &System, execution: &ExecutionRow) -> Result<i64, BenchError> {
    let mut last = 0;
    for group in 0..execution.groups {
        let rows = system.control_table().group_segments(execution.execution_id.group(group), None).await?;
        let ends = rows.iter().filter_map(|row| row.finished_at).map(control_table::clock::Timestamp::as_millis);
        last = ends.fold(last, i64::max);
    }
    Ok(last)
}

fn events(directory: &Path, execution_id: ExecutionId) -> Result<usize, BenchError> {
    let text = std::fs::read_to_string(directory.join(EVENTS_FILE))?;
    let events: Result<Vec<CompletionEvent>, _> = text.lines().map(serde_json::from_str).collect();
    Ok(events?.iter().filter(|event| event.execution_id == execution_id).count())
}

fn millis(span: i64) -> f64 {
    span as f64
}

/// The execution as it is now.
pub async fn row(system: &System, execution_id: ExecutionId) -> Result<ExecutionRow, BenchError> {
    let row = system.control_table().execution(execution_id).await?;
    row.ok_or(BenchError::Gone(execution_id))
}
