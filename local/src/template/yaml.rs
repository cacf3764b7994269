//! YAML with CloudFormation's short intrinsics, as JSON with their long forms: `!Ref X` becomes `{"Ref": "X"}`.

use saphyr::{LoadableYamlNode as _, Scalar, Yaml};
use serde_json::{Map, Number, Value};

use super::TemplateError;

/// Deeper nesting than any template has, and shallow enough for the stack.
const DEPTH_MAX: u32 = 64;

/// Reads the first document of a text.
pub(super) fn parse(text: &str) -> Result<Value, TemplateError> {
    let mut documents = Yaml::load_from_str(text).map_err(|e| TemplateError::NotYaml(e.to_string()))?;
    if documents.is_empty() {
        return Err(TemplateError::NotYaml("it is empty".to_owned()));
    }
    to_json(documents.swap_remove(0), 0)
}

fn to_json(node: Yaml<'_>, depth: u32) -> Result<Value, TemplateError> {
    if depth > DEPTH_MAX {
        return Err(TemplateError::NotYaml(format!("it is nested deeper than {DEPTH_MAX} levels")));
    }
    Ok(match node {
        Yaml::Value(scalar) => scalar_to_json(scalar),
        Yaml::Sequence(items) => {
            Value::Array(items.into_iter().map(|item| to_json(item, depth + 1)).collect::<Result<_, _>>()?)
        }
        Yaml::Mapping(entries) => {
            let entry = |(key, value)| Ok((key_text(key, depth)?, to_json(value, depth + 1)?));
            Value::Object(entries.into_iter().map(entry).collect::<Result<Map<_, _>, TemplateError>>()?)
        }
        Yaml::Tagged(tag, inner) => {
            let value = to_json(*inner, depth + 1)?;
            if tag.handle != "!" {
                return Ok(value);
            }
            let name = if matches!(tag.suffix.as_str(), "Ref" | "Condition") {
                tag.suffix.clone()
            } else {
                format!("Fn::{}", tag.suffix)
            };
            Value::Object(Map::from_iter([(name, value)]))
        }
        Yaml::Representation(text, ..) => Value::String(text.into_owned()),
        Yaml::Alias(_) | Yaml::BadValue => {
            return Err(TemplateError::NotYaml("it has an alias or a value that does not fit its tag".to_owned()));
        }
    })
}

fn key_text(key: Yaml<'_>, depth: u32) -> Result<String, TemplateError> {
    Ok(match to_json(key, depth + 1)? {
        Value::String(text) => text,
        other => other.to_string(),
    })
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn intrinsics_take_their_long_form() {
        let text = "a: !Ref X\nb: !GetAtt T.Arn\nc: !Sub '${X}-y'\nd: !If [C, !Ref X, 1]\ne: { Ref: X }\n";
        let expected = json!({
            "a": {"Ref": "X"},
            "b": {"Fn::GetAtt": "T.Arn"},
            "c": {"Fn::Sub": "${X}-y"},
            "d": {"Fn::If": ["C", {"Ref": "X"}, 1]},
            "e": {"Ref": "X"},
        });
        assert_eq!(parse(text).expect("a template"), expected);
    }

    #[test]
    fn what_is_quoted_stays_text() {
        assert_eq!(
            parse("a: '1'\nb: 1\nc: true\nd:\n").expect("a template"),
            json!({"a": "1", "b": 1, "c": true, "d": null})
        );
    }

    #[test]
    fn what_is_no_yaml_is_refused() {
        assert!(matches!(parse("a: [1"), Err(TemplateError::NotYaml(_))));
        assert!(matches!(parse(""), Err(TemplateError::NotYaml(_))));
        let deep = "[".repeat(100) + &"]".repeat(100);
        assert!(matches!(parse(&deep), Err(TemplateError::NotYaml(_))));
    }
}
