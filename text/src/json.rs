//! One JSON value, read strictly: a name that comes twice is refused, and a number stays as it is written.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr as _;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Number, Value};

use crate::decimal::Decimal;
use crate::error::{Place, Problem, TextError, shortened};
use crate::open::Text;

/// Levels of values in values: as many as `serde_json` reads by itself, so that what is written can be read back.
const MAX_DEPTH: usize = 127;

/// A JSON value. Names keep their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Json<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, as it is written.
    Number(&'a str),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Self>),
    /// An object; no name comes twice.
    Object(Vec<(String, Self)>),
}

/// What is wrong with a JSON text, and where in it.
#[derive(Debug)]
pub struct JsonError {
    /// Where, in the text that was parsed.
    pub place: Place,
    /// What is wrong.
    pub problem: Problem,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.problem, self.place)
    }
}

impl std::error::Error for JsonError {}

impl JsonError {
    /// The same error of a text of which the JSON is one line.
    pub fn in_line(self, text: &Text, line: u64) -> TextError {
        text.error(Place { line, ..self.place }, self.problem)
    }
}

/// Reads a JSON text as a value whose numbers are exact: one that a 64-bit integer or float does not hold is refused.
pub fn json_value(text: &str) -> Result<Value, JsonError> {
    let json = Json::parse(text)?;
    to_value(json).map_err(|number| error_at(text, number, Problem::Number(shortened(number))))
}

impl<'a> Json<'a> {
    /// Parses a text that is one JSON value.
    pub fn parse(text: &'a str) -> Result<Self, JsonError> {
        let raw = raw::<&RawValue>(text, text)?.get();
        parse(text, raw, 0)
    }
}

fn parse<'a>(whole: &'a str, raw: &'a str, depth: usize) -> Result<Json<'a>, JsonError> {
    if depth > MAX_DEPTH {
        return Err(error_at(whole, raw, Problem::TooDeep(MAX_DEPTH)));
    }
    Ok(match raw.as_bytes().first() {
        Some(b'{') => {
            let Entries(entries) = self::raw(whole, raw)?;
            refuse_twice(whole, &entries)?;
            let entries = entries.into_iter().map(|(name, value)| Ok((name, parse(whole, value.get(), depth + 1)?)));
            Json::Object(entries.collect::<Result<_, JsonError>>()?)
        }
        Some(b'[') => {
            let values: Vec<&RawValue> = self::raw(whole, raw)?;
            let values = values.into_iter().map(|value| parse(whole, value.get(), depth + 1));
            Json::Array(values.collect::<Result<_, _>>()?)
        }
        Some(b'"') => Json::String(self::raw(whole, raw)?),
        Some(b't') => Json::Bool(true),
        Some(b'f') => Json::Bool(false),
        Some(b'n') => Json::Null,
        _ => Json::Number(raw),
    })
}

fn refuse_twice(whole: &str, entries: &[(String, &RawValue)]) -> Result<(), JsonError> {
    let mut names = HashSet::with_capacity(entries.len());
    match entries.iter().find(|(name, _)| !names.insert(name)) {
        Some((name, value)) => Err(error_at(whole, value.get(), Problem::NameTwice(shortened(name)))),
        None => Ok(()),
    }
}

/// Reads a part of the text with `serde_json`; its errors count lines and columns in that part.
fn raw<'a, T: Deserialize<'a>>(whole: &str, part: &'a str) -> Result<T, JsonError> {
    serde_json::from_str(part).map_err(|error| {
        let line_start =
            part.split('\n').take(error.line().saturating_sub(1)).map(|line| line.len() + 1).sum::<usize>();
        // The column counts bytes, and is one past the error, or 0 at the end of a line.
        let offset = (line_start + error.column().saturating_sub(1)).min(part.len());
        let before = part.char_indices().map(|(at, _)| at).take_while(|at| *at <= offset).last().unwrap_or(0);
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or_default().to_owned();
        error_at(whole, &part[before..], Problem::NotJson(message))
    })
}

/// An error at `part`, which is a part of `whole`.
fn error_at(whole: &str, part: &str, problem: Problem) -> JsonError {
    // Both are slices of one text: what lies between their beginnings is what stands before the part.
    let offset = (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize);
    let place = Place::after(whole.get(..offset).unwrap_or_default());
    JsonError { place, problem }
}

