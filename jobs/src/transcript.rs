//! The output of a command in a file: its beginning as it comes, so that it can be followed, and its end. What is between is left out,
//! and a line says how much.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::tail::Tail;

/// Bytes that are kept of an output's beginning. A choice: the output of most commands is shorter, and so is whole.
pub const HEAD_BYTES: usize = 256 * 1024;

/// Bytes that are kept of the end of an output that is longer: enough for a stack trace.
pub const TAIL_BYTES: usize = 64 * 1024;

/// A line that is longer is written in parts.
const LINE_BYTES: usize = 8 * 1024;

/// Which output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Output,
    /// Standard error.
    Error,
}

impl Stream {
    const ALL: [Self; 2] = [Self::Output, Self::Error];

    const fn title(self) -> &'static str {
        match self {
            Self::Output => "--- standard output\n",
            Self::Error => "--- standard error\n",
        }
    }
}

/// The output of one command, line by line in the order in which it came. A title stands where the stream changes. A command that
/// prints nothing has no file. Writing never fails for the caller: what a command has printed does not decide what it was worth.
#[derive(Debug)]
pub struct Transcript {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// `None` if nothing is kept, or nothing can be kept any more.
    path: Option<PathBuf>,
    file: Option<File>,
    /// Bytes in the file.
    head: usize,
    tail: VecDeque<u8>,
    left_out: u64,
    /// Whose title was the last.
    current: Option<Stream>,
    /// The line of each stream that has no end yet.
    unfinished: [Vec<u8>; 2],
    last_error: Tail,
}

impl Transcript {
    /// In that file, which is made with its folder when there is something to keep; `None` keeps nothing.
    #[must_use]
    pub fn new(path: Option<PathBuf>) -> Self {
        let state = State {
            path,
            file: None,
            head: 0,
            tail: VecDeque::new(),
            left_out: 0,
            current: None,
            unfinished: [Vec::new(), Vec::new()],
            last_error: Tail::default(),
        };
        Self { state: Mutex::new(state) }
    }

    /// What a stream has printed next.
    pub fn write(&self, stream: Stream, bytes: &[u8]) {
        self.lock().write(stream, bytes);
    }

    /// Writes what is left. Returns the bytes of the file.
    pub fn finish(&self) -> u64 {
        self.lock().finish()
    }

    /// The end of the standard error, at most 4 KiB.
    #[must_use]
    pub fn last_error(&self) -> String {
        self.lock().last_error.to_text()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn write(&mut self, stream: Stream, bytes: &[u8]) {
        if stream == Stream::Error {
            self.last_error.push(bytes);
        }
        if self.path.is_none() {
            return;
        }
        let line = &mut self.unfinished[stream as usize];
        line.extend_from_slice(bytes);
        let whole = line.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let ready = if line.len() - whole > LINE_BYTES { line.len() } else { whole };
        if ready > 0 {
            let lines: Vec<u8> = line.drain(..ready).collect();
            self.append_lines(stream, &lines);
        }
    }

    fn append_lines(&mut self, stream: Stream, lines: &[u8]) {
        if self.current.replace(stream) != Some(stream) {
            self.append(stream.title().as_bytes());
        }
        self.append(lines);
    }

    /// To the file while it has room, then to the end that is kept.
    fn append(&mut self, bytes: &[u8]) {
        if self.tail.is_empty() && self.head + bytes.len() <= HEAD_BYTES {
            self.head += bytes.len();
            self.write_to_file(bytes);
            return;
        }
        self.tail.extend(bytes);
        let excess = self.tail.len().saturating_sub(TAIL_BYTES);
        self.tail.drain(..excess);
        self.left_out += excess as u64;
    }

    fn finish(&mut self) -> u64 {
        for stream in Stream::ALL {
            let mut line = std::mem::take(&mut self.unfinished[stream as usize]);
            if !line.is_empty() {
                line.push(b'\n');
                self.append_lines(stream, &line);
            }
        }
        let tail = Vec::from(std::mem::take(&mut self.tail));
        if self.left_out > 0 {
            let line = format!("--- {} bytes are left out here\n", self.left_out);
            self.write_to_file(line.as_bytes());
        }
        self.write_to_file(&tail);
        (self.head + tail.len()) as u64
    }

    fn write_to_file(&mut self, bytes: &[u8]) {
        let Some(path) = self.path.as_deref().filter(|_| !bytes.is_empty()) else { return };
        let file = match self.file.take() {
            Some(file) => Ok(file),
            None => create(path),
        };
        match file.and_then(|mut file| file.write_all(bytes).map(|()| file)) {
            Ok(file) => self.file = Some(file),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "no more output of this command is kept");
                self.path = None;
            }
        }
    }
}

fn create(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    File::create(path)
}

/// Reads an output to its end, and gives each piece of it to `each`.
pub async fn read(output: Option<impl AsyncRead + Unpin>, mut each: impl FnMut(&[u8])) {
    let Some(mut output) = output else { return };
    // Not on the stack: it would be a part of every future around it.
    let mut buffer = vec![0_u8; 8 * 1024];
    loop {
        match output.read(&mut buffer).await {
            Ok(0) => return,
            Ok(read) => each(&buffer[..read]),
            Err(error) => {
                tracing::warn!(%error, "the command's output cannot be read any further");
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &Path) -> String {
        String::from_utf8(std::fs::read(path).unwrap()).unwrap()
    }

    #[test]
    fn lines_are_kept_as_they_come_with_their_stream() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/b.log");
        let transcript = Transcript::new(Some(path.clone()));
        assert!(!path.exists(), "nothing is printed yet");
        transcript.write(Stream::Output, b"one\ntw");
        transcript.write(Stream::Error, b"oops\n");
        assert_eq!(read(&path), "--- standard output\none\n--- standard error\noops\n", "while it runs");
        transcript.write(Stream::Output, b"o");
        transcript.finish();
        let whole = "--- standard output\none\n--- standard error\noops\n--- standard output\ntwo\n";
        assert_eq!(read(&path), whole);
    }

    #[test]
    fn of_a_long_output_both_ends_are_kept_and_the_gap_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("long.log");
        let transcript = Transcript::new(Some(path.clone()));
        for line in 0..200_000 {
            transcript.write(Stream::Output, format!("{line:07}\n").as_bytes());
        }
        let bytes = transcript.finish();
        let text = read(&path);
        assert!(text.starts_with("--- standard output\n0000000\n") && text.ends_with("0199999\n"));
        let gap = text.lines().find(|line| line.ends_with(" bytes are left out here")).unwrap();
        let left_out: usize = gap.split(' ').nth(1).unwrap().parse().unwrap();
        assert_eq!(text.len() - gap.len() - 1 + left_out, 200_000 * 8 + Stream::Output.title().len());
        assert_eq!(bytes, (text.len() - gap.len() - 1) as u64);
        assert!(text.len() <= HEAD_BYTES + TAIL_BYTES + 64, "{}", text.len());
    }

    #[test]
    fn a_line_without_an_end_does_not_wait_for_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("line.log");
        let transcript = Transcript::new(Some(path.clone()));
        transcript.write(Stream::Output, &[b'x'; LINE_BYTES + 1]);
        assert_eq!(read(&path).len(), Stream::Output.title().len() + LINE_BYTES + 1);
    }

    #[test]
    fn what_cannot_be_kept_fails_no_command() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("file"), "").unwrap();
        for path in [None, Some(directory.path().join("file/in-a-file.log"))] {
            let transcript = Transcript::new(path);
            transcript.write(Stream::Error, b"a\n");
            transcript.finish();
            assert_eq!(transcript.last_error(), "a\n");
        }
    }
}
