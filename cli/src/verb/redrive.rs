//! `redrive ID`.

use std::process::ExitCode;

use control_table::rows::ExecutionStatus;

use super::{follow_to_end, shut_down};
use crate::args::RedriveArgs;
use crate::context::Context;
use crate::error::CliError;

pub(super) async fn execute(context: &Context, args: &RedriveArgs) -> Result<ExitCode, CliError> {
    // Asked before the system is started: a mistyped ID should not set anything else in motion.
    let execution_id = context.find(&args.execution).await?;
    let mut interrupt = context.take_signals();
    let operator = context.start(&args.system).await?;
    let ended = async {
        let report = operator.redrive(execution_id, args.selection()).await?;
        let (segments, generation) = (report.segments, report.generation);
        context.output.note(format_args!("generation {generation} runs {segments} of its segments again"));
        follow_to_end(context, &*operator, execution_id, ExecutionStatus::Succeeded, &mut interrupt).await
    };
    let ended = ended.await;
    shut_down(&*operator, &interrupt).await;
    ended
}
