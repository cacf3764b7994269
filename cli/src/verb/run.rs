//! `run`.

use std::process::ExitCode;
use std::sync::Arc;

use control_table::id::{ExecutionId, ExecutionKey, JobName};
use control_table::item::ExecutionStatus;
use scatter::ScatterEvent;
use serde_json::Value;

use super::print_finished;
use crate::args::RunArgs;
use crate::context::Context;
use crate::error::{CliError, FAILED};
use crate::execution::IdError;
use crate::follow::Follower;
use crate::interrupt::Interrupt;
use crate::job::{Job, RunPlan};
use crate::system::{Begun, System};

/// What the scatter function is told.
struct Call {
    event: Value,
    job: JobName,
    key: ExecutionKey,
}

pub(super) async fn execute(context: &Context, args: RunArgs) -> Result<ExitCode, CliError> {
    let job = Job::from_args(&args, context.work.is_some())?.filled_by_its_source()?;
    let RunPlan { event, system: system_args } = context.plan(job)?;
    // Read here, too, so that a mistake is told before anything starts.
    let checked = ScatterEvent::parse(event.clone())?;
    let request_id = context.entropy().uuid_v7(context.now()).to_string();
    let key = checked.key_or(&request_id)?;
    let call = Call { event, job: checked.job, key };

    let mut interrupt = Interrupt::install(&context.output);
    let system = Arc::new(context.start(&system_args).await?);
    let ended = drive(context, &system, call, &mut interrupt).await;
    if let Some(system) = Arc::into_inner(system) {
        system.shutdown().await;
    }
    ended
}

/// Scatters, then waits for the end.
async fn drive(
    context: &Context,
    system: &Arc<System>,
    call: Call,
    interrupt: &mut Interrupt,
) -> Result<ExitCode, CliError> {
    let table = system.control_table();
    let Call { event, job, key } = call;
    let mut follower = Follower::of_key(context, table, job.clone(), key.clone());
    // A task of its own: an embedded database answers at once, so a scatter hardly ever pauses for anything beside it.
    let (scatter, call_key) = (Arc::clone(system), key.clone());
    let mut scattering = tokio::spawn(async move { scatter.scatter(event, call_key).await });
    let Some(answer) = follower.during(&mut scattering, interrupt).await else {
        scattering.abort();
        // Its end is waited for, and what it ended with does not matter any more.
        drop(scattering.await);
        return interrupted(context, table.execution_of_key(&job, &key).await?, system).await;
    };
    let execution_id = begun(context, answer??);
    let Some(finished) = follower.during(system.finished(execution_id), interrupt).await else {
        return interrupted(context, Some(execution_id), system).await;
    };
    let finished = finished?;
    let view = table.view(execution_id).await?.ok_or_else(|| IdError::NotFound(execution_id.to_string()))?;
    print_finished(context, &finished, &view, ExecutionStatus::Succeeded)
}

/// The run that is waited for.
fn begun(context: &Context, begun: Begun) -> ExecutionId {
    let Begun { execution_id, known_by } = begun;
    if let Some(key) = known_by {
        context.output.note(format_args!("key {key} has the run {execution_id} already"));
    }
    execution_id
}

/// Told to stop: what there is of the run stays, and can be gone on with.
async fn interrupted(context: &Context, begun: Option<ExecutionId>, system: &System) -> Result<ExitCode, CliError> {
    match begun {
        Some(execution_id) => {
            if let Some(view) = system.control_table().view(execution_id).await? {
                crate::summary::print(&context.output, &view)?;
            }
            context.say_how_to_resume();
        }
        None if context.is_deployed() => {
            context
                .output
                .warn("scatter was invoked, and goes on in the stack: `list` shows its run as soon as it is open");
        }
        None => context.output.warn("stopped before the run was opened: nothing was written"),
    }
    Ok(ExitCode::from(FAILED))
}
