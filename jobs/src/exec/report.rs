//! What a command says: its output as JSON on success, its last words on failure.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use runtime::Output;
use runtime::SegmentError;
use runtime::read_json;

/// Bytes of the standard error's end that go into the error message, which is cut to 512.
const LAST_WORDS: usize = 400;

/// The JSON object that a command may print.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Report {
    item_count: u64,
    counters: BTreeMap<String, i64>,
    result: Option<Value>,
}

/// The output that the last line with a JSON object says; nothing counted if there is none.
pub(super) fn read(stdout: &str) -> Result<Output, SegmentError> {
    let last = stdout.lines().rev().find_map(|line| serde_json::from_str::<Map<String, Value>>(line).ok());
    let Some(fields) = last else {
        return Ok(Output::default());
    };
    let Report { item_count, counters, result } = read_json("the command's output", Value::Object(fields))?;
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
    fn the_last_object_counts() {
        let output = read("{\"item_count\": 1}\nlog\n{\"item_count\": 3, \"counters\": {\"a\": 4}}\n7\nbye").unwrap();
        assert_eq!(output, Output::items(3).counter("a", 4));
        let output = read("{\"result\": [1]}").unwrap();
        assert_eq!(output, Output::items(0).result(json!([1])));
        assert_eq!(read("no object\n").unwrap(), Output::default());
    }

    #[test]
    fn an_object_that_is_no_output_is_named() {
        let error = read("{\"item_count\": \"3\"}").unwrap_err();
        assert!(!error.is_retryable());
        assert!(error.message().contains("item_count"), "{error}");
        assert!(read("{\"items\": 3}").unwrap_err().message().contains("unknown field `items`"));
    }

    #[test]
    fn last_words_are_the_end_cut_at_a_character() {
        assert_eq!(last_words(" oh no\n"), ": oh no");
        let long = last_words(&"é".repeat(LAST_WORDS));
        assert!(long.starts_with(": … é") && long.len() <= LAST_WORDS + 7, "{long}");
        assert!(last_words("").contains("said nothing"));
    }
}
