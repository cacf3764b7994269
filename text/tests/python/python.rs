//! One Python process that reads many files.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

/// A running `reader.py`; it ends when its input does.
pub struct Python {
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Python {
    pub fn start() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/reader.py");
        let started = Command::new("python3").arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut process = started.expect("python3 reads the same files: install Python 3.9 or later");
        let output = BufReader::new(process.stdout.take().expect("a pipe"));
        Self { input: process.stdin.take(), output, process }
    }

    /// The rows that Python reads, or its refusal.
    pub fn read(&mut self, kind: &str, delimiter: char, bytes: &[u8]) -> Result<Value, String> {
        let request = json!({ "kind": kind, "delimiter": delimiter, "bytes": bytes });
        let input = self.input.as_mut().expect("until it is dropped");
        writeln!(input, "{request}").expect("Python reads");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("Python answers");
        let mut answer: Value = serde_json::from_str(&line).expect("an answer is a line of JSON");
        match answer.get("error") {
            Some(error) => Err(error.to_string()),
            None => Ok(answer["rows"].take()),
        }
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        drop(self.input.take());
        drop(self.process.wait());
    }
}
