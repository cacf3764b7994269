//! `exec`: a shell command for each segment, so that work in any language has the same bookkeeping.
//!
//! The command learns of its segment from its environment: `EXECUTION_ID`, `EXECUTION_KEY`, `JOB`, `GENERATION`, `ATTEMPT`,
//! `DEADLINE`, `PARAMETERS` (JSON), `SEGMENT_INDEX`, `SEGMENT_TOTAL` where the source knew it, `SEGMENT_SPEC` (JSON), and what is
//! in the specs of the sources: `SEGMENT_CODE`, or `SEGMENT_FROM` and `SEGMENT_TO`. Exit code 0 is success,
//! `permanent_exit_code` a permanent failure, any other one that is tried again. What the command has to report, it writes to the
//! file `SEGMENT_OUTPUT`, as one JSON object: `{"item_count": 3, "counters": {"rows": 4}, "result": …}`, each field optional.

mod command;
mod output_files;
mod report;
mod start_error;
mod tail;

use std::env::temp_dir;
use std::process::ExitStatus;

use serde::Deserialize;
use serde_json::Value;

pub use self::output_files::OutputFiles;

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
}

/// Above the codes that programs use for their own small errors, below those of the shell (126 and up).
const fn default_permanent_exit_code() -> i32 {
    100
}

impl Exec {
    pub async fn run(
        &self,
        segment: &Segment<Value>,
        context: &Context,
        files: Option<&OutputFiles>,
    ) -> Result<Output, SegmentError> {
        // Deleted with this value, however the attempt ends.
        let output = tempfile::NamedTempFile::new().map_err(|error| {
            SegmentError::retryable(format_args!(
                "no file for the command's report can be made in {}: {error}",
                temp_dir().display()
            ))
        })?;
        let ended = command::run(&self.command, segment, context, output.path()).await?;
        if let Some(files) = files {
            files.keep(segment, context, &ended.stdout, &ended.stderr);
        }
        if ended.status.success() {
            return report::read(output.path());
        }
        let message = format!("the command {}{}", how(ended.status), report::last_words(&ended.stderr));
        if ended.status.code() == Some(self.permanent_exit_code) {
            Err(SegmentError::permanent(message))
        } else {
            Err(SegmentError::retryable(message))
        }
    }
}

fn how(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("ended with exit code {code}"),
        // A signal, in the words of the system.
        None => format!("was ended by a {status}"),
    }
}
