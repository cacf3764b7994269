//! Filter criteria: which records of a stream an event-source mapping invokes its function for.
//!
//! A pattern has the shape of a record, with a list of alternatives where the record has a value. All fields must match;
//! of alternatives and of patterns, any will do. Of the rules that Lambda documents for event filtering this filter has exact values
//! and `exists`; it refuses any other when the mapping starts, because ignoring a rule would pass or lose records silently.
//!
//! A `DynamoDB` number is a JSON string: match it as text.

use serde_json::{Map, Value};

/// Why a pattern cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// The pattern is not JSON.
    #[error("the filter pattern {pattern} is not JSON: {reason}")]
    NotJson {
        /// The pattern.
        pattern: String,
        /// Where and why.
        reason: String,
    },
    /// The pattern, or a part of it, is neither an object nor a list of alternatives.
    #[error("the filter pattern's {path} must be an object, or a list with at least one alternative")]
    Shape {
        /// The field, as a dotted path.
        path: String,
    },
    /// A rule that this filter does not know.
    #[error(
        "the filter pattern's {path} has the rule {rule}, which the emulator does not have; it has exact values and \
         exists"
    )]
    UnknownRule {
        /// The field, as a dotted path.
        path: String,
        /// The rule as it is written.
        rule: String,
    },
}

/// Which records to invoke for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    /// None at all: every record.
    patterns: Vec<Fields>,
}

type Fields = Vec<(String, Node)>;

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Fields(Fields),
    AnyOf(Vec<Rule>),
}

#[derive(Debug, Clone, PartialEq)]
enum Rule {
    Is(Value),
    Exists(bool),
}

impl Filter {
    /// Reads the patterns of a `FilterCriteria`, each a JSON text. No pattern at all passes everything.
    pub fn parse<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self, FilterError> {
        let patterns = patterns.into_iter().map(|text| {
            let pattern: Value = serde_json::from_str(text)
                .map_err(|e| FilterError::NotJson { pattern: text.to_owned(), reason: e.to_string() })?;
            match pattern {
                Value::Object(fields) => parse_fields(&fields, ""),
                _ => Err(FilterError::Shape { path: "top".to_owned() }),
            }
        });
        Ok(Self { patterns: patterns.collect::<Result<_, _>>()? })
    }

    /// Whether a record passes.
    pub fn matches(&self, record: &Value) -> bool {
        self.patterns.is_empty() || self.patterns.iter().any(|fields| fields_match(fields, Some(record)))
    }
}

fn parse_fields(fields: &Map<String, Value>, path: &str) -> Result<Fields, FilterError> {
    let parse = |(name, value): (&String, &Value)| {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        if name.starts_with('$') {
            return Err(FilterError::UnknownRule { path, rule: name.clone() });
        }
        let node = match value {
            Value::Object(fields) if !fields.is_empty() => Node::Fields(parse_fields(fields, &path)?),
            Value::Array(rules) if !rules.is_empty() => {
                Node::AnyOf(rules.iter().map(|rule| parse_rule(rule, &path)).collect::<Result<_, _>>()?)
            }
            _ => return Err(FilterError::Shape { path }),
        };
        Ok((name.clone(), node))
    };
    fields.iter().map(parse).collect()
}

fn parse_rule(rule: &Value, path: &str) -> Result<Rule, FilterError> {
    let object = match rule {
        Value::Object(object) => object,
        Value::Array(_) => return Err(FilterError::Shape { path: path.to_owned() }),
        value => return Ok(Rule::Is(value.clone())),
    };
    let exists = object.get("exists").and_then(Value::as_bool).filter(|_| object.len() == 1);
    exists.map(Rule::Exists).ok_or_else(|| FilterError::UnknownRule { path: path.to_owned(), rule: rule.to_string() })
}

fn fields_match(fields: &Fields, value: Option<&Value>) -> bool {
    fields.iter().all(|(name, node)| {
        let value = value.and_then(|value| value.get(name));
        match node {
            Node::Fields(fields) => fields_match(fields, value),
            Node::AnyOf(rules) => rules.iter().any(|rule| value_matches(rule, value)),
        }
    })
}

