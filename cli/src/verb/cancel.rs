//! `cancel ID`.

use std::process::ExitCode;

use control_table::ControlTable;
use control_table::id::ExecutionId;
use control_table::item::{ExecutionRow, ExecutionStatus, Stop};
use control_table::op::{Cancel, CancelOutcome};

use super::{follow_to_end, watch};
use crate::args::CancelArgs;
use crate::context::Context;
use crate::error::CliError;
use crate::execution::IdError;
use crate::interrupt::Interrupt;

/// First the one write after which nothing of the run starts, beside whatever process works on it; then the rest: by that
/// process, whose sweeper sees it at its next tick, or by this one, if there is none.
pub(super) async fn execute(context: &Context, args: &CancelArgs) -> Result<ExitCode, CliError> {
    let mut interrupt = Interrupt::install(&context.output);
    let execution_id = {
        let database = context.beside().await?;
        let table = database.control_table();
        let execution_id = context.resolve(table, &args.id).await?;
        begin(context, table, execution_id).await?;
        execution_id
    };
    let wanted = ExecutionStatus::Cancelled;
    let Some(system) = context.start_if_free(&args.system).await? else {
        return Box::pin(watch::follow(context, execution_id, wanted, &mut interrupt)).await;
    };
    let ended = async {
        system.cancel(execution_id, Stop::Requested).await?;
        follow_to_end(context, &system, execution_id, wanted, &mut interrupt).await
    };
    let ended = ended.await;
    system.shutdown().await;
    ended
}

async fn begin(context: &Context, table: &ControlTable, execution_id: ExecutionId) -> Result<(), CliError> {
    let missing = || IdError::NotFound(execution_id.to_string());
    let ExecutionRow { generation, .. } = table.execution(execution_id).await?.ok_or_else(missing)?;
    // Due at once: the process that works on it, if there is one, goes on from here.
    let due_at = context.timestamp();
    let request = Cancel { execution_id, generation, reason: Stop::Requested, due_at };
    match table.cancel(&request).await? {
        CancelOutcome::Cancelling(_) | CancelOutcome::AlreadyCancelling(_) => Ok(()),
        CancelOutcome::AlreadyComplete(row) => {
            let status = row.status.as_str();
            context.output.note(format_args!("{execution_id} is {status} already: there is nothing to cancel"));
            Ok(())
        }
        CancelOutcome::Redriving => Err(CliError::Redriving { execution_id }),
        CancelOutcome::Stale { .. } => Err(CliError::Changed { execution_id }),
        CancelOutcome::Missing => Err(missing().into()),
    }
}
