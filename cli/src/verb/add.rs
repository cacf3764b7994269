//! `add ID`.

use std::path::Path;
use std::process::ExitCode;

use control_table::id::ExecutionId;
use engine::{EngineError, Operator, OperatorError};
use serde_json::{Value, json};
use text::{Lines, Text, TextError};
use tokio::sync::mpsc::Receiver;

use crate::args::AddArgs;
use crate::context::Context;
use crate::error::CliError;
use crate::format::counted;
use crate::job::UsageError;

/// Specs that are added at once. Never another number: a repeated add knows each of its parts again only if they are cut at the
/// same places. Ten groups' worth.
const CHUNK: usize = 960;

/// The longest line. A spec has at most 16 KiB, and some white space is allowed for.
const LINE_MAX: usize = 64 * 1024;

/// The file, a line at a time.
struct Specs {
    lines: Lines,
}

/// Why an add stopped.
struct Stopped {
    reason: String,
    remedy: Remedy,
}

/// What makes the rest of the file a part of the execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Remedy {
    /// The same command.
    Repeat,
    /// The same command after a correction of the file.
    Correct,
    /// None: the message says why.
    None,
}

impl Remedy {
    fn advice(self, token: &str) -> String {
        match self {
            Self::Repeat => format!(". Nothing is added twice: repeat with --token {token}"),
            Self::Correct => format!(
                ". Nothing is added twice: correct the line, leave the lines before it as they are, and repeat with --token {token}"
            ),
            Self::None => String::new(),
        }
    }
}

impl From<OperatorError> for Stopped {
    fn from(error: OperatorError) -> Self {
        let remedy = match &error {
            error if error.is_retryable() => Remedy::Repeat,
            OperatorError::Engine(EngineError::InvalidAdd { .. }) => Remedy::Correct,
            _ => Remedy::None,
        };
        Self { reason: error.to_string(), remedy }
    }
}

pub(super) async fn execute(context: &Context, args: &AddArgs) -> Result<ExitCode, CliError> {
    let execution_id = context.find(&args.execution).await?;
    let specs = Specs::open(&args.file)?;
    let token = args.token.clone().unwrap_or_else(|| context.entropy().nonce());
    let mut interrupt = context.take_signals();
    let operator = context.start(&args.system).await?;
    let mut added = 0;
    let ended = tokio::select! {
        () = interrupt.wait() => Err(Stopped { reason: "it was interrupted".to_owned(), remedy: Remedy::Repeat }),
        ended = add_all(&*operator, execution_id, &token, specs, &mut added) => ended,
    };
    super::shut_down(&*operator, &interrupt).await;
    if let Err(Stopped { reason, remedy }) = ended {
        let (advice, retryable) = (remedy.advice(&token), remedy == Remedy::Repeat);
        let error = CliError::Add { execution_id, added, reason, advice, retryable };
        let Some(code) = interrupt.exit_code() else { return Err(error) };
        context.output.error(&error);
        return Ok(code);
    }
    let output = &context.output;
    if output.is_json() {
        output.value(&json!({ "execution_id": execution_id, "segments": added, "token": token }))?;
    } else {
        output.line(format_args!("{} added to {execution_id}", counted(added, "segment")))?;
        let seal = context.command(format_args!("seal {execution_id}"));
        output.note(format_args!("{seal} says that these are all"));
    }
    Ok(ExitCode::SUCCESS)
}

async fn add_all(
    operator: &dyn Operator,
    execution_id: ExecutionId,
    token: &str,
    specs: Specs,
    added: &mut u64,
) -> Result<(), Stopped> {
    let mut chunks = read_ahead(specs);
    for part in 0_u64.. {
        let refused = |error: TextError| Stopped { reason: error.to_string(), remedy: Remedy::Correct };
        let lost = || Stopped { reason: "the thread that reads the specs was lost".to_owned(), remedy: Remedy::Repeat };
        let chunk = chunks.recv().await.ok_or_else(lost)?.map_err(refused)?;
        if chunk.is_empty() {
            break;
        }
        let segments = chunk.len() as u64;
        operator.add(execution_id, &format!("{token}.{part}"), chunk).await?;
        *added += segments;
    }
    Ok(())
}

impl Specs {
    fn open(path: &Path) -> Result<Self, UsageError> {
        Ok(Self { lines: Lines::new(Text::open_or_stdin(path)?, LINE_MAX) })
    }

    /// The next specs, as many as go together; none at the end.
    fn chunk(&mut self) -> Result<Vec<Value>, TextError> {
        let mut chunk = Vec::new();
        while chunk.len() < CHUNK {
            let Some(line) = self.lines.next_line()? else { break };
            if line.text.trim().is_empty() {
                continue;
            }
            let number = line.number;
            chunk.push(text::json_value(line.text).map_err(|error| error.in_line(self.lines.text(), number))?);
        }
        Ok(chunk)
    }
}

/// Reads the specs on a thread of its own, which may wait for standard input while the process ends.
fn read_ahead(mut specs: Specs) -> Receiver<Result<Vec<Value>, TextError>> {
    let (sender, chunks) = tokio::sync::mpsc::channel(1);
    std::thread::spawn(move || {
        loop {
            let chunk = specs.chunk();
            let is_last = chunk.as_ref().map_or(true, Vec::is_empty);
            // Nothing is received any more: the add has stopped.
            if sender.blocking_send(chunk).is_err() || is_last {
                return;
            }
        }
    });
    chunks
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read as _};

    use super::*;

    fn specs(text: &'static str) -> Specs {
        Specs { lines: Lines::new(Text::from_reader("specs", Cursor::new(text)).unwrap(), LINE_MAX) }
    }

    fn refusal(text: &'static str) -> String {
        specs(text).chunk().unwrap_err().to_string()
    }

    #[test]
    fn specs_are_read_line_by_line_and_a_bad_one_is_named() {
        let mut good = specs("\u{feff}{\"a\": 1}\r\n\r\n  2\n\"x\"");
        assert_eq!(good.chunk().unwrap(), [json!({"a": 1}), json!(2), json!("x")]);
        assert!(good.chunk().unwrap().is_empty());
        assert!(refusal("1\r\n\r\n{oops\r\n3").starts_with("specs, line 3, column 2: not JSON"));
        assert!(refusal("{\"a\":1,\"a\":2}").contains("\"a\" comes twice"));
    }

    #[test]
    fn a_number_is_added_as_it_is_written_or_refused() {
        let kept = "{\"id\":18446744073709551615,\"p\":19.999999999999996,\"e\":0.1}";
        assert_eq!(specs(kept).chunk().unwrap()[0].to_string().len(), kept.len());
        let refusal = refusal("1\n{\"id\":123456789012345678901234}");
        assert!(refusal.starts_with("specs, line 2, column 7: the number 123456789012345678901234 "), "{refusal}");
    }

    #[test]
    fn a_line_without_an_end_is_refused_before_it_fills_the_memory() {
        let endless = Text::from_reader("specs", std::io::repeat(b'1').take(1 << 40)).unwrap();
        let stopped = Specs { lines: Lines::new(endless, LINE_MAX) }.chunk().unwrap_err().to_string();
        assert!(stopped.contains("longer than 65536 bytes"), "{stopped}");
    }
}
