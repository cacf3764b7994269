//! `set ID`.

use std::process::ExitCode;

use control_table::policy::Policy;
use engine::operate::LimitChange;
use serde_json::json;

use crate::args::SetArgs;
use crate::context::Context;
use crate::error::CliError;

/// One conditional write, beside the process that works on the execution: that one sees it at its next look.
pub(super) async fn execute(context: &Context, args: &SetArgs) -> Result<ExitCode, CliError> {
    let execution_id = context.find(&args.execution).await?;
    let SetArgs { max_concurrency, tolerated_failures, .. } = *args;
    let change = LimitChange { max_concurrency, tolerated_failures };
    let policy = context.bystander().await?.set(execution_id, change).await?;
    print(context, execution_id, &policy)?;
    Ok(ExitCode::SUCCESS)
}

fn print(context: &Context, execution_id: control_table::id::ExecutionId, policy: &Policy) -> Result<(), CliError> {
    let (limit, tolerated) = (policy.max_concurrency, policy.tolerated_failures);
    let output = &context.output;
    if output.is_json() {
        let answer = json!({
            "execution_id": execution_id, "max_concurrency": limit, "tolerated_failures": tolerated
        });
        return Ok(output.value(&answer)?);
    }
    let limit = limit.map_or_else(|| "as many as there are workers".to_owned(), |limit| limit.to_string());
    output.line(format_args!("{execution_id}: in flight at once: {limit}; failures tolerated: {tolerated}"))?;
    Ok(())
}
