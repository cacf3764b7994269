//! `exec`: a shell command for each segment, so that work in any language has the same bookkeeping.
//!
//! The command learns of its segment from its environment (`EXECUTION_ID`, `SEGMENT_INDEX`, `SEGMENT_TOTAL` where the source
//! knew it, `SEGMENT_SPEC` as JSON, `ATTEMPT`). Exit code 0 is success, `permanent_exit_code` a permanent failure, anything
//! else one that is tried again. The last line of its standard output that is a JSON object, if there is one, is the output:
//! `{"item_count": 3, "counters": {"rows": 4}, "result": …}`, each field optional.

mod command;
mod report;
mod tail;

use std::process::ExitStatus;

use serde::Deserialize;
use serde_json::Value;

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
    pub async fn run(&self, segment: &Segment<Value>, context: &Context) -> Result<Output, SegmentError> {
        let ended = command::run(&self.command, segment, context).await?;
        if ended.status.success() {
            return report::read(&ended.stdout);
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
