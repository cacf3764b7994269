//! `failures ID`.

use std::process::ExitCode;

use api::view::{Failure, Failures};

use crate::args::FailuresArgs;
use crate::context::Context;
use crate::error::CliError;
use crate::execution::IdError;
use crate::format::grouped;
use crate::output::{Colour, Line, Output};

pub(super) async fn execute(context: &Context, args: &FailuresArgs) -> Result<ExitCode, CliError> {
    let database = context.read().await?;
    let table = database.control_table();
    let execution_id = context.resolve(table, &args.id).await?;
    let execution = table.execution(execution_id).await?.ok_or_else(|| IdError::NotFound(args.id.clone()))?;
    let failures = Failures::read(table, execution_id, execution.groups, usize::MAX).await?;
    if context.output.is_json() {
        context.output.value(&failures)?;
    } else {
        print(&context.output, &failures.failures, failures.others)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn print(output: &Output, failures: &[Failure], others: u64) -> Result<(), CliError> {
    if failures.is_empty() {
        output.note("no segment failed");
        return Ok(());
    }
    output.line(Line::painted(Colour::Dim, format_args!("{:>9}  {:<14}  MESSAGE", "SEGMENTS", "KIND")))?;
    for failure in failures {
        let kind = serde_json::to_value(failure.kind).map_err(crate::output::OutputError::from)?;
        let (count, kind) = (grouped(failure.count), kind.as_str().unwrap_or_default());
        output.line(Line::from(format_args!("{count:>9}  {kind:<14}  ")).paint(Colour::Red, &failure.message))?;
        let examples: Vec<String> = failure.examples.iter().map(u64::to_string).collect();
        let more = if failure.count > examples.len() as u64 { ", …" } else { "" };
        let examples = format_args!("{:>27}segments {}{more}", "", examples.join(", "));
        output.line(Line::painted(Colour::Dim, examples))?;
    }
    if others > 0 {
        output.line(format_args!("{:>9}  with yet other messages", grouped(others)))?;
    }
    Ok(())
}
