//! Settings by their path in a template, with a reference to a parameter replaced by the parameter's default.

use std::ops::RangeInclusive;

use serde_json::Value;

use super::TemplateError;

/// A place in a template, which may be empty. Knows its path, so that an error can name it.
#[derive(Debug, Clone)]
pub(super) struct Node<'a> {
    root: &'a Value,
    value: Option<&'a Value>,
    path: String,
}

impl<'a> Node<'a> {
    pub(super) fn top(root: &'a Value) -> Self {
        Self { root, value: Some(root), path: String::new() }
    }

    /// The place under `name`, empty if there is none.
    pub(super) fn get(&self, name: &str) -> Self {
        let path = if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) };
        Self { root: self.root, value: self.value.and_then(|value| value.get(name)), path }
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn is_absent(&self) -> bool {
        self.value.is_none_or(Value::is_null)
    }

    /// The elements of a list; of none, if the list is not there.
    pub(super) fn list(&self) -> Result<Vec<Self>, TemplateError> {
        match self.resolved()? {
            None => Ok(Vec::new()),
            Some(Value::Array(elements)) => Ok(elements
                .iter()
                .enumerate()
                .map(|(index, value)| Self {
                    root: self.root,
                    value: Some(value),
                    path: format!("{}[{index}]", self.path),
                })
                .collect()),
            Some(_) => Err(self.mistyped("a list")),
        }
    }

    pub(super) fn text(&self) -> Result<String, TemplateError> {
        match self.resolved()? {
            None => Err(TemplateError::Missing(self.path.clone())),
            Some(Value::String(text)) => Ok(text.clone()),
            Some(_) => Err(self.mistyped("a text")),
        }
    }

    pub(super) fn flag_or(&self, default: bool) -> Result<bool, TemplateError> {
        match self.resolved()? {
            None => Ok(default),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(Value::String(text)) => text.parse().map_err(|_| self.mistyped("true or false")),
            Some(_) => Err(self.mistyped("true or false")),
        }
    }

    pub(super) fn integer_or(&self, default: u64, range: RangeInclusive<u64>) -> Result<u64, TemplateError> {
        let Some(value) = self.resolved()? else {
            return Ok(default);
        };
        let number = integer(value).and_then(|number| u64::try_from(number).ok());
        number.filter(|number| range.contains(number)).ok_or_else(|| self.mistyped(in_range(&range)))
    }

    pub(super) fn is_integer(&self, expected: i64) -> Result<bool, TemplateError> {
        Ok(self.resolved()?.and_then(integer) == Some(expected))
    }

    pub(super) fn mistyped(&self, expected: &'static str) -> TemplateError {
        let found = match self.resolved() {
            Ok(Some(value)) => value.to_string(),
            Ok(None) => "missing".to_owned(),
            Err(error) => return error,
        };
        TemplateError::Mistyped { path: self.path.clone(), expected, found }
    }

    /// The value, or for a `!Ref` the default of the parameter it names. `None` if there is nothing.
    fn resolved(&self) -> Result<Option<&'a Value>, TemplateError> {
        if self.is_absent() {
            return Ok(None);
        }
        let Some(parameter) = self.value.and_then(|value| value.get("Ref")).and_then(Value::as_str) else {
            return Ok(self.value);
        };
        let default = self.root.get("Parameters").and_then(|all| all.get(parameter)).and_then(|one| one.get("Default"));
        default
            .map(Some)
            .ok_or_else(|| TemplateError::NoDefault { path: self.path.clone(), parameter: parameter.to_owned() })
    }
}

/// A parameter's default may be written as a text, which CloudFormation takes for the number in it.
fn integer(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

fn in_range(range: &RangeInclusive<u64>) -> &'static str {
    match (range.start(), range.end()) {
        (1, 10) => "a whole number from 1 to 10",
        (1, 900) => "a whole number of seconds from 1 to 900",
        (0, 300) => "a whole number of seconds from 0 to 300",
        (1, 1_000) => "a whole number from 1 to 1,000",
        (1, 10_000) => "a whole number from 1 to 10,000",
        (0, 10_000) => "a whole number from 0 to 10,000, or -1",
        _ => "a whole number in its documented range",
    }
}
