//! What is wrong with a text, where, and what to do about it.

use std::fmt;
use std::io;

/// A place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The line, from one. Lines end with a line feed, also within quotation marks.
    pub line: u64,
    /// The character in the line, from one.
    pub column: u64,
}

impl Place {
    /// The beginning of a text.
    pub const START: Self = Self { line: 1, column: 1 };

    /// The place behind that beginning of a text.
    #[must_use]
    pub fn after(text: &str) -> Self {
        Self::START.and(text)
    }

    /// The place behind `text`, which begins here.
    pub(crate) fn and(self, text: &str) -> Self {
        let lines = text.bytes().filter(|byte| *byte == b'\n').count() as u64;
        let last = text.rsplit('\n').next().unwrap_or_default().chars().count() as u64;
        let column = if lines == 0 { self.column + last } else { 1 + last };
        Self { line: self.line + lines, column }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// A text that cannot be read. Reading it again gives the same error, unless the operating system gave it.
#[derive(Debug)]
pub struct TextError {
    /// The file's path, or `standard input`.
    pub name: String,
    /// Where; `None` if the text as a whole is meant.
    pub place: Option<Place>,
    /// What is wrong.
    pub problem: Problem,
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)?;
        if let Some(place) = self.place {
            write!(f, ", {place}")?;
        }
        write!(f, ": {}", self.problem)
    }
}

impl std::error::Error for TextError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.problem {
            Problem::Read(source) => Some(source),
            _ => None,
        }
    }
}

/// What is wrong with a text.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The operating system, or gzip, gave an error.
    #[error("it cannot be read: {0}")]
    Read(#[source] io::Error),
    /// The gzip stream has no end.
    #[error("the gzip data ends here, before its end: the file is cut short. Get it again")]
    CutShort,
    /// It is compressed by something that is not read here.
    #[error("it is compressed with {with}: decompress it first, for example with `{tool} FILE`, or use gzip")]
    Compressed {
        /// The format.
        with: &'static str,
        /// A command that decompresses it.
        tool: &'static str,
    },
    /// It is text in another encoding.
    #[error("it is {encoding}, not UTF-8: convert it with `iconv -f {encoding} -t UTF-8 FILE`")]
    Encoding {
        /// Its name, as iconv knows it.
        encoding: &'static str,
    },
    /// Bytes that are no UTF-8.
    #[error(
        "the byte {byte:#04X} here is not UTF-8. If the file is Latin-1 or Windows-1252, convert it with \
         `iconv -f WINDOWS-1252 -t UTF-8 FILE`"
    )]
    NotUtf8 {
        /// The first of them.
        byte: u8,
    },
    /// A NUL character.
    #[error(
        "a NUL character, which text does not have. If the file is UTF-16, convert it with `iconv -f UTF-16 -t UTF-8 FILE`"
    )]
    Nul,
    /// A carriage return without a line feed.
    #[error(
        "a carriage return without a line feed: it would hide a line end. `tr '\\r' '\\n' < FILE` makes line feeds of them"
    )]
    CarriageReturn,
    /// A byte-order mark that is not at the beginning.
    #[error("a byte-order mark (U+FEFF) in the middle: two files were joined. Remove it")]
    ByteOrderMark,
    /// A line, a row or a document without an end.
    #[error("it is longer than {limit} bytes")]
    Long {
        /// The most that is read.
        limit: usize,
    },
    /// A quotation mark that no other one closes.
    #[error(
        "the quotation mark that opens here is not closed: close it, and double every quotation mark between the two"
    )]
    OpenQuote,
    /// Text behind a closing quotation mark.
    #[error(
        "text after the quotation mark that closes a cell, which opened at {opened}: double every quotation mark that \
         belongs to the cell"
    )]
    TextAfterQuote {
        /// Where the cell begins.
        opened: Place,
    },
    /// No JSON.
    #[error("not JSON: {0}")]
    NotJson(String),
    /// A name that an object has twice.
    #[error("the name {0:?} comes twice in one object: only one of its values would be kept. Remove one")]
    NameTwice(String),
    /// A number that a 64-bit integer or float does not hold.
    #[error(
        "the number {0} has more digits, or another magnitude, than is kept exactly: write it as a string, \"{0}\""
    )]
    Number(String),
    /// Values in values in values.
    #[error("the values are nested deeper than {0} levels")]
    TooDeep(usize),
}

/// Longer parts of a text are cut in an error message.
const SHOWN: usize = 60;

/// A part of a text, as an error message shows it.
pub(crate) fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
