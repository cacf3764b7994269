//! Thousands of files, good ones and broken ones, read by this crate and by Python's `csv` and `json`: both read the same rows, or both
//! refuse. Where this crate is stricter, [`is_stricter`] names the reason. It is never more lenient.

#![expect(clippy::expect_used, reason = "a test stops at the first surprise")]

mod files;
mod python;

use std::cell::RefCell;
use std::io::Cursor;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use scatter_gather_text::{Json, Lines, Problem, Records, Text, TextError};
use serde_json::{Value, json};

use self::python::Python;

/// Files of each kind.
const FILES: u32 = 4_000;

/// The longest line of a file here.
const LINE_MAX: usize = 1 << 20;

/// Where this crate refuses what Python reads, because a row could vanish or change without a word.
fn is_stricter(problem: &Problem) -> bool {
    match problem {
        // Python ends a row at a carriage return alone, and takes one for white space in JSON.
        Problem::CarriageReturn
        // Python 3.11 and later keep it as a character of a cell.
        | Problem::Nul
        // Python keeps it, so that the first cell of the second of two joined files begins with an invisible character.
        | Problem::ByteOrderMark => true,
        Problem::Read(_)
        | Problem::CutShort
        | Problem::Compressed { .. }
        | Problem::Encoding { .. }
        | Problem::NotUtf8 { .. }
        | Problem::Long { .. }
        | Problem::OpenQuote
        | Problem::TextAfterQuote { .. }
        | Problem::NotJson(_)
        | Problem::NameTwice(_)
        | Problem::Number(_)
        | Problem::TooDeep(_) => false,
    }
}

fn read_csv(delimiter: char, bytes: &[u8]) -> Result<Value, TextError> {
    let mut records = Records::new(Text::from_reader("a.csv", Cursor::new(bytes.to_vec()))?, delimiter);
    let mut rows = Vec::new();
    while let Some(record) = records.next_record()? {
        rows.push(record.cells);
    }
    Ok(json!(rows))
}

fn read_json(bytes: &[u8]) -> Result<Value, TextError> {
    let mut lines = Lines::new(Text::from_reader("a.jsonl", Cursor::new(bytes.to_vec()))?, LINE_MAX);
    let mut rows = Vec::new();
    while let Some(line) = lines.next_line()? {
        if !line.text.trim().is_empty() {
            let (number, row) = (line.number, Json::parse(line.text).map(|json| tagged(&json)));
            rows.push(row.map_err(|error| error.in_line(lines.text(), number))?);
        }
    }
    Ok(Value::Array(rows))
}

/// The form in which `reader.py` answers.
fn tagged(json: &Json<'_>) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(truth) => json!(truth),
        Json::Number(text) => json!(["n", text]),
        Json::String(text) => json!(["s", text]),
        Json::Array(values) => json!(["a", values.iter().map(tagged).collect::<Vec<_>>()]),
        Json::Object(entries) => {
            json!(["o", entries.iter().map(|(name, value)| json!([name, tagged(value)])).collect::<Vec<_>>()])
        }
    }
}

/// How many files both read, both refused, and only Python read.
#[derive(Debug, Default)]
struct Seen {
    read: u32,
    refused: u32,
    stricter: u32,
}

impl Seen {
    fn compare(&mut self, ours: Result<Value, TextError>, pythons: Result<Value, String>) -> Result<(), TestCaseError> {
        match (ours, pythons) {
            (Ok(ours), Ok(pythons)) => {
                self.read += 1;
                prop_assert_eq!(ours, pythons);
            }
            (Err(_), Err(_)) => self.refused += 1,
            (Err(error), Ok(_)) if is_stricter(&error.problem) => self.stricter += 1,
            (Err(error), Ok(rows)) => prop_assert!(false, "{error}, and Python reads {rows}"),
            (Ok(rows), Err(error)) => prop_assert!(false, "Python refuses ({error}) what is read as {rows}"),
        }
        Ok(())
    }

    /// The files were worth reading: a fair share was read, another refused, and some show where this crate is stricter.
    const fn is_varied(&self) -> bool {
        self.read >= FILES / 10 && self.refused >= FILES / 10 && self.stricter > 0
    }
}

fn runner() -> TestRunner {
    TestRunner::new(Config { cases: FILES, failure_persistence: None, ..Config::default() })
}

#[test]
fn csv_is_read_as_python_reads_it_or_refused() {
    let (python, seen) = (RefCell::new(Python::start()), RefCell::new(Seen::default()));
    let compared = runner().run(&files::csv_file(), |(delimiter, bytes)| {
        let pythons = python.borrow_mut().read("csv", delimiter, &bytes);
        seen.borrow_mut().compare(read_csv(delimiter, &bytes), pythons)
    });
    compared.expect("the same rows, or a refusal");
    assert!(seen.borrow().is_varied(), "{seen:?}");
}

#[test]
fn json_lines_are_read_as_python_reads_them_or_refused() {
    let (python, seen) = (RefCell::new(Python::start()), RefCell::new(Seen::default()));
    let compared = runner().run(&files::json_file(), |bytes| {
        let pythons = python.borrow_mut().read("json", ',', &bytes);
        seen.borrow_mut().compare(read_json(&bytes), pythons)
    });
    compared.expect("the same rows, or a refusal");
    assert!(seen.borrow().is_varied(), "{seen:?}");
}
