//! `add ID`.

use std::path::Path;
use std::process::ExitCode;

use control_table::id::ExecutionId;
use engine::{EngineError, Operator, OperatorError};
use serde_json::{Value, json};
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, BufReader};

use crate::args::AddArgs;
use crate::context::Context;
use crate::error::CliError;
use crate::format::counted;
use crate::interrupt::Interrupt;
use crate::job::UsageError;

/// Specs that are added at once. Never another number: a repeated add knows each of its parts again only if they are cut at the
/// same places. Ten groups' worth.
const CHUNK: usize = 960;

/// The longest line. A spec has at most 16 KiB, and some white space is allowed for.
const LINE_MAX: u64 = 64 * 1024;

/// The file, a line at a time.
struct Specs {
    lines: Box<dyn AsyncBufRead + Send + Unpin>,
    line: u64,
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
    let execution_id = context.find(&args.id).await?;
    let mut specs = Specs::open(&args.file).await?;
    let token = args.token.clone().unwrap_or_else(|| context.entropy().nonce());
    let mut interrupt = Interrupt::install(&context.output);
    let operator = context.start(&args.system).await?;
    let mut added = 0;
    let ended = tokio::select! {
        () = interrupt.wait() => Err(Stopped { reason: "it was interrupted".to_owned(), remedy: Remedy::Repeat }),
        ended = add_all(&*operator, execution_id, &token, &mut specs, &mut added) => ended,
    };
    operator.shutdown().await;
    if let Err(Stopped { reason, remedy }) = ended {
        let (advice, retryable) = (remedy.advice(&token), remedy == Remedy::Repeat);
        return Err(CliError::Add { execution_id, added, reason, advice, retryable });
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
    specs: &mut Specs,
    added: &mut u64,
) -> Result<(), Stopped> {
    for part in 0_u64.. {
        let chunk = specs.chunk().await?;
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
    async fn open(path: &Path) -> Result<Self, UsageError> {
        if path == Path::new("-") {
            return Ok(Self { lines: Box::new(BufReader::new(tokio::io::stdin())), line: 0 });
        }
        let file = tokio::fs::File::open(path).await;
        let file = file.map_err(|source| UsageError::Specs { path: path.to_owned(), source })?;
        Ok(Self { lines: Box::new(BufReader::new(file)), line: 0 })
    }

    /// The next specs, as many as go together; none at the end.
    async fn chunk(&mut self) -> Result<Vec<Value>, Stopped> {
        let mut chunk = Vec::new();
        while chunk.len() < CHUNK {
            let mut line = Vec::new();
            let read = (&mut self.lines).take(LINE_MAX).read_until(b'\n', &mut line).await;
            self.line += 1;
            let read = read.map_err(|error| self.stopped(&error))?;
            if read == 0 {
                break;
            }
            if read as u64 == LINE_MAX && line.last() != Some(&b'\n') {
                return Err(self.stopped(&format_args!("it has more than {LINE_MAX} bytes, and no spec has")));
            }
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            chunk.push(serde_json::from_slice(&line).map_err(|error| self.stopped(&error))?);
        }
        Ok(chunk)
    }

    fn stopped(&self, what: &dyn std::fmt::Display) -> Stopped {
        Stopped { reason: format!("line {} is not a spec in JSON: {what}", self.line), remedy: Remedy::Correct }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn specs(text: &'static str) -> Specs {
        Specs { lines: Box::new(text.as_bytes()), line: 0 }
    }

    #[tokio::test]
    async fn specs_are_read_line_by_line_and_a_bad_one_is_named() {
        let mut good = specs("{\"a\": 1}\n\n  2\n\"x\"");
        assert_eq!(good.chunk().await.ok().unwrap(), [json!({"a": 1}), json!(2), json!("x")]);
        assert!(good.chunk().await.ok().unwrap().is_empty());
        let stopped = specs("1\n{oops\n3").chunk().await.err().unwrap();
        assert!(stopped.reason.starts_with("line 2 is not"), "{}", stopped.reason);
    }

    #[tokio::test]
    async fn a_line_without_an_end_is_refused_before_it_fills_the_memory() {
        let endless = Specs { lines: Box::new(BufReader::new(tokio::io::repeat(b'1'))), line: 0 };
        let stopped = { endless }.chunk().await.err().unwrap();
        assert!(stopped.reason.contains("more than 65536 bytes"), "{}", stopped.reason);
    }
}
