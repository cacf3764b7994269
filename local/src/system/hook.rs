//! The user's commands for events.

use std::path::PathBuf;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use control_table::id::ExecutionId;
use control_table::message::CompletionEvent;
use control_table::message::NotificationEvent;
use control_table::rows::{ExecutionStatus, Notification};
use emulator::StopSignal;
use futures::future::{join, select};
use jobs::leftovers::{self, Purpose};
use jobs::process_group::{Group, KILL_GRACE};
use jobs::transcript::{Stream, Transcript};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::Hooks;
use crate::logs;

/// How long the command of a notification may take. Whatever else gathers waits for it, and a notification only informs.
const NOTIFICATION_LIMIT: Duration = Duration::from_secs(30);

/// How long the command of a completion may take, unless its job says otherwise: it may run the whole job that comes next.
const COMPLETION_LIMIT: Duration = Duration::from_hours(24);

/// How long output is still read after a command has ended: what it left in the background may keep it open.
const LAST_OUTPUT: Duration = Duration::from_secs(1);

/// Characters of a command's last line in an error.
const LAST_WORDS: usize = 200;

/// Where the output of the user's commands goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookOutput {
    /// To this process's standard output.
    Stdout,
    /// To its standard error, where standard output is for a program to read.
    Stderr,
}

/// Runs the commands.
#[derive(Debug)]
pub(super) struct Commands {
    pub hooks: Hooks,
    pub output: HookOutput,
    /// The data directory, which keeps their output.
    pub data_dir: PathBuf,
    /// The name of this process, which they carry.
    pub owner: String,
    /// Ends those that run, when the process ends.
    pub terminate: StopSignal,
    pub running: AtomicUsize,
}

/// A command that the user named for a kind of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hook<'a> {
    /// The field of a job that names it.
    pub name: &'static str,
    pub command: &'a str,
    /// How long it may take.
    pub limit: Duration,
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
    #[error("the command ended with {status}{last_words}")]
    Failed {
        status: ExitStatus,
        /// The last line of its standard error, after a colon.
        last_words: String,
    },
    /// It did not end.
    #[error("the command took longer than {} s and was ended; let it start what takes long in the background, or raise hook_timeout", limit.as_secs())]
    TooSlow { limit: Duration },
    /// This process ends.
    #[error("the command was ended, because this process ends; the next one runs it again")]
    Stopped,
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
    pub(super) fn of_completion(&self, status: ExecutionStatus) -> impl Iterator<Item = Hook<'_>> {
        let outcome = if status == ExecutionStatus::Succeeded {
            ("on_success", &self.on_success)
        } else {
            ("on_failure", &self.on_failure)
        };
        let limit = self.timeout_ms.map_or(COMPLETION_LIMIT, Duration::from_millis);
        [("on_complete", &self.on_complete), outcome]
            .into_iter()
            .filter_map(move |(name, command)| Some(Hook { name, command: command.as_deref()?, limit }))
    }

    /// The command for a notification.
    pub(super) fn of_notification(&self, notification: Notification) -> Option<Hook<'_>> {
        let (name, command) = match notification {
            Notification::FirstFailure => ("on_first_failure", &self.on_first_failure),
            Notification::Stalled => ("on_stall", &self.on_stall),
        };
        let limit = self.timeout_ms.map_or(NOTIFICATION_LIMIT, Duration::from_millis).min(NOTIFICATION_LIMIT);
        Some(Hook { name, command: command.as_deref()?, limit })
    }
}

impl Commands {
    /// Whether a command runs.
    pub fn is_running(&self) -> bool {
        self.running.load(Ordering::Relaxed) > 0
    }

