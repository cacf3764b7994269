//! `exec`: a shell command for each segment, so that work in any language has the same bookkeeping.
//!
//! The command learns of its segment from its environment: `EXECUTION_ID`, `EXECUTION_KEY`, `JOB`, `GENERATION`, `ATTEMPT`,
//! `DEADLINE`, `PARAMETERS` (JSON), `SEGMENT_INDEX`, `SEGMENT_TOTAL` where the source knew it, `SEGMENT_SPEC` (JSON), and what is
//! in the specs of the sources: `SEGMENT_CODE`, or `SEGMENT_FROM` and `SEGMENT_TO`. Exit code 0 is success,
//! `permanent_exit_code` a permanent failure, any other one that is tried again. What the command has to report, it writes to the
//! file `SEGMENT_OUTPUT`, as one JSON object: `{"item_count": 3, "counters": {"rows": 4}, "result": …}`, each field optional.
//!
//! A command whose time is up, or whose execution is cancelled, gets SIGTERM with its process group, and SIGKILL `kill_grace_ms` later.
//! What it prints meanwhile is kept. Its exit code 0 is then no success, and its report is not read: it may have stopped half-way.

mod command;
mod output_files;
mod report;
mod report_file;
mod start_error;

use std::env::temp_dir;
use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

pub use self::output_files::OutputFiles;

use self::command::{Call, Ended, LAST_OUTPUT};
use self::start_error::{cannot_start, is_limit, within_limits};
use crate::Shell;
use crate::process_group::{KILL_GRACE, KILL_GRACE_MAX};
use crate::transcript::Transcript;
use runtime::Context;
use runtime::Output;
use runtime::Segment;
use runtime::SegmentError;

/// Its parameters.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Exec {
    /// What `sh -c` is given.
    command: String,
    /// The exit code that says no attempt will help.
    #[serde(default = "default_permanent_exit_code")]
    permanent_exit_code: i32,
    /// Milliseconds from SIGTERM to SIGKILL.
    kill_grace_ms: Option<u64>,
}

/// Above the codes that programs use for their own small errors, below those of the shell (126 and up).
const fn default_permanent_exit_code() -> i32 {
    100
}

/// How long a cancelled attempt of an execution with those parameters may take: the command's grace, and the time to read the rest of
/// its output. Zero for other work.
pub(super) fn grace(parameters: &Value) -> Duration {
    if parameters.get("work").and_then(Value::as_str) != Some("exec") {
        return Duration::ZERO;
    }
    kill_grace(parameters.get("kill_grace_ms").and_then(Value::as_u64)) + 2 * LAST_OUTPUT
}

fn kill_grace(millis: Option<u64>) -> Duration {
    millis.map_or(KILL_GRACE, Duration::from_millis).min(KILL_GRACE_MAX)
}

impl Exec {
    pub async fn run(
        &self,
        segment: &Segment<Value>,
        context: &Context,
        shell: &Shell,
    ) -> Result<Output, SegmentError> {
        self.check_grace()?;
        // Nothing is held while it waits: what one command held, another would wait for. The report is deleted with its value, however
        // the attempt ends.
        let begin = || {
            let report = make_report()?;
            let started = self.call(segment, context, shell, report.path()).start()?;
            Ok((report, started))
        };
        let (report, started) = within_limits(context, begin).await.map_err(|error| cannot_start(&error))?;
        let transcript =
            shell.files.as_ref().map_or_else(|| Transcript::new(None), |files| files.open(segment, context));
        let call = self.call(segment, context, shell, report.path());
        let ended = call.run(started, &transcript).await;
        if let Some(files) = &shell.files {
            files.close(segment, &transcript);
        }
        let ended = ended?;
        if ended.status.success() && !ended.was_terminated {
            return report::read(report.path());
        }
        let message =
            format!("the command {}{}", how(&ended, call.grace), report::last_words(&transcript.last_error()));
        if ended.status.code() == Some(self.permanent_exit_code) {
            Err(SegmentError::permanent(message))
        } else {
            Err(SegmentError::retryable(message))
        }
    }

    fn call<'a>(
        &'a self,
        segment: &'a Segment<Value>,
        context: &'a Context,
        shell: &'a Shell,
        report: &'a Path,
    ) -> Call<'a> {
        let (owner, grace) = (shell.owner.as_deref(), kill_grace(self.kill_grace_ms));
        Call { command: &self.command, segment, context, report, owner, grace }
    }

    fn check_grace(&self) -> Result<(), SegmentError> {
        match self.kill_grace_ms {
            Some(millis) if Duration::from_millis(millis) > KILL_GRACE_MAX => {
                Err(SegmentError::permanent(format_args!(
                    "kill_grace_ms is {millis}: use at most {}, a third of the time that an attempt has",
                    KILL_GRACE_MAX.as_millis()
                )))
            }
            _ => Ok(()),
        }
    }
}

/// The file for a command's report.
fn make_report() -> io::Result<tempfile::NamedTempFile> {
    // With an opener of its own, whose error still says which limit of the system was met.
    tempfile::Builder::new().prefix("scatter-gather-output-").make(make_private).map_err(|error| {
        if is_limit(&error) {
            return error;
        }
        let place = temp_dir();
        io::Error::new(error.kind(), format!("no file for its report can be made in {}: {error}", place.display()))
    })
}

/// Makes a file that only this user reads and writes.
fn make_private(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn how(ended: &Ended, grace: Duration) -> String {
    let status = ended.status;
    match (status.code(), ended.was_terminated) {
        (Some(code), false) => format!("ended with exit code {code}"),
        (Some(code), true) => format!("ended after SIGTERM with exit code {code}"),
        // A signal, in the words of the system.
        (None, false) => format!("was ended by a {status}"),
        (None, true) if is_killed(status) => {
            format!("did not end within {} s of SIGTERM and was killed", grace.as_secs_f64())
        }
        (None, true) => "was ended by SIGTERM".to_owned(),
    }
}

#[cfg(unix)]
fn is_killed(status: std::process::ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt as _;
    status.signal() == Some(rustix::process::Signal::KILL.as_raw())
}

#[cfg(not(unix))]
const fn is_killed(_: std::process::ExitStatus) -> bool {
    true
}

#[cfg(unix)]
#[cfg(test)]
mod tests;