/// The value; or the number that it cannot hold.
fn to_value(json: Json<'_>) -> Result<Value, &str> {
    Ok(match json {
        Json::Null => Value::Null,
        Json::Bool(truth) => Value::Bool(truth),
        Json::String(text) => Value::String(text),
        Json::Number(text) => Value::Number(exact(text).ok_or(text)?),
        Json::Array(values) => Value::Array(values.into_iter().map(to_value).collect::<Result<_, _>>()?),
        Json::Object(entries) => {
            let entries = entries.into_iter().map(|(name, value)| Ok::<_, &str>((name, to_value(value)?)));
            Value::Object(entries.collect::<Result<Map<_, _>, _>>()?)
        }
    })
}

/// The number, if what is written when it is written again is the same number.
fn exact(text: &str) -> Option<Number> {
    let number = Number::from_str(text).ok()?;
    (Decimal::parse(&number.to_string())? == Decimal::parse(text)?).then_some(number)
}

/// The entries of an object, in order, all of them.
struct Entries<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntriesVisitor)
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Entries<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Entries<'de>, M::Error> {
        let mut entries = Vec::with_capacity(map.size_hint().unwrap_or(0));
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Entries(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn refusal(text: &str) -> String {
        json_value(text).unwrap_err().to_string()
    }

    #[test]
    fn values_are_those_that_serde_json_reads() {
        for text in ["null", " [1, -2.5e3, \"\\u00e9\\n\", true, {}] ", r#"{"b":{"":[]},"a":18446744073709551615}"#] {
            assert_eq!(json_value(text).unwrap(), serde_json::from_str::<Value>(text).unwrap());
        }
        let Json::Object(entries) = Json::parse(r#"{"z":1.10,"a":2}"#).unwrap() else { panic!("an object") };
        assert_eq!(entries[0], ("z".to_owned(), Json::Number("1.10")), "in the order and the digits of the text");
    }

    #[test]
    fn a_number_is_exact_or_refused_by_name_and_place() {
        for text in
            ["0", "-0", "1.10", "1e2", "0.1", "9007199254740993", "-9223372036854775808", "1.7976931348623157e308"]
        {
            assert!(json_value(text).is_ok(), "{text}");
        }
        for text in
            ["123456789012345678901234", "19.99999999999999999", "1e400", "9007199254740993.0", "18446744073709551617"]
        {
            let refusal = refusal(&format!("{{\"é\": [1,\n {text}]}}"));
            assert!(refusal.contains(&format!("the number {text} has")), "{refusal}");
            assert!(refusal.contains(&format!("as a string, \"{text}\"")), "{refusal}");
            assert!(refusal.ends_with("(line 2, column 2)"), "{refusal}");
        }
    }

    #[test]
    fn a_name_that_comes_twice_is_refused() {
        let refusal = refusal(r#"{"a":1,"b":{"c":1,"\u0063":2}}"#);
        assert!(refusal.starts_with("the name \"c\" comes twice") && refusal.ends_with("column 28)"), "{refusal}");
    }

    #[test]
    fn what_is_no_json_is_refused_where_it_is() {
        for (text, word) in [
            ("", "column 1"),
            ("{\"a\":", "column 5"),
            ("{\"a\":1} {}", "trailing characters (line 1, column 9)"),
            ("{\"a\":01}", "column 7"),
            ("{\"é\": NaN}", "column 7"),
            ("{\"a\":\"\\ud800\"}", "hex escape"),
            ("{'a':1}", "column 2"),
        ] {
            let refusal = refusal(text);
            assert!(refusal.starts_with("not JSON: ") && refusal.contains(word), "{text}: {refusal}");
        }
        let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(refusal(&deep).contains("deeper than 127 levels"));
    }

    #[test]
    fn what_is_read_can_be_read_back() {
        let deep = format!("{}1{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
        let value = json_value(&deep).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&value.to_string()).unwrap(), value);
        assert_eq!(json!(1.0).to_string(), "1.0");
    }

    proptest! {
        #[test]
        fn every_float_is_read_as_it_was_written(bits in any::<u64>()) {
            let float = f64::from_bits(bits);
            prop_assume!(float.is_finite());
            let text = json!(float).to_string();
            prop_assert_eq!(json_value(&text).unwrap(), json!(float));
        }

        #[test]
        fn any_text_is_read_as_serde_json_reads_it_or_refused(text in any::<String>()) {
            if let Ok(value) = json_value(&text) {
                prop_assert_eq!(value, serde_json::from_str::<Value>(&text).unwrap());
            }
        }
    }
}
