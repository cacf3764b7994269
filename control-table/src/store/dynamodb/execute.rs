//! Operations on `DynamoDB`.
//!
//! The store sends what [`AnyOperation::write`] returns. `DynamoDB` answers an update that it applied with the row before
//! the update, and a write that it refused with the present row. In both cases the operation's `apply` on that row names the
//! outcome. A refusal of what `apply` allows is an error.

#![expect(clippy::disallowed_methods, reason = "this is the adapter: the protocol lives in this crate")]

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, BatchStatementErrorCodeEnum, BatchStatementRequest, CancellationReason, Put, ReturnValue,
    ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update as UpdatePart,
};
use futures::stream::{self, StreamExt, TryStreamExt};

use super::{About, BUSY, DynamoDbStore};
use crate::error::Error;
use crate::limits::STATEMENTS_PER_BATCH;
use crate::operation::{AnyOperation, AnyOutcome, Change, Part, Update, Write};
use crate::rows::{AnyRow, Item, PK, RowKey};
use crate::sdk::is_busy;

/// Requests for one operation. Each revision leaves out at least one tally, of at most 99, or one outcome, of at most 25, or
/// follows a change of the execution.
const MAX_REQUESTS: usize = 128;

/// Batches of a group that are sent at the same time: a full group has six.
const BATCHES_AT_ONCE: usize = 3;

/// The code of a condition that did not hold, in the reasons of a cancelled transaction.
const CONDITION_FAILED: &str = "ConditionalCheckFailed";

/// The answer of `DynamoDB` to a request.
enum Answer {
    /// Applied: the rows before the request, as far as `DynamoDB` returns them.
    Applied(Vec<Part<AnyRow>>),
    /// Refused, and nothing was written: the present rows, as far as `DynamoDB` returns them.
    Refused(Vec<Part<AnyRow>>),
}

impl DynamoDbStore {
    pub(super) async fn execute_operation(&self, operation: &dyn AnyOperation) -> Result<AnyOutcome, Error> {
        let subject = operation.subject();
        let about = About { operation: operation.name(), subject: &subject };
        let wrong_row = |_| about.disagreement();
        let mut revised: Option<Box<dyn AnyOperation>> = None;
        for _ in 0..MAX_REQUESTS {
            let current = revised.as_deref().unwrap_or(operation);
            let met = match self.send(about, current).await? {
                Answer::Applied(rows) => return Ok(current.apply(rows).map_err(wrong_row)?.outcome),
                Answer::Refused(met) => met,
            };
            if let Some(next) = current.revise(met.clone()).map_err(wrong_row)? {
                revised = Some(next);
                continue;
            }
            return current.refused(met).map_err(wrong_row)?.ok_or_else(|| about.disagreement());
        }
        Err(about.disagreement())
    }

    async fn send(&self, about: About<'_>, operation: &dyn AnyOperation) -> Result<Answer, Error> {
        let keys = operation.keys();
        let write = operation.write().map_err(|source| about.corrupt(source))?;
        match (write, &*keys) {
            (Write::Update(update), [key]) => self.update(about, key, update).await,
            (Write::Insert(item), [key]) => self.insert(about, key, item).await,
            (Write::All(changes), keys) if changes.len() == keys.len() => self.transact(about, keys, changes).await,
            (Write::EachInsert(items), keys) if items.len() == keys.len() => {
                self.insert_each(about, &items).await?;
                // Some of them may have existed before. No outcome depends on it.
                Ok(Answer::Applied(vec![Part::Is(None); keys.len()]))
            }
            _ => Err(about.disagreement()),
        }
    }

