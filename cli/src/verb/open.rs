//! `open`.

use std::process::ExitCode;

use serde_json::json;

use crate::args::RunArgs;
use crate::context::Context;
use crate::error::CliError;
use crate::job::{Job, RunPlan};

/// Prints the ID alone, so that a script can keep it: `id=$(scatterctl open --job j ...)`.
pub(super) async fn execute(context: &Context, args: &RunArgs) -> Result<ExitCode, CliError> {
    let job = Job::from_args(args, context.work.is_some())?.for_open()?;
    let RunPlan { event, system: system_args } = context.plan(job)?;
    let request_id = context.entropy().uuid_v7(context.now()).to_string();
    let operator = context.start(&system_args).await?;
    let answer = operator.open(event, &request_id).await;
    operator.shutdown().await;
    let answer = answer?;
    let output = &context.output;
    if output.is_json() {
        output.value(&json!({ "execution_id": answer.execution_id, "opened": answer.opened }))?;
        return Ok(ExitCode::SUCCESS);
    }
    if !answer.opened {
        output.note(format_args!("key {} has this execution already", answer.key));
    }
    output.line(answer.execution_id)?;
    Ok(ExitCode::SUCCESS)
}
