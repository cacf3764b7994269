//! `infra/template.yaml` as JSON, with CloudFormation's short intrinsics in their long forms: `!Ref X` is `{"Ref": "X"}`.

use saphyr::{LoadableYamlNode as _, Scalar, Yaml};
use serde_json::{Map, Number, Value};

/// The SAM template.
#[must_use]
pub fn template() -> Value {
    const TEMPLATE: &str = include_str!("../../../infra/template.yaml");
    to_json(Yaml::load_from_str(TEMPLATE).unwrap().remove(0))
}

/// A value of the template; of a `!Ref` to a parameter, the parameter's default.
#[must_use]
pub fn resolved<'a>(template: &'a Value, value: &'a Value) -> &'a Value {
    match value.get("Ref").and_then(Value::as_str) {
        Some(parameter) => &template["Parameters"][parameter]["Default"],
        None => value,
    }
}

fn to_json(node: Yaml<'_>) -> Value {
    match node {
        Yaml::Value(scalar) => scalar_to_json(scalar),
        Yaml::Sequence(items) => items.into_iter().map(to_json).collect(),
        Yaml::Mapping(entries) => {
            Value::Object(entries.into_iter().map(|(key, value)| (key_text(key), to_json(value))).collect())
        }
        Yaml::Tagged(tag, inner) => {
            let name = match tag.suffix.as_str() {
                name @ ("Ref" | "Condition") => name.to_owned(),
                name => format!("Fn::{name}"),
            };
            Value::Object(Map::from_iter([(name, to_json(*inner))]))
        }
        Yaml::Representation(text, ..) => Value::String(text.into_owned()),
        Yaml::Alias(_) | Yaml::BadValue => panic!("an alias, or a value that does not fit its tag"),
    }
}

fn key_text(key: Yaml<'_>) -> String {
    match to_json(key) {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

fn scalar_to_json(scalar: Scalar<'_>) -> Value {
    match scalar {
        Scalar::Null => Value::Null,
        Scalar::Boolean(flag) => Value::Bool(flag),
        Scalar::Integer(number) => Value::from(number),
        Scalar::FloatingPoint(number) => Number::from_f64(number.into_inner()).map_or(Value::Null, Value::Number),
        Scalar::String(text) => Value::String(text.into_owned()),
    }
}
