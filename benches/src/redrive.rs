//! What it takes to redrive the few segments of a large run that failed, beside as many fresh ones.

use std::path::Path;
use std::sync::Arc;

use clap::Args as ClapArgs;
use control_table::clock::{Entropy, SystemClock};
use control_table::id::ExecutionId;
use control_table::rows::{ExecutionRow, ExecutionStatus, Selection};
use engine::Operator as _;
use engine::scatter::ScatterEvent;
use local::system::{HookOutput, Hooks, WorkChoice};
use local::{Durability, Options, System};
use runtime::{Context, Output, Segment, SegmentError, Work, work};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::error::BenchError;
use crate::one_run::row;

/// One segment in so many fails in its first generation.
const ONE_IN: u64 = 100;

/// What to measure.
#[derive(Debug, ClapArgs)]
pub struct RedriveArgs {
    /// Segments of the large run.
    #[arg(long, default_value_t = 100_000)]
    pub n: u64,
    /// Segments worked on at once.
    #[arg(long, default_value_t = 8)]
    pub workers: usize,
}

/// Makes the large run, redrives what failed of it, makes a fresh run of as many, and prints the times.
pub async fn measure(args: &RedriveArgs) -> Result<(), BenchError> {
    let directory = tempfile::tempdir()?;
    let system = Arc::new(System::start(options(directory.path(), args.workers)).await?);
    let large = run(&system, "large", args.n).await?;
    let failed = args.n.div_ceil(ONE_IN);

    let begin = Instant::now();
    system.redrive(large.execution_id, Selection::unsuccessful()).await?;
    let requeue_s = begin.elapsed().as_secs_f64();
    let redriven = finish(&system, large.execution_id).await?;
    let redrive_s = begin.elapsed().as_secs_f64();

    let begin = Instant::now();
    let fresh = run(&system, "fresh", failed).await?;
    let fresh_s = begin.elapsed().as_secs_f64();
    crate::print_line(&serde_json::to_string(&json!({
        "segments": args.n,
        "redriven": failed,
        "requeue_s": requeue_s,
        "redrive_s": redrive_s,
        "fresh_s": fresh_s,
        "counts_are_right": redriven.status == ExecutionStatus::Succeeded
            && redriven.succeeded == args.n
            && u64::try_from(redriven.counts.item_count) == Ok(args.n)
            && fresh.segments == failed,
    }))?);
    if let Some(system) = Arc::into_inner(system) {
        system.stop().await;
    }
    Ok(())
}

fn options(directory: &Path, workers: usize) -> Options {
    Options {
        data_dir: directory.to_owned(),
        emulate: false,
        durability: Durability::ProcessCrash,
        workers: Some(workers),
        program: "a test".to_owned(),
        any_worker: false,
        work: WorkChoice::Own(fails_at_first()),
        hooks: Hooks::default(),
        hook_output: HookOutput::Stderr,
        tick: Options::TICK,
        clock: Arc::new(SystemClock),
        entropy: Arc::new(Entropy::from_system()),
    }
}

/// Does nothing; of the large run, one segment in a hundred fails in its first generation.
fn fails_at_first() -> Arc<dyn Work> {
    work(|segment: Segment<Value>, context: Context| async move {
        let fails = context.parameters::<Value>().is_ok_and(|told| told["fails"] == json!(true));
        if fails && context.generation == 1 && segment.index.is_multiple_of(ONE_IN) {
            return Err(SegmentError::permanent("not in the first generation"));
        }
        Ok(Output::items(1))
    })
}

async fn run(system: &Arc<System>, key: &str, n: u64) -> Result<ExecutionRow, BenchError> {
    let event = json!({
        "job": "bench-redrive",
        "key": key,
        "source": {"type": "range", "from": 0, "to": n, "size": 1},
        "policy": {"on_too_many_failures": "finish"},
        "parameters": {"fails": key == "large"},
    });
    // A task of its own, as in `scatterctl run`.
    let event = ScatterEvent::parse(event)?;
    let (key, scatter) = (event.key_or("bench")?, Arc::clone(system));
    let answer = tokio::spawn(async move { scatter.start(event, key).await }).await??;
    finish(system, answer.execution_id).await
}

async fn finish(system: &System, execution_id: ExecutionId) -> Result<ExecutionRow, BenchError> {
    system.wait(execution_id).await?;
    row(system, execution_id).await
}
