//! `logs ID --follow`: what commands print while they run, whichever process runs them.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use control_table::id::ExecutionId;
use local::logs::{AttemptLog, attempts_of};

use super::{Piece, is_wanted, print};
use crate::args::LogsArgs;
use crate::context::Context;
use crate::error::CliError;
use crate::verb::ended_by_signal;

/// How often to look: at each file of the execution, of which there are 100,000 at most.
const LOOK: Duration = Duration::from_millis(300);

/// What is printed already.
#[derive(Default)]
struct Printed {
    /// Bytes of each attempt: segment, generation, attempt.
    bytes: HashMap<(u64, u32, u32), u64>,
    /// The attempt whose title was printed last.
    last: Option<(u64, u32, u32)>,
}

/// Prints what there is, and what comes, until the execution ends.
pub(super) async fn follow(
    context: &Context,
    args: &LogsArgs,
    execution_id: ExecutionId,
) -> Result<ExitCode, CliError> {
    let mut interrupt = context.take_signals_while_watching();
    let tables = context.read().await?;
    let table = tables.control_table();
    let is_over =
        async || Ok::<_, CliError>(table.execution(execution_id).await?.is_none_or(|row| row.status.is_terminal()));
    if !is_over().await? {
        context.warn_if_left(&tables, execution_id).await?;
    }
    let mut printed = Printed::default();
    loop {
        // Asked before, so that the last look is one after the end.
        let is_last = is_over().await?;
        printed.look(context, args, execution_id, is_last)?;
        if is_last {
            return Ok(ExitCode::SUCCESS);
        }
        tokio::select! {
            biased;
            () = interrupt.wait() => return Ok(ended_by_signal(&interrupt)),
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

impl Printed {
    /// Prints what has come since the last look.
    fn look(
        &mut self,
        context: &Context,
        args: &LogsArgs,
        execution_id: ExecutionId,
        is_last: bool,
    ) -> Result<(), CliError> {
        let unreadable = |source| CliError::Logs { execution_id, source };
        for log in attempts_of(&context.data_dir()?, execution_id).map_err(unreadable)? {
            if !is_wanted(args, &log) {
                continue;
            }
            let AttemptLog { segment, generation, attempt, .. } = log;
            let key = (segment, generation, attempt);
            let from = self.bytes.get(&key).copied().unwrap_or(0);
            let text = read_from(&log.path, from, is_last).map_err(unreadable)?;
            if text.is_empty() {
                continue;
            }
            let is_new = self.last.replace(key) != Some(key);
            print(&context.output, &Piece::of_attempt(&log, &text), is_new)?;
            self.bytes.insert(key, from + text.len() as u64);
        }
        Ok(())
    }
}

/// Whole lines only: a part of one may end in the middle of a character. At the last look the rest as well. A file has some 300 KB at the
/// most.
fn read_from(path: &Path, from: u64, is_last: bool) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    if file.metadata()?.len() <= from {
        return Ok(Vec::new());
    }
    file.seek(SeekFrom::Start(from))?;
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    if !is_last {
        text.truncate(text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_printed_when_it_is_whole_and_the_rest_at_the_end() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.log");
        std::fs::write(&path, "one\ntwo é").unwrap();
        assert_eq!(read_from(&path, 0, false).unwrap(), b"one\n");
        assert_eq!(read_from(&path, 4, false).unwrap(), b"");
        assert_eq!(read_from(&path, 4, true).unwrap(), "two é".as_bytes());
        assert_eq!(read_from(&path, 99, true).unwrap(), b"");
    }
}
