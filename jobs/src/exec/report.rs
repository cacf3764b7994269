//! What a command says: its report on success, its last words on failure.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;
use text::{Problem, Text, TextError};

use super::report_file::{self, Unreadable};
use runtime::Output;
use runtime::SegmentError;
use runtime::read_json;

/// Bytes of the standard error's end that go into the error message, which is cut to 512.
const LAST_WORDS: usize = 400;

/// Bytes of a report at most: a result may have 16 KiB, and 16 counters have names of 64 bytes.
const MAX_REPORT: usize = 64 * 1024;

/// The JSON object that a command may write.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Report {
    item_count: u64,
    counters: BTreeMap<String, i64>,
    result: Option<Value>,
}

/// Reads the file that the command may have written; nothing is counted if it is empty or gone. What else the command may have put in
/// its place fails for good: another attempt would do the same.
pub(super) fn read(path: &Path) -> Result<Output, SegmentError> {
    let file = match report_file::open(path) {
        Ok(file) => file,
        Err(Unreadable::Io(error)) if error.kind() == io::ErrorKind::NotFound => return Ok(Output::default()),
        Err(Unreadable::NotAFile(kind)) => return Err(refused(&format_args!("it is {kind}: write a file"))),
        Err(Unreadable::Io(error)) => return Err(unreadable(&error)),
    };
    match Text::from_reader(&path.display().to_string(), file).and_then(|text| text::document(text, MAX_REPORT)) {
        Ok(json) => parse(&json),
        Err(TextError { problem: Problem::Read(error), .. }) => Err(unreadable(&error)),
        Err(error) => Err(refused(&error)),
    }
}

/// Another attempt may find another file, unless the command has taken the permission away.
fn unreadable(error: &io::Error) -> SegmentError {
    if error.kind() == io::ErrorKind::PermissionDenied {
        return refused(error);
    }
    SegmentError::retryable(format_args!("the command's report, SEGMENT_OUTPUT, cannot be read: {error}"))
}

fn parse(json: &str) -> Result<Output, SegmentError> {
    if json.trim().is_empty() {
        return Ok(Output::default());
    }
    let fields = text::json_value(json).map_err(|error| refused(&error))?;
    if !fields.is_object() {
        return Err(refused(&"not one JSON object"));
    }
    let Report { item_count, counters, result } = read_json("the command's report", fields)?;
    let output =
        counters.into_iter().fold(Output::items(item_count), |output, (name, value)| output.counter(name, value));
    Ok(match result {
        Some(result) => output.result(result),
        None => output,
    })
}

fn refused(why: &dyn fmt::Display) -> SegmentError {
    SegmentError::permanent(format_args!("the command's report, SEGMENT_OUTPUT, cannot be used: {why}"))
}

/// The end of the standard error, to follow the end of a sentence.
pub(super) fn last_words(stderr: &str) -> String {
    let text = stderr.trim();
    if text.is_empty() {
        return ", and said nothing on its standard error".to_owned();
    }
    let mut start = text.len().saturating_sub(LAST_WORDS);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    let mark = if start > 0 { "… " } else { "" };
    format!(": {mark}{}", &text[start..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_report_is_one_object_and_may_be_missing() {
        let output = parse("{\"item_count\": 3, \"counters\": {\"a\": 4},\n \"result\": [1]}\n").unwrap();
        assert_eq!(output, Output::items(3).counter("a", 4).result(json!([1])));
        assert_eq!(parse("\n").unwrap(), Output::default());
        assert_eq!(read(Path::new("/no/such/file")).unwrap(), Output::default());
    }

    #[test]
    fn a_report_that_cannot_be_meant_is_a_permanent_failure_and_named() {
        for (report, word) in [
            ("{\"item_count\": \"3\"}", "item_count"),
            ("{\"items\": 3}", "unknown field `items`"),
            ("{\"item_count\": 1}\n{\"item_count\": 2}", "trailing characters (line 2, column 1)"),
            ("3 rows", "not JSON"),
            ("[]", "not one JSON object"),
            ("{\"result\": 19.99999999999999999}", "the number 19.99999999999999999 has more digits"),
            ("{\"result\": {\"id\": 123456789012345678901234}}", "the number 123456789012345678901234"),
            ("{\"item_count\": 1, \"item_count\": 2}", "\"item_count\" comes twice"),
            ("{\"counters\": {\"a\": 9223372036854775808}}", "counters"),
        ] {
            let error = parse(report).unwrap_err();
            assert!(!error.is_retryable() && error.message().contains(word), "{error}");
        }
    }

    #[test]
    fn a_file_of_another_encoding_or_length_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let read = |bytes: &[u8]| {
            std::fs::write(file.path(), bytes).unwrap();
            super::read(file.path())
        };
        let long = vec![b' '; 70_000];
        assert_eq!(read(b"\xef\xbb\xbf{\"item_count\": 1}\r\n").unwrap(), Output::items(1));
        for (bytes, word) in [
            (&b"\xff\xfe{\0}\0"[..], "UTF-16"),
            (b"{\"result\": \"\xe9\"}", "line 1, column 13: the byte 0xE9"),
            (&*long, "longer than 65536 bytes"),
        ] {
            let error = read(bytes).unwrap_err();
            assert!(!error.is_retryable() && error.message().contains(word), "{error}");
        }
    }

    #[test]
    fn last_words_are_the_end_cut_at_a_character() {
        assert_eq!(last_words(" oh no\n"), ": oh no");
        let long = last_words(&"é".repeat(LAST_WORDS));
        assert!(long.starts_with(": … é") && long.len() <= LAST_WORDS + 7, "{long}");
        assert!(last_words("").contains("said nothing"));
    }
}
