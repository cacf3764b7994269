//! `resume [ID]`.

use std::process::ExitCode;

use control_table::item::ExecutionStatus;
use local::System;

use super::print_finished;
use crate::args::ResumeArgs;
use crate::context::Context;
use crate::error::{CliError, FAILED};
use crate::execution::IdError;
use crate::follow::Follower;
use crate::interrupt::Interrupt;

pub(super) async fn execute(context: &Context, args: ResumeArgs) -> Result<ExitCode, CliError> {
    let mut interrupt = Interrupt::install(&context.output);
    // Starting is resuming: the system goes on with whatever it finds unfinished.
    let system = context.start(&args.system).await?;
    let ended = wait(context, &system, args.id.as_deref(), &mut interrupt).await;
    system.shutdown().await;
    ended
}

/// Waits for the runs one after the other; they all go on meanwhile.
async fn wait(
    context: &Context,
    system: &System,
    id: Option<&str>,
    interrupt: &mut Interrupt,
) -> Result<ExitCode, CliError> {
    let table = system.control_table();
    let open = match id {
        Some(id) => vec![context.resolve(table, id).await?],
        None => system.left_open().to_vec(),
    };
    if open.is_empty() {
        context.output.note("nothing is unfinished");
    }
    let mut worst = ExitCode::SUCCESS;
    for execution_id in open {
        let mut follower = Follower::of(&context.output, table, execution_id);
        let Some(finished) = follower.during(system.finished(execution_id), interrupt).await else {
            context.say_how_to_resume();
            return Ok(ExitCode::from(FAILED));
        };
        let finished = finished?;
        let view = table.view(execution_id).await?.ok_or_else(|| IdError::NotFound(execution_id.to_string()))?;
        let code = print_finished(context, &finished, &view, ExecutionStatus::Succeeded)?;
        if code != ExitCode::SUCCESS {
            worst = code;
        }
    }
    Ok(worst)
}
