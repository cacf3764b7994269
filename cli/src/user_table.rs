//! Requests about the user's own tables, which are no part of the control table.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::describe_table::DescribeTableError;
use aws_sdk_dynamodb::types::TableDescription;

/// Pages of table names, of a hundred each, that are asked for at most: an account has at most 2,500 tables unless AWS raises
/// its quota.
const MAX_PAGES: usize = 1_000;

/// What the SDK said.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// `DynamoDB` refused a request about a table.
#[derive(Debug, thiserror::Error)]
#[error("DynamoDB refused to {verb}: {source}")]
pub struct TableError {
    /// What was tried, with the table's name.
    verb: String,
    /// What the SDK said.
    source: Cause,
}

impl TableError {
    /// The SDK's error of trying to `verb` that table.
    pub fn new<E>(verb: &str, table: &str, error: SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        Self { verb: format!("{verb} table {table:?}"), source: said(error) }
    }

    /// A request to create that table which cannot be built.
    pub fn build(table: &str, error: BuildError) -> Self {
        Self { verb: format!("create table {table:?}"), source: Box::new(error) }
    }
}

/// The table; `None` if there is none of that name.
pub async fn describe(client: &Client, table: &str) -> Result<Option<TableDescription>, TableError> {
    match client.describe_table().table_name(table).send().await {
        Ok(output) => Ok(output.table),
        Err(error) if error.as_service_error().is_some_and(DescribeTableError::is_resource_not_found_exception) => {
            Ok(None)
        }
        Err(error) => Err(TableError::new("describe", table, error)),
    }
}

/// The names of all tables, in order.
pub async fn names(client: &Client) -> Result<Vec<String>, TableError> {
    let (mut names, mut from) = (Vec::new(), None);
    for _ in 0..MAX_PAGES {
        let page = client.list_tables().set_exclusive_start_table_name(from).send().await;
        let page = page.map_err(|error| TableError { verb: "list the tables".to_owned(), source: said(error) })?;
        names.extend(page.table_names.unwrap_or_default());
        from = page.last_evaluated_table_name;
        if from.is_none() {
            break;
        }
    }
    Ok(names)
}

/// Deletes the table with all its items.
pub async fn delete(client: &Client, table: &str) -> Result<(), TableError> {
    let deleted = client.delete_table().table_name(table).send().await;
    deleted.map(drop).map_err(|error| TableError::new("delete", table, error))
}

/// The code of an error that `DynamoDB` has no code for. The message says what it is.
const INTERNAL: &str = "InternalServerError";

/// What `DynamoDB` said, in its own words.
#[derive(Debug, thiserror::Error)]
#[error("{message}{}", if code == INTERNAL { String::new() } else { format!(" ({code})") })]
struct Said {
    code: String,
    message: String,
}

/// The SDK's own text is "service error"; what happened is deeper in it.
pub fn said<E>(error: SdkError<E>) -> Cause
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match (error.code(), error.message()) {
        (Some(code), Some(message)) => Box::new(Said { code: code.to_owned(), message: message.to_owned() }),
        _ => Box::new(error),
    }
}
