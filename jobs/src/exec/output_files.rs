//! The output of each attempt at a command, kept as a file: `<folder>/<execution>/<index>.<generation>.<attempt>.log`.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use runtime::{Context, Segment};
use serde_json::Value;

use crate::transcript::Transcript;

/// Files of one execution at most, counted in this process: a folder with more is slow to list.
const FILES_MAX: u64 = 100_000;

/// Bytes of one execution at most, counted in this process: more could fill the disk.
const BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;

/// Executions whose files are counted; beyond, the counts begin anew.
const COUNTED_MAX: usize = 1_000;

/// Where the output of commands is kept. Cheap to clone.
#[derive(Debug, Clone)]
pub struct OutputFiles {
    folder: PathBuf,
    /// By execution.
    written: Arc<Mutex<HashMap<String, Written>>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Written {
    files: u64,
    bytes: u64,
}

impl Written {
    const fn has_room(self) -> bool {
        self.files < FILES_MAX && self.bytes < BYTES_MAX
    }
}

impl OutputFiles {
    /// In that folder, which is made when it is needed.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, written: Arc::default() }
    }

    /// The output of an attempt; it is not kept if the execution has no room for more.
    pub(super) fn open(&self, segment: &Segment<Value>, context: &Context) -> Transcript {
        let execution = segment.execution_id.to_string();
        let name = format!("{}.{}.{}.log", segment.index, context.generation, context.attempt);
        let path = self.has_room(&execution).then(|| self.folder.join(execution).join(name));
        Transcript::new(path)
    }

    /// Ends the output of an attempt.
    pub(super) fn close(&self, segment: &Segment<Value>, transcript: &Transcript) {
        let bytes = transcript.finish();
        if bytes > 0 {
            self.count(&segment.execution_id.to_string(), bytes);
        }
    }

    fn has_room(&self, execution: &str) -> bool {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.get(execution).is_none_or(|written| written.has_room())
    }

    fn count(&self, execution: &str, bytes: u64) {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if written.len() >= COUNTED_MAX && !written.contains_key(execution) {
            written.clear();
        }
        let written = written.entry(execution.to_owned()).or_default();
        let had_room = written.has_room();
        written.files += 1;
        written.bytes += bytes;
        if had_room && !written.has_room() {
            tracing::warn!(execution, files = FILES_MAX, bytes = BYTES_MAX, "no more output of this execution is kept");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::Stream;
    use runtime::testing;

    #[test]
    fn an_execution_that_has_filled_its_room_keeps_no_more() {
        let directory = tempfile::tempdir().unwrap();
        let files = OutputFiles::new(directory.path().to_owned());
        let (segment, context) = (testing::segment(Value::Null), testing::context().build());
        let keep = |text: &[u8]| {
            let transcript = files.open(&segment, &context);
            transcript.write(Stream::Output, text);
            files.close(&segment, &transcript);
        };
        let file = directory.path().join(segment.execution_id.to_string()).join("0.1.1.log");
        keep(b"first\n");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "--- standard output\nfirst\n");
        files.count(&segment.execution_id.to_string(), BYTES_MAX);
        keep(b"second\n");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "--- standard output\nfirst\n");
    }
}
