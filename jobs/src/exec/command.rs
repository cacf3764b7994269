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

use super::start_error::cannot_start;
use super::tail::Tail;
use crate::process_group::Group;
use runtime::Context;
use runtime::Segment;
use runtime::SegmentError;

/// How long output is still read after the command and its group have ended. Only a process that left the group can keep
/// it open for longer, and the worker does not wait for that.
const LAST_OUTPUT: Duration = Duration::from_secs(1);

/// What is left of a command.
pub(super) struct Ended {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

/// Runs the command to its end; it may write what it has to report to the file `output`. Dropping the future kills it.
pub(super) async fn run(
    command: &str,
    segment: &Segment<Value>,
    context: &Context,
    output: &Path,
) -> Result<Ended, SegmentError> {
    let (mut child, group) = start(command, segment, context, output).map_err(|error| cannot_start(&error))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (mut out, mut err) = (Tail::default(), Tail::default());
    let (ended, end) = oneshot::channel::<()>();

    let waiting = async move {
        let status = child.wait().await;
        // What it left running in the background would keep its output open, and outlive the segment.
        drop(group);
        drop(ended);
        status
    };
    let reading = async {
        let limit = async {
            // Always an error: it is the sender's end that counts.
            end.await.unwrap_or_default();
            tokio::time::sleep(LAST_OUTPUT).await;
        };
        select(pin!(join(out.read(stdout), err.read(stderr))), pin!(limit)).await;
    };
    let (status, ()) = join(waiting, reading).await;
    Ok(Ended {
        status: status
            .map_err(|error| SegmentError::retryable(format_args!("the command cannot be waited for: {error}")))?,
        stdout: out.into_text(),
        stderr: err.into_text(),
    })
}

fn start(command: &str, segment: &Segment<Value>, context: &Context, output: &Path) -> io::Result<(Child, Group)> {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for (name, value) in environment(segment, context) {
        match value {
            Some(value) => shell.env(name, value),
            // A variable of this process's own would say something of another segment.
            None => shell.env_remove(name),
        };
    }
    shell.env("SEGMENT_OUTPUT", output);
    Group::start(&mut shell)
}

/// What the command learns of its segment; `None` where it has no such thing.
fn environment(segment: &Segment<Value>, context: &Context) -> [(&'static str, Option<String>); 13] {
    let part = |name: &str| match segment.spec.get(name)? {
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    [
        ("EXECUTION_ID", Some(segment.execution_id.to_string())),
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
