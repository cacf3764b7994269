//! The process of one segment, from its start to its end with everything that it started.

use std::io;
use std::path::Path;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use chrono::SecondsFormat;
use futures::future::{join, select};
use serde_json::Value;
use tokio::process::{Child, Command};
use tokio::sync::oneshot;

use crate::leftovers::{self, Purpose};
use crate::process_group::Group;
use crate::transcript::{Stream, Transcript, read};
use runtime::Context;
use runtime::Segment;
use runtime::SegmentError;

/// How long output is still read after the command and its group have ended. Only a process that left the group can keep
/// it open for longer, and the worker does not wait for that.
pub(super) const LAST_OUTPUT: Duration = Duration::from_secs(1);

/// A command for a segment.
pub(super) struct Call<'a> {
    pub command: &'a str,
    pub segment: &'a Segment<Value>,
    pub context: &'a Context,
    /// The file that the command may write its report to.
    pub report: &'a Path,
    /// The process that starts it.
    pub owner: Option<&'a str>,
    /// How long it may take to end after SIGTERM.
    pub grace: Duration,
}

/// What is left of a command.
pub(super) struct Ended {
    pub status: ExitStatus,
    /// Whether the worker cancelled the attempt, and the command got SIGTERM.
    pub was_terminated: bool,
}

impl Call<'_> {
    /// Runs the command that was started to its end. A cancelled attempt has it ended, with its group: SIGTERM, and after the grace
    /// SIGKILL. Dropping the future kills it at once.
    pub async fn run(
        &self,
        (mut child, group): (Child, Group),
        transcript: &Transcript,
    ) -> Result<Ended, SegmentError> {
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (ended, end) = oneshot::channel::<()>();

        let waiting = async move {
            let was_terminated = self.wait(&mut child, group).await;
            let status = child.wait().await;
            drop(ended);
            (status, was_terminated)
        };
        let reading = async {
            let limit = async {
                // Always an error: it is the sender's end that counts.
                end.await.unwrap_or_default();
                tokio::time::sleep(LAST_OUTPUT).await;
            };
            let output = read(stdout, |bytes| transcript.write(Stream::Output, bytes));
            let error = read(stderr, |bytes| transcript.write(Stream::Error, bytes));
            select(pin!(join(output, error)), pin!(limit)).await;
        };
        let ((status, was_terminated), ()) = join(waiting, reading).await;
        let status = status
            .map_err(|error| SegmentError::retryable(format_args!("the command cannot be waited for: {error}")))?;
        Ok(Ended { status, was_terminated })
    }

    /// Waits for the command's end, and ends its group. Returns whether the attempt was cancelled before.
    async fn wait(&self, child: &mut Child, group: Group) -> bool {
        tokio::select! {
            biased;
            _ = child.wait() => {
                // What it left running in the background would keep its output open, and outlive the segment.
                drop(group);
                false
            }
            () = self.context.cancelled() => {
                group.terminate(child, self.grace).await;
                true
            }
        }
    }

    /// Starts the command.
    pub fn start(&self) -> io::Result<(Child, Group)> {
        let mut shell = Command::new("sh");
        shell.args(["-c", self.command]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        for (name, value) in environment(self.segment, self.context) {
            match value {
                Some(value) => shell.env(name, value),
                // A variable of this process's own would say something of another segment.
                None => shell.env_remove(name),
            };
        }
        shell.env("SEGMENT_OUTPUT", self.report);
        if let Some(owner) = self.owner {
            leftovers::mark(&mut shell, owner, Purpose::Segment);
        }
        Group::start(&mut shell)
    }
}

/// What the command learns of its segment; `None` where it has no such thing.
fn environment(segment: &Segment<Value>, context: &Context) -> [(&'static str, Option<String>); 13] {
    let part = |name: &str| match segment.spec.get(name)? {
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    [
        (leftovers::EXECUTION, Some(segment.execution_id.to_string())),
        ("EXECUTION_KEY", Some(context.key.to_string())),
        ("JOB", Some(context.job.to_string())),
        ("GENERATION", Some(context.generation.to_string())),
        ("ATTEMPT", Some(context.attempt.to_string())),
        ("DEADLINE", Some(context.deadline.to_rfc3339_opts(SecondsFormat::Secs, true))),
        ("PARAMETERS", context.parameters::<Value>().ok().map(|parameters| parameters.to_string())),
        ("SEGMENT_INDEX", Some(segment.index.to_string())),
        ("SEGMENT_TOTAL", segment.total.map(|total| total.to_string())),
        ("SEGMENT_SPEC", Some(segment.spec.to_string())),
        ("SEGMENT_CODE", part("code")),
        ("SEGMENT_FROM", part("from")),
        ("SEGMENT_TO", part("to")),
    ]
}
