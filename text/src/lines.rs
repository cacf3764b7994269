//! The lines of a text.

use crate::error::{Place, Problem, TextError};
use crate::open::Text;

/// A line, without its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// Its number, from one; blank lines count.
    pub number: u64,
    /// The line: without a line end, a NUL or a carriage return.
    pub text: &'a str,
}

/// Reads a text line by line. Memory is bounded by the longest line that is accepted.
pub struct Lines {
    text: Text,
    limit: usize,
    number: u64,
    buffer: Vec<u8>,
}

/// How a line ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    LineFeed,
    CarriageReturnLineFeed,
    /// The last line of a text may have none.
    None,
}

impl End {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::LineFeed => "\n",
            Self::CarriageReturnLineFeed => "\r\n",
            Self::None => "",
        }
    }
}

impl Lines {
    /// The lines of that text; one of more than `limit` bytes is an error.
    pub const fn new(text: Text, limit: usize) -> Self {
        Self { text, limit, number: 0, buffer: Vec::new() }
    }

    /// The next line; `None` after the last.
    pub fn next_line(&mut self) -> Result<Option<Line<'_>>, TextError> {
        // In two steps, because the line borrows from this.
        if self.read()?.is_none() {
            return Ok(None);
        }
        let (number, text) = (self.number, self.line()?);
        let start = Place { line: number, column: 1 };
        if let Some(offset) = text.find('\r') {
            return Err(self.text.error(start.and(&text[..offset]), Problem::CarriageReturn));
        }
        if text.starts_with('\u{feff}') {
            return Err(self.text.error(start, Problem::ByteOrderMark));
        }
        Ok(Some(Line { number, text }))
    }

    /// Reads the next line and its end; `None` after the last.
    pub(crate) fn read(&mut self) -> Result<Option<End>, TextError> {
        self.buffer.clear();
        self.number += 1;
        let start = Place { line: self.number, column: 1 };
        // Two more for the end.
        let read = self.text.read_line(self.limit.saturating_add(2), &mut self.buffer);
        if read.map_err(|problem| self.text.error(start, problem))? == 0 {
            self.number -= 1;
            return Ok(None);
        }
        let end = self.cut_end();
        if self.buffer.len() > self.limit {
            return Err(self.text.error(start, Problem::Long { limit: self.limit }));
        }
        Ok(Some(end))
    }

    /// The line that was read, which may have carriage returns in it.
    pub(crate) fn line(&self) -> Result<&str, TextError> {
        let start = Place { line: self.number, column: 1 };
        checked(&self.buffer).map_err(|(before, problem)| self.text.error(start.and(before), problem))
    }

    /// The number of the line that was read.
    pub(crate) const fn number(&self) -> u64 {
        self.number
    }

    /// The text.
    pub const fn text(&self) -> &Text {
        &self.text
    }

    fn cut_end(&mut self) -> End {
        if self.buffer.last() != Some(&b'\n') {
            return End::None;
        }
        self.buffer.pop();
        if self.buffer.last() != Some(&b'\r') {
            return End::LineFeed;
        }
        self.buffer.pop();
        End::CarriageReturnLineFeed
    }
}

/// The bytes as text without a NUL; or the text before what is wrong, and the problem.
pub(crate) fn checked(bytes: &[u8]) -> Result<&str, (&str, Problem)> {
    let (good, bad) = match std::str::from_utf8(bytes) {
        Ok(text) => (text, None),
        Err(error) => {
            let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
            (std::str::from_utf8(good).unwrap_or_default(), bytes.get(error.valid_up_to()).copied())
        }
    };
    match (good.find('\0'), bad) {
        (Some(offset), _) => Err((&good[..offset], Problem::Nul)),
        (None, Some(byte)) => Err((good, Problem::NotUtf8 { byte })),
        (None, None) => Ok(good),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn lines(bytes: &[u8]) -> Result<Vec<(u64, String)>, String> {
        let text = Text::from_reader("a.txt", Cursor::new(bytes.to_vec())).map_err(|error| error.to_string())?;
        let (mut lines, mut all) = (Lines::new(text, 20), Vec::new());
        while let Some(line) = lines.next_line().map_err(|error| error.to_string())? {
            all.push((line.number, line.text.to_owned()));
        }
        Ok(all)
    }

    #[test]
    fn either_line_end_and_a_last_line_without_one() {
        let expected = [(1, "a"), (2, ""), (3, "b"), (4, "c")].map(|(number, text)| (number, text.to_owned()));
        assert_eq!(lines(b"a\n\r\nb\r\nc").unwrap(), expected);
        assert_eq!(lines(b"\xef\xbb\xbfa\n\nb\nc\n").unwrap(), expected);
        assert_eq!(lines(b"").unwrap(), []);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line_and_column() {
        for (bytes, words) in [
            (&b"a\r\n\xc3\xa9\xe9\n"[..], "a.txt, line 2, column 2: the byte 0xE9"),
            (b"a\n\nb\0c\n", "a.txt, line 3, column 2: a NUL"),
            (b"a\0\xff\n", "line 1, column 2: a NUL"),
            (b"a\rb\rc", "line 1, column 2: a carriage return"),
            (b"a\n\xef\xbb\xbfb\n", "line 2, column 1: a byte-order mark"),
            (b"a\n012345678901234567890\n", "line 2, column 1: it is longer than 20 bytes"),
        ] {
            let refusal = lines(bytes).unwrap_err();
            assert!(refusal.contains(words), "{refusal}");
        }
        assert!(lines(b"01234567890123456789\r\n").is_ok(), "the end does not count");
    }
}
