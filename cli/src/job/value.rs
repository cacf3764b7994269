//! TOML values as the JSON that travels.

use control_table::policy::{InvalidPolicy, Tolerance};
use engine::scatter::sources::{Bound, InvalidBound};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// Reads one end of a range: a whole number, a TOML date, or a date as text.
pub fn bound<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Bound>, D::Error> {
    let bound = match toml::Value::deserialize(deserializer)? {
        toml::Value::Integer(number) => Ok(Bound::Number(number)),
        toml::Value::String(text) => text.parse().map_err(|invalid: InvalidBound| invalid.to_string()),
        toml::Value::Datetime(date) => date.to_string().parse().map_err(|invalid: InvalidBound| invalid.to_string()),
        other => Err(format!("expected a whole number or a date, found {}", other.type_str())),
    };
    bound.map(Some).map_err(serde::de::Error::custom)
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
        // JSON has no dates; programs write them as text.
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
