//! The output of each attempt at a command, kept as a file: `<folder>/<execution>/<index>.<generation>.<attempt>.log`.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use runtime::{Context, Segment};
use serde_json::Value;

/// Files of one execution at most, counted in this process: more could fill the disk.
const FILES_MAX: u64 = 100_000;

/// Executions whose files are counted; beyond, the counts begin anew.
const COUNTED_MAX: usize = 1_000;

/// Where the output of commands is kept. Cheap to clone.
#[derive(Debug, Clone)]
pub struct OutputFiles {
    folder: PathBuf,
    /// Files written, by execution.
    written: Arc<Mutex<HashMap<String, u64>>>,
}

impl OutputFiles {
    /// In that folder, which is made when it is needed.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, written: Arc::default() }
    }

    /// Keeps what an attempt has printed. One that has printed nothing has no file. An error is logged only: the segment's outcome does not
    /// depend on it.
    pub(super) fn keep(&self, segment: &Segment<Value>, context: &Context, stdout: &str, stderr: &str) {
        if (stdout.is_empty() && stderr.is_empty()) || !self.has_room(&segment.execution_id.to_string()) {
            return;
        }
        if let Err(error) = self.write(segment, context, stdout, stderr) {
            let folder = self.folder.display();
            tracing::warn!(execution_id = %segment.execution_id, segment = segment.index, %folder, %error, "output is not kept");
        }
    }

    fn has_room(&self, execution: &str) -> bool {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if written.len() >= COUNTED_MAX && !written.contains_key(execution) {
            written.clear();
        }
        let files = written.entry(execution.to_owned()).or_default();
        *files += 1;
        if *files == FILES_MAX + 1 {
            tracing::warn!(execution, files = FILES_MAX, "no more output of this execution is kept");
        }
        *files <= FILES_MAX
    }

    fn write(&self, segment: &Segment<Value>, context: &Context, stdout: &str, stderr: &str) -> io::Result<()> {
        let folder = self.folder.join(segment.execution_id.to_string());
        std::fs::create_dir_all(&folder)?;
        let mut text = String::with_capacity(stdout.len() + stderr.len());
        for (name, output) in [("output", stdout), ("error", stderr)] {
            if !output.is_empty() {
                let end = if output.ends_with('\n') { "" } else { "\n" };
                // Writing to a string cannot fail.
                let _ = write!(text, "--- standard {name}\n{output}{end}");
            }
        }
        let (generation, attempt) = (context.generation, context.attempt);
        std::fs::write(folder.join(format!("{}.{generation}.{attempt}.log", segment.index)), text)
    }
}
