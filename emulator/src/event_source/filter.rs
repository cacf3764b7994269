//! Filter criteria: which records of a stream an event-source mapping invokes its function for.
//!
//! A pattern has the shape of a record, with a list of alternatives where the record has a value. All fields must match;
//! of alternatives and of patterns, any will do. The rules are those that Lambda documents for event filtering; a rule that is not
//! implemented here is refused when the mapping starts, because to ignore it would pass or lose records silently.
//!
//! As on AWS, a numeric rule looks at JSON numbers only, and a `DynamoDB` number is a JSON string: match it as text.

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
        "the filter pattern's {path} has the rule {rule}, which the local mapping does not know; it knows exact values, \
         prefix, suffix, equals-ignore-case, exists, numeric and anything-but"
    )]
    UnknownRule {
        /// The field, as a dotted path.
        path: String,
        /// The rule as it is written.
        rule: String,
    },
    /// A known rule with an argument that makes no sense.
    #[error("the filter pattern's {path} has the rule {rule}, whose argument is not of the documented form")]
    Argument {
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
    Prefix(String),
    Suffix(String),
    EqualsIgnoreCase(String),
    Exists(bool),
    Numeric(Vec<(Comparison, f64)>),
    AnythingBut(Vec<Rule>),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Comparison {
    Equal,
    Less,
    AtMost,
    Greater,
    AtLeast,
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
    let unknown = || FilterError::UnknownRule { path: path.to_owned(), rule: rule.to_string() };
    let mut entries = object.iter();
    let (Some((name, argument)), None) = (entries.next(), entries.next()) else {
        return Err(unknown());
    };
    let parsed = match name.as_str() {
        "prefix" => argument.as_str().map(|text| Rule::Prefix(text.to_owned())),
        "suffix" => argument.as_str().map(|text| Rule::Suffix(text.to_owned())),
        "equals-ignore-case" => argument.as_str().map(|text| Rule::EqualsIgnoreCase(text.to_lowercase())),
        "exists" => argument.as_bool().map(Rule::Exists),
        "numeric" => parse_numeric(argument).map(Rule::Numeric),
        "anything-but" => parse_anything_but(argument, path)?.map(Rule::AnythingBut),
        _ => return Err(unknown()),
    };
    parsed.ok_or_else(|| FilterError::Argument { path: path.to_owned(), rule: rule.to_string() })
}

/// `["=", 1]`, or a range: `[">", 0, "<=", 5]`.
fn parse_numeric(argument: &Value) -> Option<Vec<(Comparison, f64)>> {
    let terms = argument.as_array().filter(|terms| matches!(terms.len(), 2 | 4))?;
    let pair = |pair: &[Value]| {
        let [comparison, number] = pair else { return None };
        let comparison = match comparison.as_str()? {
            "=" => Comparison::Equal,
            "<" => Comparison::Less,
            "<=" => Comparison::AtMost,
            ">" => Comparison::Greater,
            ">=" => Comparison::AtLeast,
            _ => return None,
        };
        Some((comparison, number.as_f64()?))
    };
    terms.chunks(2).map(pair).collect()
}

/// A value, a list of values, or one text rule. `None`: an argument of another form.
fn parse_anything_but(argument: &Value, path: &str) -> Result<Option<Vec<Rule>>, FilterError> {
    let rules = match argument {
        Value::Array(values) => values.iter().map(|value| parse_rule(value, path)).collect::<Result<Vec<_>, _>>()?,
        value => vec![parse_rule(value, path)?],
    };
    let fits = |rule: &Rule| match rule {
        Rule::Is(value) => value.is_string() || value.is_number(),
        Rule::Prefix(_) | Rule::Suffix(_) | Rule::EqualsIgnoreCase(_) => argument.is_object(),
        Rule::Exists(_) | Rule::Numeric(_) | Rule::AnythingBut(_) => false,
    };
    Ok((!rules.is_empty() && rules.iter().all(fits)).then_some(rules))
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

/// A rule looks at leaves: an object in a leaf's place is as good as absent, and of a list any element may match.
fn value_matches(rule: &Rule, value: Option<&Value>) -> bool {
    let leaves = match value {
        None | Some(Value::Object(_)) => &[],
        Some(Value::Array(elements)) => elements.as_slice(),
        Some(leaf) => std::slice::from_ref(leaf),
    };
    match rule {
        Rule::Exists(expected) => leaves.is_empty() != *expected,
        rule => leaves.iter().any(|leaf| leaf_matches(rule, leaf)),
    }
}

fn leaf_matches(rule: &Rule, leaf: &Value) -> bool {
    match rule {
        // 1 and 1.0 are the same number.
        Rule::Is(expected) => leaf == expected || (leaf.is_number() && leaf.as_f64() == expected.as_f64()),
        Rule::Prefix(prefix) => leaf.as_str().is_some_and(|text| text.starts_with(prefix)),
        Rule::Suffix(suffix) => leaf.as_str().is_some_and(|text| text.ends_with(suffix)),
        Rule::EqualsIgnoreCase(expected) => leaf.as_str().is_some_and(|text| text.to_lowercase() == *expected),
        Rule::Exists(expected) => *expected,
        Rule::Numeric(terms) => {
            leaf.as_f64().is_some_and(|number| terms.iter().all(|(comparison, bound)| comparison.holds(number, *bound)))
        }
        Rule::AnythingBut(rules) => !rules.iter().any(|rule| leaf_matches(rule, leaf)),
    }
}

impl Comparison {
    #[expect(clippy::float_cmp, reason = "equality of the numbers as written is what the rule asks for")]
    fn holds(self, number: f64, bound: f64) -> bool {
        match self {
            Self::Equal => number == bound,
            Self::Less => number < bound,
            Self::AtMost => number <= bound,
            Self::Greater => number > bound,
            Self::AtLeast => number >= bound,
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
    fn text_rules() {
        assert!(passes(r#"{"a":[{"prefix":"SEG"}]}"#, &json!({"a": "SEGMENT"})));
        assert!(!passes(r#"{"a":[{"prefix":"SEG"}]}"#, &json!({"a": "A SEGMENT"})));
        assert!(passes(r#"{"a":[{"suffix":".csv"}]}"#, &json!({"a": "x.csv"})));
        assert!(passes(r#"{"a":[{"equals-ignore-case":"Done"}]}"#, &json!({"a": "dONE"})));
    }

    #[test]
    fn existence_is_of_leaves() {
        assert!(passes(r#"{"a":{"S":[{"exists":true}]}}"#, &json!({"a": {"S": "x"}})));
        assert!(!passes(r#"{"a":{"S":[{"exists":true}]}}"#, &json!({})));
        assert!(passes(r#"{"a":{"S":[{"exists":false}]}}"#, &json!({})));
        assert!(!passes(r#"{"a":[{"exists":true}]}"#, &json!({"a": {"S": "x"}})), "not a leaf");
    }

    #[test]
    fn numeric_ranges_are_of_json_numbers() {
        let pattern = r#"{"a":[{"numeric":[">",0,"<=",5]}]}"#;
        assert!(passes(pattern, &json!({"a": 5})));
        assert!(!passes(pattern, &json!({"a": 0})));
        assert!(!passes(pattern, &json!({"a": "3"})));
        assert!(passes(r#"{"a":[{"numeric":["=",3e2]}]}"#, &json!({"a": 300})));
    }

    #[test]
    fn anything_but_wants_a_value() {
        assert!(passes(r#"{"a":[{"anything-but":["x","y"]}]}"#, &json!({"a": "z"})));
        assert!(!passes(r#"{"a":[{"anything-but":["x","y"]}]}"#, &json!({"a": "y"})));
        assert!(!passes(r#"{"a":[{"anything-but":"x"}]}"#, &json!({})));
        assert!(passes(r#"{"a":[{"anything-but":{"prefix":"in"}}]}"#, &json!({"a": "out"})));
    }

    #[test]
    fn what_is_not_known_is_refused_and_named() {
        let unknown = refusal(r#"{"a":{"b":[{"cidr":"10.0.0.0/24"}]}}"#);
        assert!(matches!(&unknown, FilterError::UnknownRule { path, .. } if path == "a.b"), "{unknown}");
        assert!(matches!(refusal(r#"{"$or":[{"a":["x"]}]}"#), FilterError::UnknownRule { .. }));
        assert!(matches!(refusal(r#"{"a":[{"prefix":1}]}"#), FilterError::Argument { .. }));
        assert!(matches!(refusal(r#"{"a":[{"anything-but":{"exists":true}}]}"#), FilterError::Argument { .. }));
        assert!(matches!(refusal(r#"{"a":[{"numeric":["<"]}]}"#), FilterError::Argument { .. }));
        assert!(matches!(refusal(r#"{"a":[{"prefix":"x","suffix":"y"}]}"#), FilterError::UnknownRule { .. }));
        assert!(matches!(refusal(r#"{"a":"x"}"#), FilterError::Shape { .. }));
        assert!(matches!(refusal(r#"{"a":[]}"#), FilterError::Shape { .. }));
        assert!(matches!(refusal("[]"), FilterError::Shape { .. }));
        assert!(matches!(refusal("{"), FilterError::NotJson { .. }));
    }
}
