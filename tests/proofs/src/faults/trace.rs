//! What happened in an execution, as lines and as one number: the same whenever the seed is run.

use std::fmt::Display;

/// FNV-1a: the standard library's hash is not the same in every release.
const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// Characters of a line that are kept for a reader.
const LINE_MAX: usize = 240;

/// The trace of an execution.
#[derive(Debug)]
pub(super) struct Trace {
    hash: u64,
    lines: Option<Vec<String>>,
}

impl Trace {
    /// An empty one; it keeps its lines if it is to be shown.
    pub fn new(keeps_lines: bool) -> Self {
        Self { hash: OFFSET, lines: keeps_lines.then(Vec::new) }
    }

    pub fn note(&mut self, line: impl Display) {
        let line = line.to_string();
        for byte in line.bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(PRIME);
        }
        if let Some(lines) = &mut self.lines {
            lines.push(line.chars().take(LINE_MAX).collect());
        }
    }

    pub const fn hash(&self) -> u64 {
        self.hash
    }

    pub fn into_lines(self) -> Vec<String> {
        self.lines.unwrap_or_default()
    }
}
