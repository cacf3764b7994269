//! The adapter: a table of `DynamoDB`'s, and the few shapes of request that the operations are made of.

#![expect(clippy::disallowed_methods, reason = "this is the adapter: the protocol lives in this crate")]

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, Put, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};

use crate::clock::Entropy;
use crate::error::{Error, is_busy};
use crate::item::{Counters, Item, ItemKey, Row, from_item, to_item};

/// Tries of a batch's remainder or of a transaction in conflict, the first included. With [`BACKOFF_CAP_MS`] they span
/// some ten seconds: longer than a partition takes to split or a conflicting transaction to end.
pub const BUSY_TRIES: u32 = 12;

const BACKOFF_BASE_MS: u64 = 20;
const BACKOFF_CAP_MS: u64 = 2_000;

/// The control table, through the AWS SDK. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ControlTable {
    pub(crate) client: Client,
    pub(crate) name: Arc<str>,
    pub(crate) entropy: Arc<Entropy>,
}

/// Which operation a request belongs to, and what it is about: the beginning of every error message.
#[derive(Clone, Copy)]
pub(crate) struct About<'a> {
    pub operation: &'static str,
    pub subject: &'a (dyn Display + Sync),
}

impl About<'_> {
    pub fn disagreement(&self) -> Error {
        Error::Disagreement { operation: self.operation, subject: self.subject.to_string() }
    }

    pub fn build_error(&self, source: BuildError) -> Error {
        let (operation, subject) = (self.operation, self.subject.to_string());
        let (code, detail) = ("request not built".to_owned(), source.to_string());
        Error::Refused { operation, subject, code, detail, source: Box::new(source) }
    }

    pub fn still_busy(&self, code: String) -> Error {
        let (operation, subject) = (self.operation, self.subject.to_string());
        Error::StillBusy { operation, subject, code, attempts: BUSY_TRIES }
    }

    pub fn read<R: Row>(&self, item: Item) -> Result<R, Error> {
        from_item(item).map_err(|source| Error::Corrupt { operation: self.operation, source })
    }

    /// One value of ours as an attribute.
    pub fn spell<V: serde::Serialize>(&self, value: &V) -> Result<AttributeValue, Error> {
        serde_dynamo::to_attribute_value(value).map_err(|source| {
            let source = crate::item::CorruptItem::unspelled(self.subject.to_string(), source);
            Error::Corrupt { operation: self.operation, source }
        })
    }

    pub fn write<R: Row>(&self, row: &R) -> Result<Item, Error> {
        to_item(row).map_err(|source| Error::Corrupt { operation: self.operation, source })
    }
}

/// One conditional write on plain text: `#name` stands for the attribute of that name, `:value` for an entry of `values`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Write {
    pub update: String,
    pub condition: String,
    pub values: HashMap<String, AttributeValue>,
    /// Placeholders for attributes whose names cannot be spelled as one, as the user's counters.
    pub names: HashMap<String, String>,
}

impl Write {
    pub fn new(update: impl Into<String>, condition: impl Into<String>) -> Self {
        Self { update: update.into(), condition: condition.into(), ..Self::default() }
    }

    pub fn text(self, name: &str, value: impl Into<String>) -> Self {
        self.value(name, AttributeValue::S(value.into()))
    }

    pub fn number(self, name: &str, value: impl Display) -> Self {
        self.value(name, AttributeValue::N(value.to_string()))
    }

    pub fn value(mut self, name: &str, value: AttributeValue) -> Self {
        self.values.insert(format!(":{name}"), value);
        self
    }

    /// One more of the user's counters in the clause at the end of the update: `, #name = :value`, or as `ADD` has it.
    pub fn counter(mut self, number: usize, name: &str, value: i64, equals: &str) -> Self {
        let placeholder = format!("c{number}");
        self.update = format!("{}, #{placeholder}{equals} :{placeholder}", self.update);
        self.names.insert(format!("#{placeholder}"), Counters::attribute(name));
        self.number(&placeholder, value)
    }

    /// Every `#name` of the two expressions, with what it stands for.
    fn all_names(&self) -> HashMap<String, String> {
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

/// What became of one conditional write.
#[derive(Debug)]
pub(crate) enum Written {
    /// Applied; the item as it is now, where it was asked for.
    Applied(Option<Item>),
    /// The condition did not hold; the item as it is, if there is one.
    Refused(Option<Item>),
}

/// What became of one conditional write whose refusal has a name.
#[derive(Debug)]
pub(crate) enum Decided<R, O> {
    /// Applied; the row as it is now.
    Applied(Box<R>),
    /// Refused; what the row that was met means for it.
    Refused(O),
}

/// What became of a transaction.
#[derive(Debug)]
pub(crate) enum Transacted {
    /// All of it was applied.
    Applied,
    /// None of it was; what each part met.
    Refused(Vec<Part>),
}

/// What a part of a refused transaction met.
#[derive(Debug)]
pub(crate) enum Part {
    /// Its condition held.
    Held,
    /// Its condition did not; the item as it is, if there is one.
    Met(Option<Item>),
}

impl Part {
    pub const fn held(&self) -> bool {
        matches!(self, Self::Held)
    }
}

impl ControlTable {
    /// The table of that name.
    #[must_use]
    pub fn new(client: Client, name: &str, entropy: Arc<Entropy>) -> Self {
        Self { client, name: name.into(), entropy }
    }

    /// The table's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// One conditional update of one item.
    pub(crate) async fn update(
        &self,
        about: About<'_>,
        key: ItemKey,
        write: Write,
        answer: ReturnValue,
    ) -> Result<Written, Error> {
        let request = self
            .client
            .update_item()
            .table_name(&*self.name)
            .set_key(Some(key.to_item()))
            .set_expression_attribute_names(Some(write.all_names()))
            .update_expression(write.update)
            .condition_expression(write.condition)
            // An empty map is refused.
            .set_expression_attribute_values(Some(write.values).filter(|values| !values.is_empty()))
            .return_values(answer)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match request.send().await {
            Ok(output) => Ok(Written::Applied(output.attributes)),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(refusal)) => {
                    Ok(Written::Refused(refusal.item.clone()))
                }
                _ => Err(self.sdk_error(about, error)),
            },
        }
    }