    /// Runs a command with an event on its standard input. One that takes too long, or runs when the process ends, gets SIGTERM with
    /// everything it started, and SIGKILL after a grace; dropping the future kills it. What a command that comes to its end leaves in the
    /// background stays.
    pub async fn run(&self, hook: Hook<'_>, told: &Told<'_>) -> Result<(), HookError> {
        self.running.fetch_add(1, Ordering::Relaxed);
        let _counted = Counted(&self.running);
        let (mut child, group) = self.spawn(hook.command, told)?;
        let path = logs::hook_file(&self.data_dir, told.execution_id, hook.name, told.event_id);
        let transcript = Transcript::new(Some(path));
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (ended, end) = oneshot::channel::<()>();
        let waiting = async move {
            let ended_with = self.wait(&mut child, group, hook.limit).await;
            drop(ended);
            ended_with
        };
        let talking = async {
            if let Some(mut stdin) = stdin {
                // A command that does not read its input is none the worse for it.
                let _ = stdin.write_all(told.json.as_bytes()).await;
            }
        };
        let reading = async {
            let limit = async {
                // Always an error: it is the sender's end that counts.
                end.await.unwrap_or_default();
                tokio::time::sleep(LAST_OUTPUT).await;
            };
            let all = join(talking, self.pass_on(&transcript, stdout, stderr));
            select(pin!(all), pin!(limit)).await;
        };
        let (ended_with, ()) = join(waiting, reading).await;
        transcript.finish();
        let status = ended_with?;
        if status.success() {
            Ok(())
        } else {
            Err(HookError::Failed { status, last_words: last_words(&transcript.last_error()) })
        }
    }

    async fn wait(&self, child: &mut Child, group: Group, limit: Duration) -> Result<ExitStatus, HookError> {
        let mut terminate = self.terminate.clone();
        let error = tokio::select! {
            biased;
            status = child.wait() => {
                group.let_go();
                return Ok(status?);
            }
            () = tokio::time::sleep(limit) => HookError::TooSlow { limit },
            () = terminate.requested() => HookError::Stopped,
        };
        group.terminate(child, KILL_GRACE).await;
        Err(error)
    }

    /// Keeps what a command prints, and prints it.
    async fn pass_on(
        &self,
        transcript: &Transcript,
        stdout: Option<impl AsyncRead + Unpin>,
        stderr: Option<impl AsyncRead + Unpin>,
    ) {
        let error = copy(stderr, tokio::io::stderr(), |bytes| transcript.write(Stream::Error, bytes));
        let keep = |bytes: &[u8]| transcript.write(Stream::Output, bytes);
        match self.output {
            HookOutput::Stdout => join(copy(stdout, tokio::io::stdout(), keep), error).await,
            HookOutput::Stderr => join(copy(stdout, tokio::io::stderr(), keep), error).await,
        };
    }

    fn spawn(&self, command: &str, told: &Told<'_>) -> std::io::Result<(Child, Group)> {
        let mut child = Command::new("sh");
        child
            .args(["-c", command])
            .env("EXECUTION_ID", told.execution_id.to_string())
            .env("EXECUTION_STATUS", told.status.as_str())
            .env("EVENT_ID", told.event_id.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        match told.notification {
            Some(notification) => child.env("NOTIFICATION", notification.as_str()),
            None => child.env_remove("NOTIFICATION"),
        };
        leftovers::mark(&mut child, &self.owner, Purpose::Hook);
        Group::start(&mut child)
    }
}

/// A command that runs, counted until this is dropped.
struct Counted<'a>(&'a AtomicUsize);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Reads to the end, keeps each piece and prints it. A reader that has closed this process's output ends the printing alone.
async fn copy(from: Option<impl AsyncRead + Unpin>, mut to: impl AsyncWrite + Unpin, keep: impl Fn(&[u8])) {
    let Some(mut from) = from else { return };
    let mut buffer = vec![0_u8; 8 * 1024];
    let mut is_open = true;
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        keep(&buffer[..read]);
        if is_open {
            is_open = to.write_all(&buffer[..read]).await.is_ok() && to.flush().await.is_ok();
        }
    }
}

