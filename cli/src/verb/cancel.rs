//! `cancel ID`.

use std::process::ExitCode;

use control_table::rows::ExecutionStatus;

use super::{follow_to_end, shut_down, watch};
use crate::args::CancelArgs;
use crate::context::Context;
use crate::error::CliError;

/// First the one write after which nothing of the execution starts, beside whatever process works on it; then the rest: by that
/// process, whose sweeper sees it at its next tick, or by this one, if there is none.
pub(super) async fn execute(context: &Context, args: &CancelArgs) -> Result<ExitCode, CliError> {
    let mut interrupt = context.take_signals();
    let execution_id = context.find(&args.execution).await?;
    // Beside the process that works on it, if there is one: that one cancels its segments.
    if context.bystander().await?.cancel(execution_id).await?.was_complete {
        context.output.note(format_args!("{execution_id} is complete already: there is nothing to cancel"));
    }
    let wanted = ExecutionStatus::Cancelled;
    let Some(operator) = context.start_if_free(&args.system).await? else {
        return Box::pin(watch::follow(context, execution_id, wanted, &mut interrupt)).await;
    };
    let ended = async {
        operator.cancel(execution_id).await?;
        follow_to_end(context, &*operator, execution_id, wanted, &mut interrupt).await
    };
    let ended = ended.await;
    shut_down(&*operator, &interrupt).await;
    ended
}
