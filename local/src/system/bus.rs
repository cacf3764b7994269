//! Completion events on one machine: a line in a file, and a command of the user's.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};

use control_table::completion::CompletionEvent;
use control_table::id::ExecutionId;
use control_table::notice::NoticeEvent;
use futures::future::BoxFuture;
use gather::{CompletionBus, PublishError};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};

/// The file of a data directory that gets a line for each completion event.
pub const EVENTS_FILE: &str = "events.jsonl";

/// The file of a data directory that gets a line for each event of an execution that is not complete.
pub const NOTICES_FILE: &str = "notices.jsonl";

/// Where the output of the user's command goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookOutput {
    /// To this process's standard output.
    Stdout,
    /// To its standard error, where standard output is for a program to read.
    Stderr,
}

/// Appends each event to a file, then runs the command with the event on its standard input.
#[derive(Debug)]
pub(super) struct LocalBus {
    events: PathBuf,
    notices: PathBuf,
    on_complete: Option<String>,
    output: HookOutput,
    /// How often the command has failed, by execution: what waits for an execution stops waiting for its event. Bounded by
    /// the executions of one process.
    failures: Mutex<HashMap<ExecutionId, u32>>,
}

/// The command ended otherwise than with success.
#[derive(Debug, thiserror::Error)]
#[error("the command ended with {0}")]
struct CommandFailed(std::process::ExitStatus);

impl LocalBus {
    pub fn new(data_dir: &Path, on_complete: Option<String>, output: HookOutput) -> Self {
        Self {
            events: data_dir.join(EVENTS_FILE),
            notices: data_dir.join(NOTICES_FILE),
            on_complete,
            output,
            failures: Mutex::default(),
        }
    }

    /// How often the event of that execution could not be delivered.
    pub fn failures(&self, execution_id: ExecutionId) -> u32 {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.get(&execution_id).copied().unwrap_or(0)
    }

    fn count_failure(&self, execution_id: ExecutionId) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        *failures.entry(execution_id).or_default() += 1;
    }

    /// One line, in one write: a process that is killed leaves a whole line or none.
    fn append(path: &Path, line: &str) -> std::io::Result<()> {
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path)?;
        file.write_all(format!("{line}\n").as_bytes())
    }

    fn spawn(&self, command: &str, event: &CompletionEvent) -> std::io::Result<Child> {
        let mut child = Command::new("sh");
        child
            .args(["-c", command])
            .env("EXECUTION_ID", event.execution_id.to_string())
            .env("EXECUTION_STATUS", event.status.as_str())
            .env("EVENT_ID", event.event_id.to_string())
            .stdin(Stdio::piped())
            .kill_on_drop(true);
        match self.output {
            HookOutput::Stdout => child.stdout(Stdio::inherit()),
            HookOutput::Stderr => child.stdout(std::io::stderr()),
        };
        child.spawn()
    }

    async fn run(&self, command: &str, event: &CompletionEvent, line: &str) -> Result<(), SendError> {
        let mut child = self.spawn(command, event)?;
        if let Some(mut stdin) = child.stdin.take() {
            // A command that does not read its input is none the worse for it.
            let _ = stdin.write_all(line.as_bytes()).await;
        }
        let status = child.wait().await?;
        if status.success() { Ok(()) } else { Err(Box::new(CommandFailed(status))) }
    }

    async fn deliver(&self, event: &CompletionEvent) -> Result<(), (String, SendError)> {
        let at_file = |error: SendError| (self.events.display().to_string(), error);
        let line = serde_json::to_string(event).map_err(|error| at_file(error.into()))?;
        Self::append(&self.events, &line).map_err(|error| at_file(error.into()))?;
        match &self.on_complete {
            None => Ok(()),
            Some(command) => self.run(command, event, &line).await.map_err(|error| (format!("`{command}`"), error)),
        }
    }
}

type SendError = Box<dyn std::error::Error + Send + Sync>;

impl CompletionBus for LocalBus {
    fn publish<'a>(&'a self, event: &'a CompletionEvent) -> BoxFuture<'a, Result<(), PublishError>> {
        Box::pin(async move {
            self.deliver(event).await.map_err(|(target, source)| {
                self.count_failure(event.execution_id);
                PublishError { execution: event.execution_id, target, source }
            })
        })
    }

    fn notify<'a>(&'a self, event: &'a NoticeEvent) -> BoxFuture<'a, Result<(), PublishError>> {
        let written = serde_json::to_string(event)
            .map_err(SendError::from)
            .and_then(|line| Self::append(&self.notices, &line).map_err(SendError::from));
        let target = self.notices.display().to_string();
        let outcome = written.map_err(|source| PublishError { execution: event.execution_id, target, source });
        Box::pin(std::future::ready(outcome))
    }
}
