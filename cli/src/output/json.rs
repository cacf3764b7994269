//! JSON whose strings a terminal can show: what is hidden in them is written as `\u202e`, which means the same to every reader.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

use super::escape::is_hidden;

/// Writes a value on one line, without the line's end.
pub(super) fn write(to: impl Write, value: &impl Serialize) -> Result<(), serde_json::Error> {
    value.serialize(&mut Serializer::with_formatter(to, Printable))
}

/// Writes JSON that is written already.
pub(super) fn write_raw(mut to: impl Write, json: &str) -> io::Result<()> {
    let mut rest = json;
    // JSON has ASCII alone outside its strings, and no raw control character but white space.
    while let Some((at, hidden)) = rest.char_indices().find(|&(_, c)| c > '~' && is_hidden(c)) {
        to.write_all(&rest.as_bytes()[..at])?;
        for unit in hidden.encode_utf16(&mut [0; 2]) {
            write!(to, "\\u{unit:04x}")?;
        }
        rest = &rest[at + hidden.len_utf8()..];
    }
    to.write_all(rest.as_bytes())
}

struct Printable;

impl Formatter for Printable {
    fn write_string_fragment<W: Write + ?Sized>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        write_raw(writer, fragment)
    }

    fn write_raw_fragment<W: Write + ?Sized>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        write_raw(writer, fragment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn written(value: &Value) -> String {
        let mut text = Vec::new();
        write(&mut text, value).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn hidden_characters_are_escaped_and_mean_the_same() {
        let value = json!({"key\u{202e}": "a\u{1b}\u{9b}\u{7f}\u{e0041}\n", "日本": 1});
        assert_eq!(written(&value), r#"{"key\u202e":"a\u001b\u009b\u007f\udb40\udc41\n","日本":1}"#);
    }

    proptest! {
        #[test]
        fn any_text_is_read_back_as_it_was(text in "[\\s\\S]{0,40}") {
            let value = Value::from(text);
            let json = written(&value);
            prop_assert!(!json.chars().any(is_hidden), "{json:?}");
            prop_assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), value);
        }
    }
}
