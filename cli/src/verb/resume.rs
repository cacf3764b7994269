//! `resume [ID]`.

use std::process::ExitCode;

use control_table::id::ExecutionId;
use control_table::rows::{ExecutionStatus, PlanKind};
use engine::Operator;

use super::{follow_to_end, shut_down};
use crate::args::{IdArgs, ResumeArgs};
use crate::context::Context;
use crate::error::CliError;
use crate::interrupt::Interrupt;

pub(super) async fn execute(context: &Context, args: ResumeArgs) -> Result<ExitCode, CliError> {
    let mut interrupt = context.take_signals();
    let execution = args.id.map(|id| IdArgs { id, job: args.job });
    // Starting is resuming: the system continues every execution that it finds open.
    let operator = context.start(&args.system).await?;
    let ended = wait(context, &*operator, execution.as_ref(), &mut interrupt).await;
    shut_down(&*operator, &interrupt).await;
    ended
}

/// The executions that this process can finish. An external one without its seal is named and not waited for: no other process can
/// add to it, or seal it, while this one has the directory.
async fn left_open(context: &Context, operator: &dyn Operator) -> Result<Vec<ExecutionId>, CliError> {
    let table = operator.table();
    let mut open = Vec::new();
    for execution_id in operator.resume().await? {
        let execution = table.execution(execution_id).await?;
        let is_unsealed = execution.is_some_and(|row| row.status == ExecutionStatus::Scattering);
        let plan = if is_unsealed { table.plan(execution_id).await? } else { None };
        if plan.is_some_and(|plan| plan.kind == PlanKind::External) {
            let seal = context.command(format_args!("seal {execution_id}"));
            context.output.note(format_args!("{execution_id} may get more segments: {seal} ends it"));
        } else {
            open.push(execution_id);
        }
    }
    Ok(open)
}

/// Waits for the executions one after the other; they all go on meanwhile.
async fn wait(
    context: &Context,
    operator: &dyn Operator,
    execution: Option<&IdArgs>,
    interrupt: &mut Interrupt,
) -> Result<ExitCode, CliError> {
    let table = operator.table();
    let open = match execution {
        Some(execution) => {
            operator.resume().await?;
            vec![context.resolve(table, execution).await?]
        }
        None => left_open(context, operator).await?,
    };
    if open.is_empty() {
        context.output.note("nothing is unfinished");
    }
    let mut worst = ExitCode::SUCCESS;
    for execution_id in open {
        let code = follow_to_end(context, operator, execution_id, ExecutionStatus::Succeeded, interrupt).await?;
        if code != ExitCode::SUCCESS {
            worst = code;
        }
        if interrupt.is_set() {
            break;
        }
    }
    Ok(worst)
}
