//! `logs ID`.

mod follow;

use std::process::ExitCode;

use local::logs::{AttemptLog, HookLog, attempts_of, hooks_of};
use serde_json::{Value, json};

use crate::args::LogsArgs;
use crate::context::Context;
use crate::error::CliError;
use crate::job::UsageError;
use crate::output::{Colour, Line, Output, OutputError};

/// Prints what the attempts at segments have printed, in the order of segments and attempts, then what the hooks have.
pub(super) async fn execute(context: &Context, args: &LogsArgs) -> Result<ExitCode, CliError> {
    if context.is_deployed() {
        return Err(UsageError::OnlyHere("logs").into());
    }
    let execution_id = context.find(&args.execution).await?;
    if args.follow {
        return Box::pin(follow::follow(context, args, execution_id)).await;
    }
    let data_dir = context.data_dir()?;
    let unreadable = |source| CliError::Logs { execution_id, source };
    let mut found = false;
    for log in attempts_of(&data_dir, execution_id).map_err(unreadable)? {
        if is_wanted(args, &log) {
            found = true;
            let text = std::fs::read(&log.path).map_err(unreadable)?;
            print(&context.output, &Piece::of_attempt(&log, &text), true)?;
        }
    }
    // A hook is of no segment.
    if args.segment.is_none() && args.attempt.is_none() {
        for log in hooks_of(&data_dir, execution_id).map_err(unreadable)? {
            found = true;
            let text = std::fs::read(&log.path).map_err(unreadable)?;
            print(&context.output, &Piece::of_hook(&log, &text), true)?;
        }
    }
    if !found && !context.output.is_json() {
        context.output.note("no such attempt has printed anything: the output of `exec` and of hooks is kept");
    }
    Ok(ExitCode::SUCCESS)
}

fn is_wanted(args: &LogsArgs, log: &AttemptLog) -> bool {
    args.segment.is_none_or(|segment| log.segment == segment)
        && args.attempt.is_none_or(|attempt| log.attempt == attempt)
}

/// Output of one command.
struct Piece {
    title: String,
    json: Value,
    text: String,
}

impl Piece {
    fn of_attempt(log: &AttemptLog, text: &[u8]) -> Self {
        let AttemptLog { segment, generation, attempt, .. } = log;
        let text = String::from_utf8_lossy(text).into_owned();
        Self {
            title: format!("segment {segment}, generation {generation}, attempt {attempt}"),
            json: json!({ "segment": segment, "generation": generation, "attempt": attempt, "output": text }),
            text,
        }
    }

    fn of_hook(log: &HookLog, text: &[u8]) -> Self {
        let HookLog { hook, event_id, .. } = log;
        let text = String::from_utf8_lossy(text).into_owned();
        Self {
            title: format!("hook {hook}, event {event_id}"),
            json: json!({ "hook": hook, "event_id": event_id, "output": text }),
            text,
        }
    }
}

fn print(output: &Output, piece: &Piece, has_title: bool) -> Result<(), OutputError> {
    if output.is_json() {
        return output.value(&piece.json);
    }
    if has_title {
        output.line(Line::painted(Colour::Dim, &piece.title))?;
    }
    for line in piece.text.lines() {
        output.line(line)?;
    }
    Ok(())
}
