//! What a command says: its report on success, its last words on failure.

use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::report_file::{self, Unreadable};
use runtime::Output;
use runtime::SegmentError;
use runtime::read_json;

/// Bytes of the standard error's end that go into the error message, which is cut to 512.
const LAST_WORDS: usize = 400;

/// Bytes of a report at most: a result may have 16 KiB, and 16 counters have names of 64 bytes.
const MAX_REPORT: u64 = 64 * 1024;

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
    let cannot = |what: std::fmt::Arguments<'_>| {
        SegmentError::permanent(format_args!("the command's report, SEGMENT_OUTPUT ({}), {what}", path.display()))
    };
    let mut bytes = Vec::new();
    match report_file::open(path).and_then(|file| Ok(file.take(MAX_REPORT + 1).read_to_end(&mut bytes)?)) {
        Ok(_) => {}
        Err(Unreadable::Io(error)) if error.kind() == io::ErrorKind::NotFound => return Ok(Output::default()),
        Err(Unreadable::NotAFile(kind)) => return Err(cannot(format_args!("is {kind}: write a file"))),
        Err(Unreadable::Io(error)) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Err(cannot(format_args!("cannot be read: {error}")));
        }
        Err(Unreadable::Io(error)) => {
            return Err(SegmentError::retryable(format_args!(
                "the command's report, SEGMENT_OUTPUT ({}), cannot be read: {error}",
                path.display()
            )));
        }
    }
    let json = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        cannot(format_args!("is not UTF-8 at byte {at}"))
    })?;
    parse(&json)
}

fn parse(json: &str) -> Result<Output, SegmentError> {
    if json.len() as u64 > MAX_REPORT {
        return Err(SegmentError::permanent(format_args!(
            "the command's report, SEGMENT_OUTPUT, is longer than {MAX_REPORT} bytes"
        )));
    }
    if json.trim().is_empty() {
        return Ok(Output::default());
    }
    let fields: Map<String, Value> = serde_json::from_str(json).map_err(|error| {
        SegmentError::permanent(format_args!("the command's report, SEGMENT_OUTPUT, is not one JSON object: {error}"))
    })?;
    let Report { item_count, counters, result } = read_json("the command's report", Value::Object(fields))?;
    let output =
        counters.into_iter().fold(Output::items(item_count), |output, (name, value)| output.counter(name, value));
    Ok(match result {
        Some(result) => output.result(result),
        None => output,
    })
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
        let long = " ".repeat(70_000);
        for (report, word) in [
            ("{\"item_count\": \"3\"}", "item_count"),
            ("{\"items\": 3}", "unknown field `items`"),
            ("{\"item_count\": 1}\n{\"item_count\": 2}", "not one JSON object"),
            ("3 rows", "not one JSON object"),
            (&*long, "longer than 65536 bytes"),
        ] {
            let error = parse(report).unwrap_err();
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
