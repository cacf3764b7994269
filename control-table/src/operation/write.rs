//! The requests that operations send to `DynamoDB`.

use std::collections::HashMap;
use std::fmt::Display;

use aws_sdk_dynamodb::types::AttributeValue;

use crate::rows::{CorruptItem, Counters, Item};

/// A request, in the order of the operation's keys.
#[derive(Debug, Clone)]
pub enum Write {
    /// A conditional update of the single row.
    Update(Update),
    /// Inserts the single row, on the condition that it does not exist.
    Insert(Item),
    /// A transaction with a change for each key.
    All(Vec<Change>),
    /// Inserts each row by itself, on the condition that it does not exist. Not a transaction.
    EachInsert(Vec<Item>),
}

/// A part of a transaction.
#[derive(Debug, Clone)]
pub enum Change {
    /// A conditional update.
    Update(Update),
    /// Inserts the row, on the condition that it does not exist.
    Insert(Item),
}

/// A conditional update: `#name` stands for the attribute of that name, `:value` for an entry of `values`.
#[derive(Debug, Clone, Default)]
pub struct Update {
    /// The update expression.
    pub update: String,
    /// The condition expression.
    pub condition: String,
    /// The values, by placeholder.
    pub values: HashMap<String, AttributeValue>,
    /// The attributes of placeholders that do not have the attribute's name, as those of counters.
    pub names: HashMap<String, String>,
}

impl Update {
    pub(crate) fn new(update: impl Into<String>, condition: impl Into<String>) -> Self {
        Self { update: update.into(), condition: condition.into(), ..Self::default() }
    }

    pub(crate) fn text(self, name: &str, value: impl Into<String>) -> Self {
        self.value(name, AttributeValue::S(value.into()))
    }

    pub(crate) fn number(self, name: &str, value: impl Display) -> Self {
        self.value(name, AttributeValue::N(value.to_string()))
    }

    pub(crate) fn value(mut self, name: &str, value: AttributeValue) -> Self {
        self.values.insert(format!(":{name}"), value);
        self
    }

    /// Appends a counter to the clause that the update ends with: `, #name = :value`, or without `=` in an `ADD` clause.
    pub(crate) fn counter(mut self, number: usize, name: &str, value: i64, equals: &str) -> Self {
        let placeholder = format!("c{number}");
        self.update = format!("{}, #{placeholder}{equals} :{placeholder}", self.update);
        self.names.insert(format!("#{placeholder}"), Counters::attribute(name));
        self.number(&placeholder, value)
    }

    /// Every `#name` of the two expressions, with its attribute.
    pub(crate) fn all_names(&self) -> HashMap<String, String> {
        let mut names = self.names.clone();
        for expression in [&self.update, &self.condition] {
            for word in expression.split('#').skip(1) {
                let end = word.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(word.len());
                let placeholder = format!("#{}", &word[..end]);
                names.entry(placeholder).or_insert_with(|| word[..end].to_owned());
            }
        }
        names
    }
}

/// A value as an attribute.
pub(crate) fn to_attribute<V: serde::Serialize>(value: &V) -> Result<AttributeValue, CorruptItem> {
    serde_dynamo::to_attribute_value(value).map_err(|source| CorruptItem::unwritable("a value".to_owned(), source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_off_the_expressions() {
        let update = Update::new("SET #status = :s, #attempt = #attempt + :one", "#due_at<:now AND size(#x)>:one");
        let mut names: Vec<_> = update.all_names().into_values().collect();
        names.sort();
        assert_eq!(names, ["attempt", "due_at", "status", "x"]);
    }
}
