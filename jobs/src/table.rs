//! The user's tables: their keys, and what their errors mean.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::{AttributeValue, KeySchemaElement, KeyType, ScalarAttributeType, TableDescription};
use serde_json::Value;
use tokio::sync::OnceCell;

use runtime::{SegmentError, chain};

/// Hash keys that are remembered. A worker sees a table or two in its life; more than this are asked for each time.
const MAX_REMEMBERED: usize = 64;

/// A table, or an index of one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub table: String,
    pub index: Option<String>,
}

/// Where the user's tables are, and what is known of them. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Tables {
    pub client: Client,
    hash_keys: Arc<Mutex<HashMap<Place, Arc<OnceCell<HashKey>>>>>,
}

/// The attribute that a table or an index is partitioned by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HashKey {
    pub name: String,
    kind: ScalarAttributeType,
}

impl Tables {
    pub fn new(client: Client) -> Self {
        Self { client, hash_keys: Arc::default() }
    }

    /// The hash key of that place: asked for once, also by segments that begin at the same time.
    pub async fn hash_key(&self, place: &Place) -> Result<HashKey, SegmentError> {
        let key = self.remembered(place);
        key.get_or_try_init(|| self.ask_for_hash_key(place)).await.cloned()
    }

    /// The lock is held for the look alone, and not handed from one segment to the next: the next one's turn comes only when the thread
    /// that woke it is free.
    fn remembered(&self, place: &Place) -> Arc<OnceCell<HashKey>> {
        // Each change of the map is one step, so a panic elsewhere leaves it whole.
        let mut known = self.hash_keys.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_REMEMBERED && !known.contains_key(place) {
            return Arc::default();
        }
        Arc::clone(known.entry(place.clone()).or_default())
    }

    async fn ask_for_hash_key(&self, place: &Place) -> Result<HashKey, SegmentError> {
        let output = self.client.describe_table().table_name(&place.table).send().await;
        let output = output.map_err(|error| sort(place, "dynamodb:DescribeTable", &error))?;
        let key = output.table.as_ref().and_then(|table| hash_key(table, place.index.as_deref()));
        key.ok_or_else(|| no_such_index(place))
    }

    /// The attributes of a table's key, asked for each time: for error messages.
    pub async fn primary_key(&self, table: &str) -> Result<Vec<String>, SegmentError> {
        let output = self.client.describe_table().table_name(table).send().await;
        let place = Place { table: table.to_owned(), index: None };
        let output = output.map_err(|error| sort(&place, "dynamodb:DescribeTable", &error))?;
        let schema = output.table.and_then(|table| table.key_schema).unwrap_or_default();
        Ok(schema.into_iter().map(|key| key.attribute_name).collect())
    }
}

fn hash_key(table: &TableDescription, index: Option<&str>) -> Option<HashKey> {
    let schema = match index {
        None => table.key_schema(),
        Some(index) => {
            let global = table.global_secondary_indexes().iter();
            let local = table.local_secondary_indexes().iter();
            let global = global.map(|found| (found.index_name(), found.key_schema()));
            let mut all = global.chain(local.map(|found| (found.index_name(), found.key_schema())));
            all.find(|(name, _)| *name == Some(index))?.1
        }
    };
    let name = schema.iter().find(|key| *key.key_type() == KeyType::Hash).map(KeySchemaElement::attribute_name)?;
    let definition = table.attribute_definitions().iter().find(|found| found.attribute_name() == name)?;
    Some(HashKey { name: name.to_owned(), kind: definition.attribute_type().clone() })
}

fn no_such_index(place: &Place) -> SegmentError {
    let Place { table, index } = place;
    let index = index.as_deref().unwrap_or_default();
    SegmentError::permanent(format_args!("table {table:?} has no index {index:?}: correct the execution's \"index\""))
}

impl HashKey {
    /// A code as a value of this key.
    pub fn value(&self, code: &Value) -> Result<AttributeValue, SegmentError> {
        let text = match code {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            other => {
                return Err(SegmentError::permanent(format_args!("the code {other} is neither text nor a number")));
            }
        };
        match self.kind {
            ScalarAttributeType::S => Ok(AttributeValue::S(text)),
            ScalarAttributeType::N => Ok(AttributeValue::N(text)),
            _ => Err(SegmentError::permanent(format_args!(
                "the hash key {:?} is neither text nor a number: no code can be looked up by it",
                self.name
            ))),
        }
    }
}

/// What an error of `DynamoDB`'s means for a segment. `action` is the permission that the request needs.
pub(super) fn sort<E>(place: &Place, action: &str, error: &SdkError<E>) -> SegmentError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let table = &place.table;
    let cause = chain(error);
    match error.as_service_error().and_then(ProvideErrorMetadata::code) {
        Some("ResourceNotFoundException") => SegmentError::permanent(format_args!(
            "table {table:?} does not exist, or lacks the index: correct the execution's \"table\" or \"index\"; on AWS look at the region, too ({cause})"
        )),
        Some("AccessDeniedException") => SegmentError::permanent(format_args!(
            "the worker may not read table {table:?}: give its role {action} on the table and its indexes ({cause})"
        )),
        Some("ValidationException") => SegmentError::permanent(format_args!(
            "DynamoDB cannot make sense of {action} on table {table:?}: correct the execution's parameters or specs ({cause})"
        )),
        // Throttling, time-outs, a lost connection; and unknown errors, which cost a few attempts at most.
        _ => SegmentError::retryable(format_args!("table {table:?} could not be read: {cause}")),
    }
}