/// The last line of a command's standard error, to follow a sentence.
fn last_words(stderr: &str) -> String {
    let line = stderr.lines().map(str::trim).rfind(|line| !line.is_empty());
    line.map_or_else(String::new, |line| format!(": {}", line.chars().take(LAST_WORDS).collect::<String>()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use emulator::Shutdown;

    const EXECUTION: &str = "0193a5b0-3c1e-7d2f-8a4b-5c6d7e8f9a0b";

    fn commands() -> Commands {
        commands_until(&Shutdown::new())
    }

    fn commands_until(terminate: &Shutdown) -> Commands {
        let hooks = Hooks {
            on_complete: Some("complete".to_owned()),
            on_success: Some("success".to_owned()),
            on_failure: Some("failure".to_owned()),
            on_first_failure: Some("first".to_owned()),
            on_stall: None,
            timeout_ms: None,
        };
        let data_dir = tempfile::tempdir().unwrap().path().to_owned();
        let (owner, terminate) = ("this process".to_owned(), terminate.signal());
        Commands { hooks, output: HookOutput::Stderr, data_dir, owner, terminate, running: AtomicUsize::new(0) }
    }

    fn hook(command: &str) -> Hook<'_> {
        Hook { name: "on_complete", command, limit: NOTIFICATION_LIMIT }
    }

    fn told(notification: Option<Notification>) -> Told<'static> {
        let execution_id = EXECUTION.parse().unwrap();
        Told { event_id: Uuid::nil(), execution_id, status: ExecutionStatus::Running, notification, json: "{}" }
    }

    #[test]
    fn each_event_has_its_commands() {
        let of =
            |status| commands().hooks.of_completion(status).map(|hook| hook.command.to_owned()).collect::<Vec<_>>();
        assert_eq!(of(ExecutionStatus::Succeeded), ["complete", "success"]);
        assert_eq!(of(ExecutionStatus::Failed), ["complete", "failure"]);
        assert_eq!(of(ExecutionStatus::Cancelled), ["complete", "failure"]);
        let commands = commands();
        let first = commands.hooks.of_notification(Notification::FirstFailure);
        assert_eq!(first.map(|hook| (hook.name, hook.command)), Some(("on_first_failure", "first")));
        assert_eq!(commands.hooks.of_notification(Notification::Stalled), None);
    }

    #[tokio::test]
    async fn a_command_that_ends_badly_is_an_error() {
        let terminate = Shutdown::new();
        let commands = commands_until(&terminate);
        assert!(
            commands.run(hook("test \"$NOTIFICATION\" = STALLED"), &told(Some(Notification::Stalled))).await.is_ok()
        );
        let failed = commands.run(hook("echo 'no bucket' >&2; exit 3"), &told(None)).await.unwrap_err().to_string();
        assert!(failed.ends_with("exit status: 3: no bucket"), "{failed}");
    }

    #[tokio::test]
    async fn a_command_that_takes_too_long_gets_sigterm_and_its_output_is_kept() {
        let terminate = Shutdown::new();
        let commands = commands_until(&terminate);
        let command = "trap 'echo stopped; exit' TERM; echo begun; sleep 1000 & wait";
        let hook = Hook { name: "on_stall", command, limit: Duration::from_millis(300) };
        let endless = commands.run(hook, &told(Some(Notification::Stalled))).await;
        assert!(matches!(endless, Err(HookError::TooSlow { .. })), "{endless:?}");
        let kept = logs::hook_file(&commands.data_dir, EXECUTION.parse().unwrap(), "on_stall", Uuid::nil());
        assert_eq!(std::fs::read_to_string(kept).unwrap(), "--- standard output\nbegun\nstopped\n");
        assert!(!commands.is_running());
    }

    #[tokio::test]
    async fn a_command_that_runs_when_the_process_ends_is_ended() {
        let terminate = Shutdown::new();
        let commands = commands_until(&terminate);
        terminate.request();
        let stopped = commands.run(hook("sleep 1000"), &told(None)).await;
        assert!(matches!(stopped, Err(HookError::Stopped)), "{stopped:?}");
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
            let terminate = Shutdown::new();
            let commands = commands_until(&terminate);
            let run = async move { commands.run(hook(&command), &told(Some(Notification::FirstFailure))).await };
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
            let terminate = Shutdown::new();
            commands_until(&terminate).run(hook(&starting(&file)), &told(None)).await.unwrap();
            let pid = started(&file).await;
            assert!(is_running(&pid));
            assert!(std::process::Command::new("kill").arg(&pid).status().unwrap().success());
            until(|| (!is_running(&pid)).then_some(())).await;
        }
    }
}
