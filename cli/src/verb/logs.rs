//! `logs ID`.

use std::process::ExitCode;

use local::logs::{AttemptLog, attempts_of};
use serde_json::json;

use crate::args::LogsArgs;
use crate::context::Context;
use crate::error::CliError;
use crate::job::UsageError;
use crate::output::{Colour, Line};

/// Prints what the attempts at segments have printed, in the order of segments and attempts.
pub(super) async fn execute(context: &Context, args: &LogsArgs) -> Result<ExitCode, CliError> {
    if context.is_deployed() {
        return Err(UsageError::OnlyHere("logs").into());
    }
    let execution_id = context.find(&args.id).await?;
    let data_dir = context.data_dir()?;
    let unreadable = |source| CliError::Logs { execution_id, source };
    let logs = attempts_of(&data_dir, execution_id).map_err(unreadable)?;
    let wanted = |log: &&AttemptLog| {
        args.segment.is_none_or(|segment| log.segment == segment)
            && args.attempt.is_none_or(|attempt| log.attempt == attempt)
    };
    let output = &context.output;
    let mut found = false;
    for log in logs.iter().filter(wanted) {
        found = true;
        let text = String::from_utf8_lossy(&std::fs::read(&log.path).map_err(unreadable)?).into_owned();
        let AttemptLog { segment, generation, attempt, .. } = log;
        if output.is_json() {
            output
                .value(&json!({ "segment": segment, "generation": generation, "attempt": attempt, "output": text }))?;
            continue;
        }
        let title = format!("segment {segment}, generation {generation}, attempt {attempt}");
        output.line(Line::painted(Colour::Dim, title))?;
        for line in text.lines() {
            output.line(line)?;
        }
    }
    if !found && !output.is_json() {
        output.note("no such attempt has printed anything: only the output of `exec` is kept");
    }
    Ok(ExitCode::SUCCESS)
}
