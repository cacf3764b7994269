//! `set ID`.

use std::process::ExitCode;

use control_table::op::{SetPolicy, SetPolicyOutcome};
use control_table::policy::Policy;
use serde_json::json;

use crate::args::SetArgs;
use crate::context::Context;
use crate::error::CliError;
use crate::execution::IdError;
use crate::job::UsageError;

/// One conditional write, beside whatever process works on the run: that one sees it at its next look.
pub(super) async fn execute(context: &Context, args: &SetArgs) -> Result<ExitCode, CliError> {
    check(args)?;
    let database = context.beside().await?;
    let table = database.control_table();
    let execution_id = context.resolve(table, &args.id).await?;
    let SetArgs { max_concurrency, tolerated_failures, .. } = *args;
    let policy = match table.set_policy(&SetPolicy { execution_id, max_concurrency, tolerated_failures }).await? {
        SetPolicyOutcome::Set(row) => row.policy,
        SetPolicyOutcome::NotLimited => return Err(CliError::NotLimited { execution_id }),
        SetPolicyOutcome::Missing => return Err(IdError::NotFound(args.id.clone()).into()),
    };
    print(context, execution_id, &policy)?;
    Ok(ExitCode::SUCCESS)
}

/// What a policy of such limits would be refused for.
fn check(args: &SetArgs) -> Result<(), UsageError> {
    let usual = Policy::default();
    let tolerated_failures = args.tolerated_failures.unwrap_or(usual.tolerated_failures);
    Ok(Policy { max_concurrency: args.max_concurrency, tolerated_failures, ..usual }.validate()?)
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
