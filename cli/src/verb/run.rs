//! `run`.

use std::process::ExitCode;
use std::sync::Arc;

use api::view::ExecutionView;
use control_table::id::{ExecutionId, ExecutionKey, JobName};
use control_table::rows::ExecutionStatus;
use engine::scatter::ScatterEvent;
use engine::{Operator, Started};

use super::{ended_by_signal, follow_to_end, print_finished, shut_down};
use crate::args::{RunArgs, SystemArgs};
use crate::context::Context;
use crate::error::CliError;
use crate::execution::IdError;
use crate::follow::Follower;
use crate::interrupt::Interrupt;
use crate::job::{Job, RunPlan};
use crate::summary;

/// What is started.
struct Call {
    event: ScatterEvent,
    key: ExecutionKey,
}

pub(super) async fn execute(context: &Context, args: RunArgs) -> Result<ExitCode, CliError> {
    if let (true, Some(job), Some(key)) = (args.attach, &args.job, &args.key) {
        return Box::pin(attach(context, job, key, &args.system)).await;
    }
    let job = Job::from_args(&args, context.work.is_some())?.for_run()?;
    let RunPlan { event, system: system_args } = context.plan(job)?;
    let request_id = context.entropy().uuid_v7(context.now()).to_string();
    let key = event.key_or(&request_id)?;
    let call = Call { event, key };

    let mut interrupt = context.take_signals();
    let operator = context.start(&system_args).await?;
    let ended = drive(context, &operator, call, &mut interrupt).await;
    shut_down(&*operator, &interrupt).await;
    ended
}

/// Follows the execution that a job and a key have.
async fn attach(
    context: &Context,
    job: &JobName,
    key: &ExecutionKey,
    system_args: &SystemArgs,
) -> Result<ExitCode, CliError> {
    let found = context.read().await?.control_table().execution_of_key(job, key).await?;
    let execution_id = found.ok_or_else(|| IdError::NoKey { job: job.clone(), key: key.clone() })?;
    let mut interrupt = context.take_signals();
    let operator = context.start(system_args).await?;
    let ended = follow_to_end(context, &*operator, execution_id, ExecutionStatus::Succeeded, &mut interrupt).await;
    shut_down(&*operator, &interrupt).await;
    ended
}

/// Scatters, then waits for the end.
async fn drive(
    context: &Context,
    operator: &Arc<dyn Operator>,
    call: Call,
    interrupt: &mut Interrupt,
) -> Result<ExitCode, CliError> {
    let table = operator.table();
    let Call { event, key } = call;
    let job = event.job.clone();
    let mut follower = Follower::of_key(context, table, job.clone(), key.clone());
    // A task of its own: an embedded database answers at once, so a scatter hardly ever pauses for anything beside it.
    let (scatter, call_key) = (Arc::clone(operator), key.clone());
    let mut scattering = tokio::spawn(async move { scatter.start(event, call_key).await });
    let Some(answer) = follower.during(&mut scattering, interrupt).await else {
        scattering.abort();
        // Its end is waited for, and what it ended with does not matter any more.
        drop(scattering.await);
        let begun = table.execution_of_key(&job, &key).await?;
        return interrupted(context, begun, &**operator, interrupt).await;
    };
    let execution_id = started(context, answer??);
    follower.announce(execution_id);
    let Some(finished) = follower.during(operator.wait(execution_id), interrupt).await else {
        return interrupted(context, Some(execution_id), &**operator, interrupt).await;
    };
    let finished = finished?;
    let view = table.summary(execution_id).await?.ok_or_else(|| IdError::NotFound(execution_id.to_string()))?;
    print_finished(context, table, finished, &view, ExecutionStatus::Succeeded).await
}

/// The execution that is waited for.
fn started(context: &Context, started: Started) -> ExecutionId {
    let Started { execution_id, key, opened } = started;
    if !opened {
        context.output.note(format_args!("key {key} has the execution {execution_id} already"));
    }
    execution_id
}

/// A signal came: the execution stays as it is, and `resume` continues it.
async fn interrupted(
    context: &Context,
    started: Option<ExecutionId>,
    operator: &dyn Operator,
    interrupt: &Interrupt,
) -> Result<ExitCode, CliError> {
    match started {
        Some(execution_id) => {
            if let Some(view) = operator.table().summary(execution_id).await? {
                // A closed terminal takes no answer, and is no error.
                drop(summary::print(&context.output, &ExecutionView::without_details(view)));
            }
            context.say_how_to_resume();
        }
        None if context.is_deployed() => {
            context.output.warn(
                "scatter was invoked, and goes on in the stack: `list` shows its execution as soon as it is open",
            );
        }
        None => context.output.warn("stopped before the execution was opened: nothing was written"),
    }
    Ok(ended_by_signal(interrupt))
}
