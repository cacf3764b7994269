//! The records of a CSV text (RFC 4180), read strictly.
//!
//! A cell that begins with a quotation mark ends at the next one that is not doubled, and the delimiter or the line end follows. A
//! quotation mark inside a cell that does not begin with one is a character like any other (`5" disk`). Blank lines are skipped.

use crate::error::{Place, Problem, TextError};
use crate::lines::{End, Lines};
use crate::open::Text;

/// The longest record. An item of `DynamoDB` has 400 KB; with this bound an open quotation mark does not read all of a large
/// file into memory.
const MAX_RECORD_BYTES: usize = 4 * 1024 * 1024;

/// A row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The line that it begins in.
    pub line: u64,
    /// Its cells, without their quotation marks.
    pub cells: Vec<String>,
}

/// Reads a text record by record.
pub struct Records {
    lines: Lines,
    delimiter: char,
}

/// Where in a cell the reader is.
enum State {
    /// Before its first character.
    Start,
    /// In one without quotation marks.
    Plain,
    /// Between quotation marks.
    Quoted,
    /// Behind a quotation mark that closes the cell, unless it is one of two.
    Closed,
}

/// A record that is being read.
struct Reading {
    cells: Vec<String>,
    cell: String,
    state: State,
    /// Where the quoted cell begins.
    opened: Place,
    bytes: usize,
}

impl Records {
    /// The records of that text, with cells between delimiters.
    pub const fn new(text: Text, delimiter: char) -> Self {
        Self { lines: Lines::new(text, MAX_RECORD_BYTES), delimiter }
    }

    /// The text.
    pub const fn text(&self) -> &Text {
        self.lines.text()
    }

    /// The next record; `None` after the last.
    pub fn next_record(&mut self) -> Result<Option<Record>, TextError> {
        while let Some(end) = self.lines.read()? {
            let (number, line) = (self.lines.number(), self.lines.line()?);
            if line.starts_with('\u{feff}') {
                return Err(self.text().error(Place { line: number, column: 1 }, Problem::ByteOrderMark));
            }
            if !line.is_empty() {
                return self.rest_of_record(number, end).map(Some);
            }
        }
        Ok(None)
    }

    /// Reads the record that begins in the line that was read.
    fn rest_of_record(&mut self, first: u64, mut end: End) -> Result<Record, TextError> {
        let mut reading = Reading::new(Place { line: first, column: 1 });
        loop {
            let (number, line) = (self.lines.number(), self.lines.line()?);
            reading
                .take_line(number, line, self.delimiter)
                .map_err(|(place, problem)| self.text().error(place, problem))?;
            if !matches!(reading.state, State::Quoted) {
                reading.end_cell();
                return Ok(Record { line: first, cells: reading.cells });
            }
            reading.take_line_end(end).map_err(|(place, problem)| self.text().error(place, problem))?;
            end = match self.lines.read()? {
                Some(end) => end,
                None => return Err(self.text().error(reading.opened, Problem::OpenQuote)),
            };
        }
    }
}

impl Reading {
    const fn new(start: Place) -> Self {
        Self { cells: Vec::new(), cell: String::new(), state: State::Start, opened: start, bytes: 0 }
    }

    /// Reads a line up to its end.
    fn take_line(&mut self, number: u64, line: &str, delimiter: char) -> Result<(), (Place, Problem)> {
        for (offset, character) in line.char_indices() {
            let place = || Place { line: number, column: 1 }.and(&line[..offset]);
            match (&self.state, character) {
                (State::Quoted, '"') => self.state = State::Closed,
                (State::Quoted, _) => self.cell.push(character),
                (State::Closed, '"') => {
                    self.cell.push('"');
                    self.state = State::Quoted;
                }
                (_, _) if character == delimiter => self.end_cell(),
                (_, '\r') => return Err((place(), Problem::CarriageReturn)),
                (State::Closed, _) => return Err((place(), Problem::TextAfterQuote { opened: self.opened })),
                (State::Start, '"') => {
                    self.opened = place();
                    self.state = State::Quoted;
                }
                (State::Start | State::Plain, _) => {
                    self.cell.push(character);
                    self.state = State::Plain;
                }
            }
        }
        Ok(())
    }