/// Compares leaves only: an object in the place of a leaf counts as absent, and of a list any element may match.
fn value_matches(rule: &Rule, value: Option<&Value>) -> bool {
    let leaves = match value {
        None | Some(Value::Object(_)) => &[],
        Some(Value::Array(elements)) => elements.as_slice(),
        Some(leaf) => std::slice::from_ref(leaf),
    };
    match rule {
        Rule::Exists(expected) => leaves.is_empty() != *expected,
        // 1 and 1.0 are the same number.
        Rule::Is(value) => {
            leaves.iter().any(|leaf| leaf == value || (leaf.is_number() && leaf.as_f64() == value.as_f64()))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn passes(pattern: &str, record: &Value) -> bool {
        Filter::parse([pattern]).expect("a pattern").matches(record)
    }

    fn refusal(pattern: &str) -> FilterError {
        Filter::parse([pattern]).expect_err("no pattern")
    }

    fn image(image: &Value) -> Value {
        json!({ "eventName": "MODIFY", "dynamodb": { "NewImage": image } })
    }

    #[test]
    fn no_pattern_passes_everything() {
        assert!(Filter::default().matches(&json!({})));
        assert!(Filter::parse([]).expect("a filter").matches(&json!(1)));
    }

    #[test]
    fn all_fields_and_any_alternative() {
        let pattern = r#"{"dynamodb":{"NewImage":{"sk":{"S":["TALLY"]},"pending":{"N":["0","1"]}}}}"#;
        assert!(passes(pattern, &image(&json!({"sk": {"S": "TALLY"}, "pending": {"N": "0"}, "more": {"S": "x"}}))));
        assert!(passes(pattern, &image(&json!({"sk": {"S": "TALLY"}, "pending": {"N": "1"}}))));
        assert!(!passes(pattern, &image(&json!({"sk": {"S": "TALLY"}, "pending": {"N": "2"}}))));
        assert!(!passes(pattern, &image(&json!({"sk": {"S": "SEGMENT#1"}, "pending": {"N": "0"}}))));
        assert!(!passes(pattern, &image(&json!({"sk": {"S": "TALLY"}}))));
        assert!(!passes(pattern, &json!({"eventName": "REMOVE", "dynamodb": {}})));
    }

    #[test]
    fn any_pattern_will_do() {
        let filter = Filter::parse([r#"{"a":["x"]}"#, r#"{"b":["y"]}"#]).expect("a filter");
        assert!(filter.matches(&json!({"a": "x"})));
        assert!(filter.matches(&json!({"b": "y"})));
        assert!(!filter.matches(&json!({"a": "y", "b": "x"})));
    }

    #[test]
    fn exact_values_of_every_kind() {
        assert!(passes(r#"{"a":[null]}"#, &json!({"a": null})));
        assert!(!passes(r#"{"a":[null]}"#, &json!({})));
        assert!(passes(r#"{"a":[true]}"#, &json!({"a": true})));
        assert!(passes(r#"{"a":[1]}"#, &json!({"a": 1.0})));
        assert!(!passes(r#"{"a":[1]}"#, &json!({"a": "1"})));
        assert!(passes(r#"{"a":["x"]}"#, &json!({"a": ["w", "x"]})), "any element of a list");
    }

    #[test]
    fn existence_is_of_leaves() {
        assert!(passes(r#"{"a":{"S":[{"exists":true}]}}"#, &json!({"a": {"S": "x"}})));
        assert!(!passes(r#"{"a":{"S":[{"exists":true}]}}"#, &json!({})));
        assert!(passes(r#"{"a":{"S":[{"exists":false}]}}"#, &json!({})));
        assert!(!passes(r#"{"a":[{"exists":true}]}"#, &json!({"a": {"S": "x"}})), "not a leaf");
    }

    #[test]
    fn an_unknown_rule_is_refused_and_named() {
        let unknown = refusal(r#"{"a":{"b":[{"cidr":"10.0.0.0/24"}]}}"#);
        assert!(matches!(&unknown, FilterError::UnknownRule { path, .. } if path == "a.b"), "{unknown}");
        assert!(matches!(refusal(r#"{"$or":[{"a":["x"]}]}"#), FilterError::UnknownRule { .. }));
        for rule in [r#"{"prefix":"x"}"#, r#"{"exists":1}"#, r#"{"exists":true,"prefix":"x"}"#] {
            let pattern = format!(r#"{{"a":[{rule}]}}"#);
            assert!(matches!(refusal(&pattern), FilterError::UnknownRule { .. }), "{pattern}");
        }
        assert!(matches!(refusal(r#"{"a":"x"}"#), FilterError::Shape { .. }));
        assert!(matches!(refusal(r#"{"a":[]}"#), FilterError::Shape { .. }));
        assert!(matches!(refusal("[]"), FilterError::Shape { .. }));
        assert!(matches!(refusal("{"), FilterError::NotJson { .. }));
    }
}