    async fn update(&self, about: About<'_>, key: &RowKey, update: Update) -> Result<Answer, Error> {
        let names = update.all_names();
        let request = self
            .client
            .update_item()
            .table_name(&*self.table)
            .set_key(Some(key.item_key().to_item()))
            .set_expression_attribute_names(Some(names))
            .update_expression(update.update)
            .condition_expression(update.condition)
            // An empty map is refused.
            .set_expression_attribute_values(Some(update.values).filter(|values| !values.is_empty()))
            .return_values(ReturnValue::AllOld)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match self.when_free(|| request.clone().send()).await {
            Ok(output) => Ok(Answer::Applied(vec![read(about, key, output.attributes)?])),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(refusal)) => {
                    Ok(Answer::Refused(vec![read(about, key, refusal.item.clone())?]))
                }
                _ => Err(self.sdk_error(about, error)),
            },
        }
    }

    async fn insert(&self, about: About<'_>, key: &RowKey, item: Item) -> Result<Answer, Error> {
        let request = self
            .client
            .put_item()
            .table_name(&*self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(#pk)")
            .expression_attribute_names("#pk", PK)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match self.when_free(|| request.clone().send()).await {
            Ok(_) => Ok(Answer::Applied(vec![Part::Is(None)])),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(refusal)) => {
                    Ok(Answer::Refused(vec![read(about, key, refusal.item.clone())?]))
                }
                _ => Err(self.sdk_error(about, error)),
            },
        }
    }

    /// A transaction that meets another is tried again: the reasons of its cancellation tell that apart from a condition
    /// that does not hold.
    async fn transact(&self, about: About<'_>, keys: &[RowKey], changes: Vec<Change>) -> Result<Answer, Error> {
        let parts = keys.iter().zip(changes).map(|(key, change)| self.part(about, key, change));
        let parts: Vec<TransactWriteItem> = parts.collect::<Result<_, _>>()?;
        let (mut tries, mut last_code) = (BUSY.begin(&self.entropy), String::new());
        while tries.next().await {
            let request = self.client.transact_write_items().set_transact_items(Some(parts.clone()));
            let Err(error) = self.when_free(|| request.clone().send()).await else {
                return Ok(Answer::Applied(vec![Part::Held; keys.len()]));
            };
            let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error()
            else {
                return Err(self.sdk_error(about, error));
            };
            let reasons = cancelled.cancellation_reasons.clone().unwrap_or_default();
            let busy = |reason: &&CancellationReason| reason.code.as_deref().is_some_and(is_busy);
            if let Some(reason) = reasons.iter().find(busy) {
                last_code = said(reason.code.as_deref().unwrap_or_default(), reason.message.as_deref());
                continue;
            }
            if !reasons.iter().any(failed) || reasons.len() != keys.len() {
                return Err(self.sdk_error(about, error));
            }
            let met = keys
                .iter()
                .zip(reasons)
                .map(|(key, reason)| if failed(&reason) { read(about, key, reason.item) } else { Ok(Part::Held) });
            return Ok(Answer::Refused(met.collect::<Result<_, _>>()?));
        }
        Err(about.still_busy(last_code))
    }

    fn part(&self, about: About<'_>, key: &RowKey, change: Change) -> Result<TransactWriteItem, Error> {
        let part = TransactWriteItem::builder();
        let part = match change {
            Change::Update(update) => {
                let names = update.all_names();
                let update = UpdatePart::builder()
                    .table_name(&*self.table)
                    .set_key(Some(key.item_key().to_item()))
                    .set_expression_attribute_names(Some(names))
                    .update_expression(update.update)
                    .condition_expression(update.condition)
                    .set_expression_attribute_values(Some(update.values))
                    .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
                part.update(update.build().map_err(|source| about.build_error(&source))?)
            }
            Change::Insert(item) => {
                let put = Put::builder()
                    .table_name(&*self.table)
                    .set_item(Some(item))
                    .condition_expression("attribute_not_exists(#pk)")
                    .expression_attribute_names("#pk", PK)
                    .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
                part.put(put.build().map_err(|source| about.build_error(&source))?)
            }
        };
        Ok(part.build())
    }

    /// Rows by PartiQL INSERT, 25 to a `BatchExecuteStatement`: conditional by nature, one write unit each. Not by
    /// `BatchWriteItem`, which overwrites: two scatters at once would set a finished row back to PENDING.
    async fn insert_each(&self, about: About<'_>, items: &[Item]) -> Result<(), Error> {
        // Collected, because the compiler cannot see that a stream of a borrowing closure may cross threads.
        let batches: Vec<_> = items.chunks(STATEMENTS_PER_BATCH).map(|batch| self.insert_batch(about, batch)).collect();
        stream::iter(batches).buffer_unordered(BATCHES_AT_ONCE).try_collect::<()>().await
    }

    async fn insert_batch(&self, about: About<'_>, items: &[Item]) -> Result<(), Error> {
        let mut left: Vec<&Item> = items.iter().collect();
        let (mut tries, mut last_code) = (BUSY.begin(&self.entropy), String::new());
        while tries.next().await {
            let statements = left.iter().map(|item| self.insert_statement(about, item));
            let request = self.client.batch_execute_statement();
            let request = request.set_statements(Some(statements.collect::<Result<_, _>>()?));
            let sent = self.when_free(|| request.clone().send()).await;
            let output = sent.map_err(|error| self.sdk_error(about, error))?;
            let mut again = Vec::new();
            for (item, answer) in left.into_iter().zip(output.responses.unwrap_or_default()) {
                let Some(error) = answer.error else { continue };
                match error.code.as_ref().map_or("unknown", BatchStatementErrorCodeEnum::as_str) {
                    "DuplicateItem" => {}
                    code if is_busy(code) => {
                        last_code = said(code, error.message.as_deref());
                        again.push(item);
                    }
                    code => return Err(about.refused(code, error.message.unwrap_or_default())),
                }
            }
            if again.is_empty() {
                return Ok(());
            }
            left = again;
        }
        Err(about.still_busy(last_code))
    }

    fn insert_statement(&self, about: About<'_>, item: &Item) -> Result<BatchStatementRequest, Error> {
        let (mut names, mut values) = (Vec::new(), Vec::<AttributeValue>::new());
        for (name, value) in item {
            names.push(format!("'{name}': ?"));
            values.push(value.clone());
        }
        let statement = format!("INSERT INTO \"{}\" VALUE {{{}}}", self.table, names.join(", "));
        BatchStatementRequest::builder()
            .statement(statement)
            .set_parameters(Some(values))
            .build()
            .map_err(|source| about.build_error(&source))
    }
}

fn failed(reason: &CancellationReason) -> bool {
    reason.code.as_deref() == Some(CONDITION_FAILED)
}

/// A code, with what the service says besides: an emulator names its full disk only there.
fn said(code: &str, message: Option<&str>) -> String {
    message.filter(|message| !message.is_empty()).map_or_else(|| code.to_owned(), |said| format!("{code} ({said})"))
}

fn read(about: About<'_>, key: &RowKey, item: Option<Item>) -> Result<Part<AnyRow>, Error> {
    let row = item.map(|item| key.read(item)).transpose();
    row.map(Part::Is).map_err(|source| about.corrupt(source))
}
