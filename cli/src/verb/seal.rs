//! `seal ID`.

use std::process::ExitCode;

use control_table::rows::ExecutionStatus;

use super::{follow_to_end, shut_down};
use crate::args::SealArgs;
use crate::context::Context;
use crate::error::CliError;

pub(super) async fn execute(context: &Context, args: &SealArgs) -> Result<ExitCode, CliError> {
    let execution_id = context.find(&args.execution).await?;
    let mut interrupt = context.take_signals();
    let operator = context.start(&args.system).await?;
    let ended = async {
        operator.seal(execution_id).await?;
        follow_to_end(context, &*operator, execution_id, ExecutionStatus::Succeeded, &mut interrupt).await
    };
    let ended = ended.await;
    shut_down(&*operator, &interrupt).await;
    ended
}
