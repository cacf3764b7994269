//! The user's commands for events.

use std::process::Stdio;
use std::time::Duration;

use control_table::id::ExecutionId;
use control_table::message::CompletionEvent;
use control_table::message::NotificationEvent;
use control_table::rows::{ExecutionStatus, Notification};
use jobs::process_group::Group;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};
use uuid::Uuid;

use super::Hooks;

/// How long the command of a notification may take. Whatever else gathers waits for it, and a notification only informs; the command of a
/// completion starts what comes next, and has the gather's time.
const NOTIFICATION_LIMIT: Duration = Duration::from_secs(30);

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
    pub hooks: Hooks,
    pub output: HookOutput,
}

/// The kind of event that starts a command.
pub(super) struct Told<'a> {
    event_id: Uuid,
    execution_id: ExecutionId,
    status: ExecutionStatus,
    notification: Option<Notification>,
    json: &'a str,
}

/// Why a command did not take its event.
#[derive(Debug, thiserror::Error)]
pub(super) enum HookError {
    /// It ended otherwise than with success.
    #[error("the command ended with {0}")]
    Failed(std::process::ExitStatus),
    /// It did not end.
    #[error("the command took longer than {} s and was ended; let it start what takes long in the background", NOTIFICATION_LIMIT.as_secs())]
    TooSlow,
    /// It could not be started, or not be waited for.
    #[error("the command cannot be run: {0}")]
    Io(#[from] std::io::Error),
}

impl<'a> Told<'a> {
    pub fn completion(event: &CompletionEvent, json: &'a str) -> Self {
        let (event_id, execution_id, status) = (event.event_id, event.execution_id, event.status);
        Self { event_id, execution_id, status, notification: None, json }
    }

    pub fn notification(event: &NotificationEvent, json: &'a str) -> Self {
        let (event_id, execution_id, status) = (event.event_id, event.execution_id, event.status);
        Self { event_id, execution_id, status, notification: Some(event.notification), json }
    }
}

impl Hooks {
    /// The commands for a completion with that status.
    pub fn of_completion(&self, status: ExecutionStatus) -> impl Iterator<Item = &str> {
        let outcome = if status == ExecutionStatus::Succeeded { &self.on_success } else { &self.on_failure };
        [&self.on_complete, outcome].into_iter().filter_map(Option::as_deref)
    }

    /// The command for a notification.
    pub fn of_notification(&self, notification: Notification) -> Option<&str> {
        match notification {
            Notification::FirstFailure => self.on_first_failure.as_deref(),
            Notification::Stalled => self.on_stall.as_deref(),
        }
    }
}

impl Commands {
    /// Runs a command with an event on its standard input. Dropping the future kills it with everything it started; what one that
    /// comes to its end leaves in the background goes on.
    pub async fn run(&self, command: &str, told: &Told<'_>) -> Result<(), HookError> {
        let running = self.run_to_end(command, told);
        if told.notification.is_none() {
            return running.await;
        }
        tokio::time::timeout(NOTIFICATION_LIMIT, running).await.unwrap_or(Err(HookError::TooSlow))
    }

    async fn run_to_end(&self, command: &str, told: &Told<'_>) -> Result<(), HookError> {
        let (mut child, group) = self.spawn(command, told)?;
        if let Some(mut stdin) = child.stdin.take() {
            // A command that does not read its input is none the worse for it.
            let _ = stdin.write_all(told.json.as_bytes()).await;
        }
        let status = child.wait().await?;
        group.let_go();
        if status.success() { Ok(()) } else { Err(HookError::Failed(status)) }
    }

    fn spawn(&self, command: &str, told: &Told<'_>) -> std::io::Result<(Child, Group)> {
        let mut child = Command::new("sh");
        child
            .args(["-c", command])
            .env("EXECUTION_ID", told.execution_id.to_string())
            .env("EXECUTION_STATUS", told.status.as_str())
            .env("EVENT_ID", told.event_id.to_string())
            .stdin(Stdio::piped());
        match told.notification {
            Some(notification) => child.env("NOTIFICATION", notification.as_str()),
            None => child.env_remove("NOTIFICATION"),
        };
        match self.output {
            HookOutput::Stdout => child.stdout(Stdio::inherit()),
            HookOutput::Stderr => child.stdout(std::io::stderr()),
        };
        Group::start(&mut child)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXECUTION: &str = "0193a5b0-3c1e-7d2f-8a4b-5c6d7e8f9a0b";

    fn commands() -> Commands {
        let hooks = Hooks {
            on_complete: Some("complete".to_owned()),
            on_success: Some("success".to_owned()),
            on_failure: Some("failure".to_owned()),
            on_first_failure: Some("first".to_owned()),
            on_stall: None,
        };
        Commands { hooks, output: HookOutput::Stderr }
    }

    fn told(notification: Option<Notification>) -> Told<'static> {
        let execution_id = EXECUTION.parse().unwrap();
        Told { event_id: Uuid::nil(), execution_id, status: ExecutionStatus::Running, notification, json: "{}" }
    }

