//! Everything that is printed goes through here: answers to standard output, the rest to standard error.
//!
//! The data of others (keys, codes, errors, results, file names) reaches a terminal only as a part of a [`Line`], of JSON, of a
//! [`Bar`] or of a log event, and each of them escapes it.

mod bar;
mod error;
mod escape;
mod json;
mod line;
mod log;

pub use self::bar::Bar;
pub use self::error::OutputError;
pub use self::escape::escaped;
pub use self::line::{Colour, Line};
pub use self::log::LogWriter;

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use console::Term;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget};
use serde::Serialize;
use serde_json::{Value, json};

use crate::args::Global;
use crate::error::CliError;

/// The variable with the width of a line, which a user or a shell may set.
const COLUMNS: &str = "COLUMNS";

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
    terminal_width: Option<usize>,
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
            terminal_width: Term::stdout().size_checked().map(|(_, columns)| usize::from(columns)),
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

    /// Characters of a line of the answer: as `COLUMNS` says, else as the terminal is; `None` for an answer that goes elsewhere.
    pub fn width(&self) -> Option<usize> {
        let asked = std::env::var(COLUMNS).ok().and_then(|columns| columns.trim().parse().ok());
        asked.filter(|columns| *columns > 0).or(self.terminal_width)
    }

    /// Shows a progress bar until it is cleared.
    pub fn bar(&self, bar: ProgressBar) -> Bar {
        Bar::new(self.bars.add(bar))
    }

    /// A line of the answer.
    pub fn line(&self, line: impl Into<Line>) -> Result<(), OutputError> {
        let mut text = line.into().render(self.colours);
        text.push('\n');
        self.answer(text.as_bytes())
    }

    /// JSON values of the answer, each on a line of its own, in one write: for answers of any size.
    pub fn values<T: Serialize>(&self, values: &[T]) -> Result<(), OutputError> {
        let mut text = Vec::new();
        for value in values {
            json::write(&mut text, value)?;
            text.push(b'\n');
        }
        self.answer(&text)
    }

    /// A JSON value of the answer, on a line of its own.
    pub fn value(&self, value: &impl Serialize) -> Result<(), OutputError> {
        self.values(&[value])
    }

    fn answer(&self, text: &[u8]) -> Result<(), OutputError> {
        self.bars.suspend(|| {
            let mut stdout = io::stdout().lock();
            stdout.write_all(text)?;
            Ok(stdout.flush()?)
        })
    }

    /// Something to know beside the answer; not with `--json` or `--quiet`.
    pub fn note(&self, line: impl Into<Line>) {
        if self.shows_progress() {
            self.complain(&line.into().render(self.error_colours));
        }
    }

    /// Something to know in any case.
    pub fn warn(&self, text: impl Display) {
        if self.is_json() {
            self.complain_json(&json!({ "warning": text.to_string() }));
        } else {
            self.complain_text(Colour::Yellow, "note:", &text.to_string());
        }
    }

    /// An error: a sentence and its causes, or JSON.
    pub fn error(&self, error: &CliError) {
        self.failure(&error.message(), error.is_retryable());
    }

    /// The message of an error, of one line or several.
    pub fn failure(&self, message: &str, retryable: bool) {
        if self.is_json() {
            self.complain_json(&json!({ "error": { "message": message, "retryable": retryable } }));
        } else {
            self.complain_text(Colour::Red, "error:", message);
        }
    }

    /// Further lines are indented: none of them can be taken for another message.
    fn complain_text(&self, colour: Colour, label: &str, text: &str) {
        let mut lines = text.lines();
        let first = Line::painted(colour, label).then(' ').then(lines.next().unwrap_or_default());
        self.complain(&first.render(self.error_colours));
        for line in lines {
            let indent = if line.is_empty() { "" } else { "  " };
            self.complain(&Line::from(indent).then(line).render(self.error_colours));
        }
    }

    fn complain_json(&self, value: &Value) {
        let mut text = Vec::new();
        // A value without maps of other keys than text can always be written.
        if json::write(&mut text, value).is_ok() {
            self.complain(&String::from_utf8_lossy(&text));
        }
    }

    /// A line on standard error, past the progress bars. If it is closed, the line is dropped.
    fn complain(&self, text: &str) {
        self.bars.suspend(|| drop(writeln!(io::stderr().lock(), "{text}")));
    }

    /// Where logs go: standard error, past the progress bars.
    pub fn log_writer(&self) -> LogWriter {
        LogWriter { bars: self.bars.clone(), is_json: self.is_json() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_only_where_they_are_wanted() {
        let output = Output::new(&Global { no_color: true, ..Global::default() });
        assert!(!output.colours && !output.error_colours());
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