    /// Adds a line end that stands between quotation marks, as it is written.
    fn take_line_end(&mut self, end: End) -> Result<(), (Place, Problem)> {
        self.cell.push_str(end.as_str());
        self.bytes = self.cells.iter().map(String::len).sum::<usize>() + self.cell.len();
        if self.bytes > MAX_RECORD_BYTES { Err((self.opened, Problem::OpenQuote)) } else { Ok(()) }
    }

    fn end_cell(&mut self) {
        self.cells.push(std::mem::take(&mut self.cell));
        self.state = State::Start;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn records(content: &str, delimiter: char) -> Result<Vec<(u64, Vec<String>)>, String> {
        let text = Text::from_reader("a.csv", Cursor::new(content.as_bytes().to_vec())).unwrap();
        let (mut records, mut all) = (Records::new(text, delimiter), Vec::new());
        while let Some(record) = records.next_record().map_err(|error| error.to_string())? {
            all.push((record.line, record.cells));
        }
        Ok(all)
    }

    fn row(line: u64, cells: &[&str]) -> (u64, Vec<String>) {
        (line, cells.iter().map(|&cell| cell.to_owned()).collect())
    }

    #[test]
    fn quotation_marks_line_ends_and_blank_lines() {
        let content = "\u{feff}id,name\r\n1,\"a \"\"b\"\", c\r\nd\"\r\n\r\n\n2,5\" disk\n3,\n\"\"";
        let expected = [
            row(1, &["id", "name"]),
            row(2, &["1", "a \"b\", c\r\nd"]),
            row(6, &["2", "5\" disk"]),
            row(7, &["3", ""]),
            row(8, &[""]),
        ];
        assert_eq!(records(content, ',').unwrap(), expected);
        assert_eq!(records("a;b\tc\n\"x;y\"\r;\n", ';').unwrap_err().matches("line 2, column 6").count(), 1);
        assert_eq!(records("a\tb\n\"x\ty\"\tz\n", '\t').unwrap()[1], row(2, &["x\ty", "z"]));
    }

    #[test]
    fn an_open_quotation_mark_is_named_where_it_opens() {
        let refusal = records("id,name\n1,\"5 inch\n2,b\n3,c\n4,d\n", ',').unwrap_err();
        assert!(refusal.starts_with("a.csv, line 2, column 3: the quotation mark that opens here"), "{refusal}");
        let refusal = records("id,name\n1,\"5 inch\n2,\"b\"\n", ',').unwrap_err();
        assert!(refusal.starts_with("a.csv, line 3, column 4: text after"), "{refusal}");
        assert!(refusal.contains("which opened at line 2, column 3"), "{refusal}");
    }

    #[test]
    fn an_open_quotation_mark_does_not_read_a_large_file_into_memory() {
        let content = format!("id\n\"{}", "x\n".repeat(MAX_RECORD_BYTES));
        assert!(records(&content, ',').unwrap_err().starts_with("a.csv, line 2, column 1: the quotation mark"));
    }

    #[test]
    fn text_behind_a_cell_in_quotation_marks_is_refused() {
        let refusal = records("id,name\né,\"ab\"cd\n", ',').unwrap_err();
        assert!(refusal.starts_with("a.csv, line 2, column 7: text after"), "{refusal}");
        assert!(records("id\n\"a\"\r\r\n", ',').unwrap_err().contains("a carriage return without a line feed"));
        assert_eq!(records("id\n\"a\rb\"\n", ',').unwrap()[1], row(2, &["a\rb"]), "it is data between quotation marks");
    }
}
