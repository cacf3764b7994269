//! Everything that is printed goes through here: answers to standard output, the rest to standard error.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget};
use serde::Serialize;
use serde_json::json;

use crate::args::Global;
use crate::error::CliError;

/// Standard output could not be written.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The reader closed the pipe, as `head` does. Not an error for the user.
    #[error("the output's reader has closed it")]
    Closed,
    /// Anything else: a full disk, for example.
    #[error("cannot write the output")]
    Io(#[source] io::Error),
    /// An answer that has no JSON.
    #[error("cannot write the answer as JSON")]
    Json(#[from] serde_json::Error),
}

impl From<io::Error> for OutputError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe { Self::Closed } else { Self::Io(error) }
    }
}

/// A colour, for terminals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// All is well.
    Green,
    /// Something failed.
    Red,
    /// Not finished.
    Yellow,
    /// Less important.
    Dim,
}

impl Colour {
    const fn code(self) -> &'static str {
        match self {
            Self::Green => "32",
            Self::Red => "31",
            Self::Yellow => "33",
            Self::Dim => "2",
        }
    }
}

/// What is printed beside the answer, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Full,
    Quiet,
    Json,
}

impl Mode {
    const fn of(global: &Global) -> Self {
        match (global.json, global.quiet) {
            (true, _) => Self::Json,
            (false, true) => Self::Quiet,
            (false, false) => Self::Full,
        }
    }
}

/// How this process prints.
#[derive(Debug, Clone)]
pub struct Output {
    mode: Mode,
    colours: bool,
    error_colours: bool,
    bars: MultiProgress,
}

impl Output {
    /// As the flags, the terminal and `NO_COLOR` say.
    pub fn new(global: &Global) -> Self {
        let wanted = !global.no_color && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let error_terminal = io::stderr().is_terminal();
        let mode = Mode::of(global);
        let is_live = error_terminal && mode == Mode::Full;
        let target = if is_live { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Self {
            mode,
            colours: wanted && io::stdout().is_terminal(),
            error_colours: wanted && error_terminal,
            bars: MultiProgress::with_draw_target(target),
        }
    }

    /// Whether answers are JSON.
    pub const fn is_json(&self) -> bool {
        matches!(self.mode, Mode::Json)
    }

    /// Whether progress is shown at all.
    pub const fn shows_progress(&self) -> bool {
        matches!(self.mode, Mode::Full)
    }

    /// Whether progress can move on the spot.
    pub fn is_live(&self) -> bool {
        !self.bars.is_hidden()
    }

    /// Whether standard error has colours.
    pub const fn error_colours(&self) -> bool {
        self.error_colours
    }

    /// Shows a progress bar until it is cleared.
    pub fn bar(&self, bar: ProgressBar) -> ProgressBar {
        self.bars.add(bar)
    }

    /// Colours a part of a line of the answer.
    pub fn paint(&self, colour: Colour, text: impl Display) -> String {
        paint(self.colours, colour, text)
    }

    /// A line of the answer.
    pub fn line(&self, text: impl Display) -> Result<(), OutputError> {
        self.bars.suspend(|| {
            let mut stdout = io::stdout().lock();
            writeln!(stdout, "{text}")?;
            Ok(stdout.flush()?)
        })
    }

    /// JSON values of the answer, each on a line of its own, in one write: for answers of any size.
    pub fn values<T: Serialize>(&self, values: &[T]) -> Result<(), OutputError> {
        let mut text = Vec::new();
        for value in values {
            serde_json::to_writer(&mut text, value)?;
            text.push(b'\n');
        }
        self.bars.suspend(|| {
            let mut stdout = io::stdout().lock();
            stdout.write_all(&text)?;
            Ok(stdout.flush()?)
        })
    }

    /// A JSON value of the answer, on a line of its own.
    pub fn value(&self, value: &impl Serialize) -> Result<(), OutputError> {
        self.line(serde_json::to_string(value)?)
    }

    /// Something to know beside the answer; not with `--json` or `--quiet`.
    pub fn note(&self, text: impl Display) {
        if self.shows_progress() {
            self.complain(text);
        }
    }

    /// Something to know in any case.
    pub fn warn(&self, text: impl Display) {
        if self.is_json() {
            self.complain(json!({ "warning": text.to_string() }));
        } else {
            self.complain(format_args!("{} {text}", paint(self.error_colours, Colour::Yellow, "note:")));
        }
    }

    /// An error: a sentence and its causes, or JSON.
    pub fn error(&self, error: &CliError) {
        let message = error.message();
        if self.is_json() {
            self.complain(json!({ "error": { "message": message, "retryable": error.is_retryable() } }));
        } else {
            self.complain(format_args!("{} {message}", paint(self.error_colours, Colour::Red, "error:")));
        }
    }

    /// A line on standard error, past the progress bars. If it is closed, the line is dropped.
    pub fn complain(&self, text: impl Display) {
        self.bars.suspend(|| drop(writeln!(io::stderr().lock(), "{text}")));
    }

    /// Where logs go: standard error, past the progress bars.
    pub fn log_writer(&self) -> LogWriter {
        LogWriter { bars: self.bars.clone() }
    }
}

/// Writes log lines past the progress bars.
#[derive(Debug, Clone)]
pub struct LogWriter {
    bars: MultiProgress,
}

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bars.suspend(|| io::stderr().lock().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}

fn paint(colours: bool, colour: Colour, text: impl Display) -> String {
    if colours { format!("\x1b[{}m{text}\x1b[0m", colour.code()) } else { text.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_only_where_they_are_wanted() {
        assert_eq!(paint(true, Colour::Red, "x"), "\x1b[31mx\x1b[0m");
        assert_eq!(paint(false, Colour::Red, "x"), "x");
        let output = Output::new(&Global { no_color: true, ..Global::default() });
        assert_eq!(output.paint(Colour::Green, 5), "5");
        assert!(!output.error_colours());
    }

    #[test]
    fn a_closed_pipe_is_told_apart() {
        assert!(matches!(OutputError::from(io::Error::from(io::ErrorKind::BrokenPipe)), OutputError::Closed));
        assert!(matches!(OutputError::from(io::Error::from(io::ErrorKind::StorageFull)), OutputError::Io(_)));
    }

    #[test]
    fn json_and_quiet_show_no_progress() {
        for global in [Global { json: true, ..Global::default() }, Global { quiet: true, ..Global::default() }] {
            let output = Output::new(&global);
            assert!(!output.shows_progress() && !output.is_live());
        }
    }
}
