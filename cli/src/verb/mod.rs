//! One file a verb.

mod add;
mod cancel;
mod console;
mod dead_letters;
mod failures;
mod import;
mod list;
mod local;
mod logs;
mod open;
mod redrive;
mod repair;
mod results;
mod resume;
mod run;
mod schedules;
mod seal;
mod segments;
mod serve;
mod set;
mod simulate;
mod status;
mod tables;
mod watch;

use std::process::ExitCode;

use api::view::ExecutionView;
use control_table::ControlTable;
use control_table::id::ExecutionId;
use control_table::read::{ExecutionSummary, FindError};
use control_table::rows::ExecutionStatus;
use engine::{Finished, Operator};

use crate::args::Verb;
use crate::context::Context;
use crate::error::{CliError, FAILED};
use crate::follow::Follower;
use crate::interrupt::Interrupt;
use crate::summary;

/// Does what was asked.
pub async fn execute(context: &Context, verb: Verb) -> Result<ExitCode, CliError> {
    match verb {
        Verb::Import(args) => import::execute(context, args).await,
        Verb::Tables(args) => tables::execute(context, args).await,
        Verb::Run(args) => Box::pin(run::execute(context, *args)).await,
        Verb::Status(args) => status::execute(context, &args).await,
        Verb::List(args) => list::execute(context, args).await,
        Verb::Segments(args) => segments::execute(context, &args).await,
        Verb::Results(args) => results::execute(context, &args).await,
        Verb::Failures(args) => failures::execute(context, &args).await,
        Verb::Logs(args) => logs::execute(context, &args).await,
        Verb::Set(args) => set::execute(context, &args).await,
        Verb::Cancel(args) => Box::pin(cancel::execute(context, &args)).await,
        Verb::Redrive(args) => Box::pin(redrive::execute(context, &args)).await,
        Verb::Repair(args) => Box::pin(repair::execute(context, &args)).await,
        Verb::Open(args) => Box::pin(open::execute(context, &args)).await,
        Verb::Add(args) => Box::pin(add::execute(context, &args)).await,
        Verb::Seal(args) => Box::pin(seal::execute(context, &args)).await,
        Verb::DeadLetters(args) => dead_letters::execute(context, &args).await,
        Verb::Watch(args) => Box::pin(watch::execute(context, &args)).await,
        Verb::Resume(args) => Box::pin(resume::execute(context, args)).await,
        Verb::Serve(args) => Box::pin(serve::execute(context, &args)).await,
        Verb::Schedules(args) => schedules::execute(context, &args),
        Verb::Simulate(args) => simulate::execute(context, *args).await,
        Verb::Console(args) => Box::pin(console::execute(context, *args)).await,
        Verb::Local(args) => local::execute(context, args).await,
    }
}

/// What an execution's outcome is to the shell: success, if it is the one that was wanted.
fn exit_code(view: &ExecutionSummary, wanted: ExecutionStatus) -> ExitCode {
    if view.status == wanted { ExitCode::SUCCESS } else { ExitCode::from(FAILED) }
}

/// Ends what this process does for the system. A signal that wants running work stopped now does not wait for it.
async fn shut_down(operator: &dyn Operator, interrupt: &Interrupt) {
    let mut interrupt = interrupt.clone();
    let mut shutdown = operator.shutdown();
    tokio::select! {
        biased;
        () = interrupt.urgent() => {}
        () = &mut shutdown => return,
    }
    operator.terminate();
    shutdown.await;
}

/// The exit status after a signal.
fn ended_by_signal(interrupt: &Interrupt) -> ExitCode {
    interrupt.exit_code().unwrap_or(ExitCode::from(FAILED))
}

/// Follows an execution to its end, and prints it.
async fn follow_to_end(
    context: &Context,
    operator: &dyn Operator,
    execution_id: ExecutionId,
    wanted: ExecutionStatus,
    interrupt: &mut Interrupt,
) -> Result<ExitCode, CliError> {
    let table = operator.table();
    let mut follower = Follower::of(context, table, execution_id);
    let Some(finished) = follower.during(operator.wait(execution_id), interrupt).await else {
        context.say_how_to_resume();
        return Ok(ended_by_signal(interrupt));
    };
    let finished = finished?;
    let view = table.summary(execution_id).await?.ok_or_else(|| FindError::NotFound(execution_id.to_string()))?;
    print_finished(context, table, finished, &view, wanted).await
}

/// Prints an execution that ended. With a closed pipe the exit code still says how it ended.
async fn print_ended(
    context: &Context,
    table: &ControlTable,
    view: &ExecutionSummary,
    wanted: ExecutionStatus,
) -> Result<ExitCode, CliError> {
    match summary::print(&context.output, &ExecutionView::of(table, view.clone()).await?) {
        Ok(()) | Err(crate::output::OutputError::Closed) => {}
        Err(error) => return Err(error.into()),
    }
    if view.failed > 0 {
        let failures = context.command(format_args!("failures {}", view.execution_id));
        context.output.note(format_args!("{failures} shows what failed, and why"));
    }
    Ok(exit_code(view, wanted))
}

/// Prints an execution that this process saw to its end. An undelivered event is a failure, too: the next job waits for it.
async fn print_finished(
    context: &Context,
    table: &ControlTable,
    finished: Finished,
    view: &ExecutionSummary,
    wanted: ExecutionStatus,
) -> Result<ExitCode, CliError> {
    let code = print_ended(context, table, view, wanted).await?;
    if finished.notification_failures > 0 {
        let times = finished.notification_failures;
        context.output.warn(format_args!("a command for a notification failed, {times} times; `-v` logs what it said"));
    }
    if finished.is_published {
        return Ok(code);
    }
    let resume = context.command("resume");
    context.output.warn(format_args!(
        "the execution is over, but its completion event could not be delivered; {resume} tries again"
    ));
    Ok(ExitCode::from(FAILED))
}
