//! `cost`.

use std::process::ExitCode;

use crate::args::CostArgs;
use crate::context::Context;
use crate::cost;
use crate::error::CliError;

/// Reckons; needs neither a data directory nor AWS.
pub(super) fn execute(context: &Context, args: &CostArgs) -> Result<ExitCode, CliError> {
    let (output, load) = (&context.output, args.load());
    if output.is_json() {
        output.value(&cost::json(&load))?;
    } else {
        output.line(cost::text(&load).join("\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}