    #[test]
    fn each_event_has_its_commands() {
        let of = |status| commands().hooks.of_completion(status).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(of(ExecutionStatus::Succeeded), ["complete", "success"]);
        assert_eq!(of(ExecutionStatus::Failed), ["complete", "failure"]);
        assert_eq!(of(ExecutionStatus::Cancelled), ["complete", "failure"]);
        assert_eq!(commands().hooks.of_notification(Notification::FirstFailure), Some("first"));
        assert_eq!(commands().hooks.of_notification(Notification::Stalled), None);
    }

    #[tokio::test]
    async fn a_command_that_ends_badly_is_an_error() {
        let commands = commands();
        assert!(commands.run("test \"$NOTIFICATION\" = STALLED", &told(Some(Notification::Stalled))).await.is_ok());
        let failed = commands.run("exit 3", &told(None)).await.unwrap_err().to_string();
        assert!(failed.contains("exit status: 3"), "{failed}");
    }

    /// Time stands still until nothing else is to be done, and then the limit is over.
    #[tokio::test(start_paused = true)]
    async fn the_command_of_a_notice_that_does_not_end_is_ended() {
        let endless = commands().run("sleep 1000", &told(Some(Notification::FirstFailure))).await;
        assert!(matches!(endless, Err(HookError::TooSlow)));
    }

    /// What a command that is `sh` starts is not `sh`: it must end with it, or go on without it, as its event says.
    #[cfg(unix)]
    mod background {
        use std::path::Path;

        use super::*;

        /// A command that starts another, whose process ID it writes to a file.
        fn starting(file: &Path) -> String {
            format!("sleep 1000 & echo $! > '{0}.part'; mv '{0}.part' '{0}'", file.display())
        }

        async fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
            let looking = async {
                let mut tick = tokio::time::interval(Duration::from_millis(5));
                loop {
                    tick.tick().await;
                    if let Some(found) = look() {
                        return found;
                    }
                }
            };
            tokio::time::timeout(Duration::from_secs(30), looking).await.unwrap()
        }

        async fn started(file: &Path) -> String {
            until(|| std::fs::read_to_string(file).ok()).await.trim().to_owned()
        }

        /// Killed processes whose parent did not wait for them stay as zombies: they run no more.
        fn is_running(pid: &str) -> bool {
            let process = std::process::Command::new("ps").args(["-o", "stat=", "-p", pid]).output().unwrap();
            let state = String::from_utf8(process.stdout).unwrap();
            !state.trim().is_empty() && !state.trim().starts_with('Z')
        }

        #[tokio::test]
        async fn a_command_that_is_ended_is_ended_with_everything_it_started() {
            let directory = tempfile::tempdir().unwrap();
            let file = directory.path().join("pid");
            let command = format!("{}; wait", starting(&file));
            let run = async move { commands().run(&command, &told(Some(Notification::FirstFailure))).await };
            let running = tokio::spawn(run);
            let pid = started(&file).await;
            assert!(is_running(&pid));
            running.abort();
            assert!(running.await.unwrap_err().is_cancelled());
            until(|| (!is_running(&pid)).then_some(())).await;
        }

        #[tokio::test]
        async fn what_a_command_leaves_in_the_background_goes_on() {
            let directory = tempfile::tempdir().unwrap();
            let file = directory.path().join("pid");
            commands().run(&starting(&file), &told(None)).await.unwrap();
            let pid = started(&file).await;
            assert!(is_running(&pid));
            assert!(std::process::Command::new("kill").arg(&pid).status().unwrap().success());
            until(|| (!is_running(&pid)).then_some(())).await;
        }
    }
}
