//! TOML values as the JSON that travels.

use std::fmt;

use control_table::policy::{InvalidPolicy, Tolerance};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// One end of a range: a number, or a date as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bound {
    /// A whole number.
    Number(i64),
    /// Whatever else was written; the scatter function says what is wrong with it, if it is not a date.
    Text(String),
}

impl Bound {
    /// As an argument has it.
    pub fn parse(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Text(text.to_owned()), Self::Number)
    }

    /// As the event has it.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Number(number) => Value::from(*number),
            Self::Text(text) => Value::from(text.as_str()),
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

impl<'de> Deserialize<'de> for Bound {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match toml::Value::deserialize(deserializer)? {
            toml::Value::Integer(number) => Ok(Self::Number(number)),
            toml::Value::String(text) => Ok(Self::Text(text)),
            toml::Value::Datetime(date) => Ok(Self::Text(date.to_string())),
            other => {
                Err(serde::de::Error::custom(format!("expected a whole number or a date, found {}", other.type_str())))
            }
        }
    }
}

/// Reads a number of failures, or a share of the segments as text.
pub fn tolerance<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Tolerance>, D::Error> {
    let expected = "expected a number of segments, or a share of them such as \"5%\"";
    let tolerance = match toml::Value::deserialize(deserializer)? {
        toml::Value::Integer(count) => u64::try_from(count).map(Tolerance::Count).map_err(|_| expected.to_owned()),
        toml::Value::String(text) => text.parse().map_err(|invalid: InvalidPolicy| invalid.to_string()),
        other => Err(format!("{expected}, found {}", other.type_str())),
    };
    tolerance.map(Some).map_err(serde::de::Error::custom)
}

/// Reads a TOML table as a JSON object.
pub fn object<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Map<String, Value>, D::Error> {
    let table = toml::Table::deserialize(deserializer)?;
    table.into_iter().map(|(name, value)| Ok((name, json(value)?))).collect()
}

fn json<E: serde::de::Error>(value: toml::Value) -> Result<Value, E> {
    Ok(match value {
        toml::Value::String(text) => Value::from(text),
        toml::Value::Integer(number) => Value::from(number),
        toml::Value::Boolean(truth) => Value::from(truth),
        // JSON has no dates; the text is what everybody uses in their place.
        toml::Value::Datetime(time) => Value::from(time.to_string()),
        toml::Value::Float(number) => {
            let number = serde_json::Number::from_f64(number);
            Value::Number(number.ok_or_else(|| E::custom("infinity and NaN are no numbers in JSON"))?)
        }
        toml::Value::Array(values) => Value::Array(values.into_iter().map(json).collect::<Result<_, E>>()?),
        toml::Value::Table(table) => {
            let entries = table.into_iter().map(|(name, value)| Ok((name, json(value)?)));
            Value::Object(entries.collect::<Result<_, E>>()?)
        }
    })
}