    /// One conditional update of one row, whose refusal `apply` names: on the row that was met it must change nothing, or
    /// expression and meaning disagree.
    pub(crate) async fn decide<R: Row, O>(
        &self,
        about: About<'_>,
        key: ItemKey,
        write: Write,
        apply: impl FnOnce(&mut Option<R>) -> O,
    ) -> Result<Decided<R, O>, Error> {
        match self.update(about, key, write, ReturnValue::AllNew).await? {
            Written::Applied(Some(item)) => Ok(Decided::Applied(Box::new(about.read(item)?))),
            Written::Applied(None) => Err(about.disagreement()),
            Written::Refused(item) => {
                let met: Option<R> = item.map(|item| about.read(item)).transpose()?;
                let mut row = met.clone();
                let outcome = apply(&mut row);
                if row == met { Ok(Decided::Refused(outcome)) } else { Err(about.disagreement()) }
            }
        }
    }

    /// An update as a part of a transaction.
    pub(crate) fn update_part(
        &self,
        about: About<'_>,
        key: &ItemKey,
        write: Write,
    ) -> Result<TransactWriteItem, Error> {
        let update = Update::builder()
            .table_name(&*self.name)
            .set_key(Some(key.to_item()))
            .set_expression_attribute_names(Some(write.all_names()))
            .update_expression(write.update)
            .condition_expression(write.condition)
            .set_expression_attribute_values(Some(write.values))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build();
        match update {
            Ok(update) => Ok(TransactWriteItem::builder().update(update).build()),
            Err(source) => Err(about.build_error(source)),
        }
    }

    /// A row, if there is none with its key, as a part of a transaction.
    pub(crate) fn put_part<R: Row>(&self, about: About<'_>, row: &R) -> Result<TransactWriteItem, Error> {
        let put = Put::builder()
            .table_name(&*self.name)
            .set_item(Some(about.write(row)?))
            .condition_expression("attribute_not_exists(#pk)")
            .expression_attribute_names("#pk", crate::item::PK)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build();
        match put {
            Ok(put) => Ok(TransactWriteItem::builder().put(put).build()),
            Err(source) => Err(about.build_error(source)),
        }
    }

    /// A transaction. One that meets another is tried again, with backoff: the reasons of its cancellation tell that
    /// apart from a condition that does not hold.
    pub(crate) async fn transact(&self, about: About<'_>, parts: Vec<TransactWriteItem>) -> Result<Transacted, Error> {
        let mut last_code = String::new();
        for attempt in 0..BUSY_TRIES {
            self.back_off(attempt).await;
            let request = self.client.transact_write_items().set_transact_items(Some(parts.clone()));
            let Err(error) = request.send().await else {
                return Ok(Transacted::Applied);
            };
            let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error()
            else {
                return Err(self.sdk_error(about, error));
            };
            let mut reasons = cancelled.cancellation_reasons.clone().unwrap_or_default();
            if let Some(busy) = reasons.iter().filter_map(|reason| reason.code.as_deref()).find(|code| is_busy(code)) {
                busy.clone_into(&mut last_code);
                continue;
            }
            let is_condition = |code: &Option<String>| code.as_deref() == Some("ConditionalCheckFailed");
            if !reasons.iter().any(|reason| is_condition(&reason.code)) {
                return Err(self.sdk_error(about, error));
            }
            let met = reasons
                .iter_mut()
                .map(|reason| if is_condition(&reason.code) { Part::Met(reason.item.take()) } else { Part::Held });
            return Ok(Transacted::Refused(met.collect()));
        }
        Err(about.still_busy(last_code))
    }

    /// Waits before the given try of something that `DynamoDB` was too busy for: full jitter, nothing before the first.
    pub(crate) async fn back_off(&self, attempt: u32) {
        if attempt == 0 {
            return;
        }
        let ceiling = BACKOFF_BASE_MS.saturating_mul(1 << attempt.min(16)).min(BACKOFF_CAP_MS);
        tokio::time::sleep(Duration::from_millis(self.entropy.up_to(ceiling))).await;
    }

    pub(crate) fn sdk_error<E>(&self, about: About<'_>, error: aws_sdk_dynamodb::error::SdkError<E>) -> Error
    where
        E: aws_sdk_dynamodb::error::ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        Error::from_sdk(about.operation, about.subject.to_string(), &self.name, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_off_the_expressions() {
        let write = Write::new("SET #status = :s, #attempt = #attempt + :one", "#due_at<:now AND size(#x)>:one");
        let mut names: Vec<_> = write.all_names().into_values().collect();
        names.sort();
        assert_eq!(names, ["attempt", "due_at", "status", "x"]);
    }
}
