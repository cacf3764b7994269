//! The codes of a text, one a line. Blank lines do not count, nor white space around a code.

use std::path::Path;

use sha2::{Digest, Sha256};
use text::{Lines, Place, Problem, Text, TextError};

use super::list::MAX_CODE_BYTES;
use crate::hex::hex;

/// The longest line: a code, with some room for the white space around it.
const MAX_LINE_BYTES: usize = 4 * 1024;

/// The codes of a text, as they are read.
pub struct Codes {
    lines: Lines,
    digest: Sha256,
    /// The line of the last code that was read.
    pub line: u64,
    /// Codes read.
    pub count: u64,
}

impl Codes {
    /// The codes of a file.
    pub fn open(path: &Path) -> Result<Self, TextError> {
        Ok(Self::of(Text::open(path)?))
    }

    /// The codes of a text.
    pub fn of(text: Text) -> Self {
        Self { lines: Lines::new(text, MAX_LINE_BYTES), digest: Sha256::new(), line: 0, count: 0 }
    }

    /// The next code; `None` after the last.
    pub fn next_code(&mut self) -> Result<Option<String>, TextError> {
        while let Some(line) = self.lines.next_line()? {
            let code = line.text.trim();
            if code.is_empty() {
                continue;
            }
            self.line = line.number;
            if code.len() > MAX_CODE_BYTES {
                let place = Place { line: self.line, column: 1 };
                return Err(self.lines.text().error(place, Problem::Long { limit: MAX_CODE_BYTES }));
            }
            self.count += 1;
            self.digest.update(code.as_bytes());
            self.digest.update(b"\n");
            return Ok(Some(code.to_owned()));
        }
        Ok(None)
    }

    /// SHA-256 of the codes so far, each followed by a line feed, in hexadecimal.
    pub fn digest(&self) -> String {
        hex(&self.digest.clone().finalize())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn codes(bytes: &[u8]) -> Result<Vec<String>, String> {
        let text = Text::from_reader("codes.txt", Cursor::new(bytes.to_vec())).map_err(|error| error.to_string())?;
        let (mut codes, mut all) = (Codes::of(text), Vec::new());
        while let Some(code) = codes.next_code().map_err(|error| error.to_string())? {
            all.push(code);
        }
        assert_eq!(codes.count, all.len() as u64);
        Ok(all)
    }

    #[test]
    fn a_byte_order_mark_blank_lines_and_white_space_are_no_part_of_a_code() {
        let content = "\u{feff}SY\r\n\n \tIR \r\n\u{a0}\nÉ";
        assert_eq!(codes(content.as_bytes()).unwrap(), ["SY", "IR", "É"]);
        assert_eq!(codes(b"\n \n").unwrap(), [] as [&str; 0]);
    }

    #[test]
    fn what_is_no_list_is_refused_by_line() {
        let long = "x".repeat(MAX_CODE_BYTES + 1);
        let endless = "x".repeat(100_000);
        for (content, words) in [
            (format!("a\n\n{long}\n").into_bytes(), "codes.txt, line 3, column 1: it is longer than 1024 bytes"),
            (format!("{endless}\n").into_bytes(), "line 1, column 1: it is longer than 4096 bytes"),
            (b"a\r\n\xff\n".to_vec(), "line 2, column 1: the byte 0xFF here is not UTF-8"),
            (b"SY\rIR\r".to_vec(), "line 1, column 3: a carriage return"),
            (b"S\0Y\0\n\0".to_vec(), "line 1, column 2: a NUL"),
            (b"\xff\xfeS\0".to_vec(), "UTF-16"),
        ] {
            let refusal = codes(&content).unwrap_err();
            assert!(refusal.contains(words), "{refusal}");
        }
    }
}
