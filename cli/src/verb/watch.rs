//! `watch ID`.

use std::process::ExitCode;
use std::time::Duration;

use control_table::ControlTable;
use control_table::id::ExecutionId;
use control_table::read::FindError;
use control_table::rows::ExecutionStatus;

use super::{ended_by_signal, follow_to_end, print_ended};
use crate::args::{IdArgs, SystemArgs};
use crate::context::Context;
use crate::error::CliError;
use crate::follow::Follower;
use crate::interrupt::Interrupt;

/// How often it is looked whether the execution has ended.
const LOOK: Duration = Duration::from_millis(300);

/// Looks without any change after which it is worth a word.
const STILL: u32 = 40;

pub(super) async fn execute(context: &Context, execution: &IdArgs) -> Result<ExitCode, CliError> {
    let execution_id = context.find(execution).await?;
    let mut interrupt = context.take_signals_while_watching();
    if context.is_deployed() {
        let operator = context.start(&SystemArgs::default()).await?;
        return follow_to_end(context, &*operator, execution_id, ExecutionStatus::Succeeded, &mut interrupt).await;
    }
    Box::pin(follow(context, execution_id, ExecutionStatus::Succeeded, &mut interrupt)).await
}

/// Follows an execution that another process works on to its end, and prints it.
pub(super) async fn follow(
    context: &Context,
    execution_id: ExecutionId,
    wanted: ExecutionStatus,
    interrupt: &mut Interrupt,
) -> Result<ExitCode, CliError> {
    let database = context.read().await?;
    let table = database.control_table();
    if table.execution(execution_id).await?.is_some_and(|row| !row.status.is_terminal()) {
        context.warn_if_left(&database, execution_id).await?;
    }
    let mut follower = Follower::of(context, table, execution_id);
    let Some(ended) = Box::pin(follower.during(ended(context, table, execution_id), interrupt)).await else {
        let program = &context.program;
        context
            .output
            .note(format_args!("the execution is not changed: `{program} watch {execution_id}` follows it again"));
        return Ok(ended_by_signal(interrupt));
    };
    ended?;
    let view = table.summary(execution_id).await?.ok_or_else(|| FindError::NotFound(execution_id.to_string()))?;
    print_ended(context, table, &view, wanted).await
}

/// Waits for the end of an execution that another process works on; warns if no process seems to.
async fn ended(context: &Context, table: &ControlTable, execution_id: ExecutionId) -> Result<(), CliError> {
    let (mut before, mut still) = (None, 0_u32);
    while let Some(execution) = table.execution(execution_id).await? {
        if execution.status.is_terminal() {
            break;
        }
        let view = table.summary(execution_id).await?;
        still = if view == before { still.saturating_add(1) } else { 0 };
        before = view;
        if still == STILL {
            let program = &context.program;
            context.output.warn(format_args!("nothing moves; if no process works on it, `{program} resume` does"));
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}
