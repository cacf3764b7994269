//! `repair ID`.

use std::process::ExitCode;

use control_table::id::ExecutionId;
use control_table::rows::ExecutionStatus;
use engine::operate::{RepairMode, RepairReport};

use super::{follow_to_end, shut_down};
use crate::args::{IdArgs, RepairArgs};
use crate::context::Context;
use crate::error::{CliError, DIFFERENCES, FAILED};
use crate::output::OutputError;

pub(super) async fn execute(context: &Context, args: &RepairArgs) -> Result<ExitCode, CliError> {
    let execution_id = resolve(context, &args.execution).await?;
    if args.dry_run {
        // Starts no system: its sweeper would correct differences by itself.
        let report = context.bystander().await?.repair(execution_id, RepairMode::DryRun).await?;
        let is_clean = report.differences.is_empty() && report.unsettled.is_empty();
        print(context, &report)?;
        if !is_clean {
            let repair = context.command(format_args!("repair {execution_id}"));
            context.output.note(format_args!("nothing was changed: {repair} makes these corrections"));
        }
        return Ok(if is_clean { ExitCode::SUCCESS } else { ExitCode::from(DIFFERENCES) });
    }
    let mut interrupt = context.take_signals();
    let operator = context.start(&args.system).await?;
    let ended = async {
        let report = operator.repair(execution_id, RepairMode::Correct).await?;
        print(context, &report)?;
        if !is_corrected(&report) {
            return Ok(ExitCode::from(FAILED));
        }
        // With --json the differences are the answer; `status` shows how the execution ends.
        if context.output.is_json() {
            tokio::select! {
                () = interrupt.wait() => {}
                finished = operator.wait(execution_id) => drop(finished?),
            }
        } else {
            follow_to_end(context, &*operator, execution_id, ExecutionStatus::Succeeded, &mut interrupt).await?;
        }
        Ok(interrupt.exit_code().unwrap_or(ExitCode::SUCCESS))
    };
    let ended = ended.await;
    shut_down(&*operator, &interrupt).await;
    ended
}

/// Takes a full ID as it is, because the row of a damaged execution may be missing.
async fn resolve(context: &Context, execution: &IdArgs) -> Result<ExecutionId, CliError> {
    if let Ok(execution_id) = execution.id.to_ascii_lowercase().parse() {
        return Ok(execution_id);
    }
    context.find(execution).await
}

fn is_corrected(report: &RepairReport) -> bool {
    report.unsettled.is_empty() && report.differences.iter().all(|difference| difference.repairable)
}

fn print(context: &Context, report: &RepairReport) -> Result<(), OutputError> {
    let output = &context.output;
    if output.is_json() {
        return output.value(report);
    }
    for difference in &report.differences {
        output.line(difference)?;
    }
    for item in &report.unsettled {
        output.line(format_args!("{item}: changed in every recount; repair again when fewer workers are active"))?;
    }
    if report.differences.is_empty() && report.unsettled.is_empty() {
        output.line("nothing differs: tallies and sums are what the segments say")?;
    }
    Ok(())
}
