//! One file a verb.

mod import;
mod list;
mod local;
mod resume;
mod run;
mod segments;
mod status;
mod watch;

use std::process::ExitCode;

use control_table::item::ExecutionStatus;
use control_table::view::ExecutionView;

use ::local::system::Finished;

use crate::args::Verb;
use crate::context::Context;
use crate::error::{CliError, FAILED};

/// Does what was asked.
pub async fn execute(context: &Context, verb: Verb) -> Result<ExitCode, CliError> {
    match verb {
        Verb::Import(args) => import::execute(context, args).await,
        Verb::Run(args) => Box::pin(run::execute(context, *args)).await,
        Verb::Status(args) => status::execute(context, &args.id).await,
        Verb::List(args) => list::execute(context, args).await,
        Verb::Segments(args) => segments::execute(context, &args).await,
        Verb::Watch(args) => Box::pin(watch::execute(context, &args.id)).await,
        Verb::Resume(args) => Box::pin(resume::execute(context, args)).await,
        Verb::Local(args) => local::execute(context, args).await,
    }
}

/// What a run's outcome is to the shell.
fn exit_code(view: &ExecutionView) -> ExitCode {
    if view.status == ExecutionStatus::Succeeded { ExitCode::SUCCESS } else { ExitCode::from(FAILED) }
}

/// Prints a run that ended. Whoever closed the pipe still learns from the exit code how it ended.
fn print_ended(context: &Context, view: &ExecutionView) -> Result<ExitCode, CliError> {
    match crate::summary::print(&context.output, view) {
        Ok(()) | Err(crate::output::OutputError::Closed) => {}
        Err(error) => return Err(error.into()),
    }
    if view.failed > 0 {
        let (program, id) = (&context.program, view.execution_id);
        context.output.note(format_args!("`{program} segments {id} --status failed` shows what failed"));
    }
    Ok(exit_code(view))
}

/// Prints a run that this process saw to its end. An event that nobody got is a failure, too: what comes next waits for it.
fn print_finished(context: &Context, finished: &Finished, view: &ExecutionView) -> Result<ExitCode, CliError> {
    let code = print_ended(context, view)?;
    if finished.is_published {
        return Ok(code);
    }
    let program = &context.program;
    context.output.warn(format_args!(
        "the run is over, but its completion event could not be delivered; `{program} resume` tries again"
    ));
    Ok(ExitCode::from(FAILED))
}
