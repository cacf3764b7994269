//! Log lines, past the progress bars.

use std::io::{self, Write};

use indicatif::MultiProgress;

use super::{escape, json};

/// What a subscriber colours its lines with. It escapes this character in what it logs.
const ESCAPE: char = '\x1b';

/// Writes each event of a subscriber as one line that a terminal can show.
#[derive(Debug, Clone)]
pub struct LogWriter {
    pub(super) bars: MultiProgress,
    pub(super) is_json: bool,
}

impl Write for LogWriter {
    /// Takes one event, which a subscriber writes in one call, with its line's end.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let mut line = Vec::with_capacity(event.len() + 1);
        if self.is_json {
            json::write_raw(&mut line, text.trim_end())?;
        } else {
            line.extend(shown(text.trim_end()).bytes());
        }
        line.push(b'\n');
        self.bars.suspend(|| io::stderr().lock().write_all(&line))?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}

/// Keeps the subscriber's colours and escapes the rest.
fn shown(event: &str) -> String {
    let parts: Vec<_> = event.split(ESCAPE).map(escape::escaped).collect();
    parts.join("\x1b")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_whatever_is_in_it() {
        assert_eq!(shown("\x1b[31mERROR\x1b[0m a\r\nb \u{202e}c"), "\x1b[31mERROR\x1b[0m a\\r\\nb \\u{202e}c");
    }
}
