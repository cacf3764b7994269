//! The user's commands for events.

use std::process::Stdio;
use std::time::Duration;

use control_table::completion::CompletionEvent;
use control_table::id::ExecutionId;
use control_table::item::{ExecutionStatus, Notice};
use control_table::notice::NoticeEvent;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};
use uuid::Uuid;

use super::Hooks;

/// How long the command of a notice may take. Whatever else gathers waits for it, and a notice only tells; the command of a
/// completion starts what comes next, and has the gather's time.
const NOTICE_LIMIT: Duration = Duration::from_secs(30);

/// Where the output of the user's commands goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookOutput {
    /// To this process's standard output.
    Stdout,
    /// To its standard error, where standard output is for a program to read.
    Stderr,
}

/// The commands, and where their output goes.
#[derive(Debug)]
pub(super) struct Commands {
    pub on_complete: Option<String>,
    pub hooks: Hooks,
    pub output: HookOutput,
}

/// What a command is told of.
pub(super) struct Told<'a> {
    event_id: Uuid,
    execution_id: ExecutionId,
    status: ExecutionStatus,
    notice: Option<Notice>,
    json: &'a str,
}

/// Why a command did not take its event.
#[derive(Debug, thiserror::Error)]
pub(super) enum HookError {
    /// It ended otherwise than with success.
    #[error("the command ended with {0}")]
    Failed(std::process::ExitStatus),
    /// It did not end.
    #[error("the command took longer than {} s and was ended; let it start what takes long in the background", NOTICE_LIMIT.as_secs())]
    TooSlow,
    /// It could not be started, or not be waited for.
    #[error("the command cannot be run: {0}")]
    Io(#[from] std::io::Error),
}

impl<'a> Told<'a> {
    pub fn completion(event: &CompletionEvent, json: &'a str) -> Self {
        let (event_id, execution_id, status) = (event.event_id, event.execution_id, event.status);
        Self { event_id, execution_id, status, notice: None, json }
    }

    pub fn notice(event: &NoticeEvent, json: &'a str) -> Self {
        let (event_id, execution_id, status) = (event.event_id, event.execution_id, event.status);
        Self { event_id, execution_id, status, notice: Some(event.notice), json }
    }
}

impl Commands {
    /// The commands that a completion with that status is told to.
    pub fn of_completion(&self, status: ExecutionStatus) -> impl Iterator<Item = &str> {
        let outcome =
            if status == ExecutionStatus::Succeeded { &self.hooks.on_success } else { &self.hooks.on_failure };
        [&self.on_complete, outcome].into_iter().filter_map(Option::as_deref)
    }

    /// The command that a notice is told to.
    pub fn of_notice(&self, notice: Notice) -> Option<&str> {
        match notice {
            Notice::FirstFailure => self.hooks.on_first_failure.as_deref(),
            Notice::Stalled => self.hooks.on_stall.as_deref(),
        }
    }

    /// Runs a command with an event on its standard input.
    pub async fn run(&self, command: &str, told: &Told<'_>) -> Result<(), HookError> {
        let running = self.run_to_end(command, told);
        if told.notice.is_none() {
            return running.await;
        }
        // Dropping the future kills the command.
        tokio::time::timeout(NOTICE_LIMIT, running).await.unwrap_or(Err(HookError::TooSlow))
    }

    async fn run_to_end(&self, command: &str, told: &Told<'_>) -> Result<(), HookError> {
        let mut child = self.spawn(command, told)?;
        if let Some(mut stdin) = child.stdin.take() {
            // A command that does not read its input is none the worse for it.
            let _ = stdin.write_all(told.json.as_bytes()).await;
        }
        let status = child.wait().await?;
        if status.success() { Ok(()) } else { Err(HookError::Failed(status)) }
    }

    fn spawn(&self, command: &str, told: &Told<'_>) -> std::io::Result<Child> {
        let mut child = Command::new("sh");
        child
            .args(["-c", command])
            .env("EXECUTION_ID", told.execution_id.to_string())
            .env("EXECUTION_STATUS", told.status.as_str())
            .env("EVENT_ID", told.event_id.to_string())
            .stdin(Stdio::piped())
            .kill_on_drop(true);
        match told.notice {
            Some(notice) => child.env("NOTICE", notice.as_str()),
            None => child.env_remove("NOTICE"),
        };
        match self.output {
            HookOutput::Stdout => child.stdout(Stdio::inherit()),
            HookOutput::Stderr => child.stdout(std::io::stderr()),
        };
        child.spawn()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXECUTION: &str = "0193a5b0-3c1e-7d2f-8a4b-5c6d7e8f9a0b";

    fn commands() -> Commands {
        let hooks = Hooks {
            on_success: Some("success".to_owned()),
            on_failure: Some("failure".to_owned()),
            on_first_failure: Some("first".to_owned()),
            on_stall: None,
        };
        Commands { on_complete: Some("complete".to_owned()), hooks, output: HookOutput::Stderr }
    }

    fn told(notice: Option<Notice>) -> Told<'static> {
        let execution_id = EXECUTION.parse().unwrap();
        Told { event_id: Uuid::nil(), execution_id, status: ExecutionStatus::Running, notice, json: "{}" }
    }

    #[test]
    fn each_event_has_its_commands() {
        let of = |status| commands().of_completion(status).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(of(ExecutionStatus::Succeeded), ["complete", "success"]);
        assert_eq!(of(ExecutionStatus::Failed), ["complete", "failure"]);
        assert_eq!(of(ExecutionStatus::Cancelled), ["complete", "failure"]);
        assert_eq!(commands().of_notice(Notice::FirstFailure), Some("first"));
        assert_eq!(commands().of_notice(Notice::Stalled), None);
    }

    #[tokio::test]
    async fn a_command_that_ends_badly_is_an_error() {
        let commands = commands();
        assert!(commands.run("test \"$NOTICE\" = STALLED", &told(Some(Notice::Stalled))).await.is_ok());
        let failed = commands.run("exit 3", &told(None)).await.unwrap_err().to_string();
        assert!(failed.contains("exit status: 3"), "{failed}");
    }

    /// Time stands still until nothing else is to be done, and then the limit is over.
    #[tokio::test(start_paused = true)]
    async fn the_command_of_a_notice_that_does_not_end_is_ended() {
        let endless = commands().run("sleep 1000", &told(Some(Notice::FirstFailure))).await;
        assert!(matches!(endless, Err(HookError::TooSlow)));
    }
}
