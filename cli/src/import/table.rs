//! The user's table: made if it is missing, refused if it is another.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType, TableDescription, TableStatus,
};

use super::error::{ImportError, TableProblem};
use super::row::Shape;
use crate::user_table::{TableError, describe};

/// Looks at a new table until it is ready, some two minutes. The embedded one is ready at once.
const READY_TRIES: u64 = 120;
const READY_PAUSE: Duration = Duration::from_secs(1);

/// The table that an import needs.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Its name.
    pub table: String,
    /// The key's attribute.
    pub key: String,
    /// The attributes to have an index by.
    pub indexes: Vec<String>,
    /// Types of key and indexed attributes, for a table that has to be made.
    pub types: BTreeMap<String, ScalarAttributeType>,
}

impl Wanted {
    /// What the table wants of items once it is made.
    pub fn shape(&self) -> Shape {
        Shape { key: self.key.clone(), keys: self.types.clone() }
    }
}

/// What the table wants of items; `None` if there is no such table, an error if the file does not fit it.
pub async fn find(client: &Client, wanted: &Wanted) -> Result<Option<Shape>, ImportError> {
    describe(client, &wanted.table).await?.map(|description| existing(&description, wanted)).transpose()
}

/// Makes the table, and returns when it is ready.
pub async fn create(client: &Client, wanted: &Wanted) -> Result<(), ImportError> {
    request(client, wanted).await?;
    for _ in 0..READY_TRIES {
        if describe(client, &wanted.table).await?.is_some_and(|table| table.table_status == Some(TableStatus::Active)) {
            return Ok(());
        }
        tokio::time::sleep(READY_PAUSE).await;
    }
    Err(ImportError::NotReady { table: wanted.table.clone(), seconds: READY_TRIES * READY_PAUSE.as_secs() })
}

/// What an existing table wants, if it is one that the file fits.
fn existing(table: &TableDescription, wanted: &Wanted) -> Result<Shape, ImportError> {
    let refuse = |problem| ImportError::OtherTable { table: wanted.table.clone(), problem };
    let keys: Vec<&str> = table.key_schema().iter().map(KeySchemaElement::attribute_name).collect();
    if keys != [wanted.key.as_str()] {
        let found = keys.iter().map(|key| format!("{key:?}")).collect::<Vec<_>>().join(" with ");
        return Err(refuse(TableProblem::Key { found, wanted: wanted.key.clone() }));
    }
    for column in &wanted.indexes {
        let has_it = table.global_secondary_indexes().iter().any(|index| {
            let schema = index.key_schema();
            index.index_name() == Some(column) && schema.len() == 1 && schema[0].attribute_name() == column
        });
        if !has_it {
            return Err(refuse(TableProblem::NoIndex(column.clone())));
        }
    }
    // Everything defined is a key of the table or of an index, so of a type that every item must have there.
    let definitions = table.attribute_definitions().iter();
    let keys = definitions.map(|definition| (definition.attribute_name.clone(), definition.attribute_type.clone()));
    Ok(Shape { key: wanted.key.clone(), keys: keys.collect() })
}

async fn request(client: &Client, wanted: &Wanted) -> Result<(), ImportError> {
    let build = |error| TableError::build(&wanted.table, error);
    let mut request = client
        .create_table()
        .table_name(&wanted.table)
        .billing_mode(BillingMode::PayPerRequest)
        .key_schema(hash(&wanted.key).map_err(build)?);
    for (name, kind) in &wanted.types {
        let definition = AttributeDefinition::builder().attribute_name(name).attribute_type(kind.clone());
        request = request.attribute_definitions(definition.build().map_err(build)?);
    }
    for column in &wanted.indexes {
        let index = GlobalSecondaryIndex::builder()
            .index_name(column)
            .key_schema(hash(column).map_err(build)?)
            .projection(Projection::builder().projection_type(ProjectionType::All).build());
        request = request.global_secondary_indexes(index.build().map_err(build)?);
    }
    match request.send().await {
        Ok(_) => Ok(()),
        Err(error) => Err(TableError::new("create", &wanted.table, error).into()),
    }
}

fn hash(attribute: &str) -> Result<KeySchemaElement, aws_sdk_dynamodb::error::BuildError> {
    KeySchemaElement::builder().attribute_name(attribute).key_type(KeyType::Hash).build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use emulator::embedded::EmbeddedDynamoDb;

    fn wanted(key: &str, indexes: &[&str]) -> Wanted {
        let indexes: Vec<String> = indexes.iter().map(|&name| name.to_owned()).collect();
        let names = indexes.iter().cloned().chain([key.to_owned()]);
        let types = names.map(|name| (name, ScalarAttributeType::S)).collect();
        Wanted { table: "cities".to_owned(), key: key.to_owned(), indexes, types }
    }

    #[tokio::test]
    async fn a_table_is_made_once_and_found_again() {
        let client = EmbeddedDynamoDb::in_memory().unwrap().client();
        let wanted = wanted("id", &["country"]);
        assert_eq!(find(&client, &wanted).await.unwrap(), None);
        create(&client, &wanted).await.unwrap();
        let found = find(&client, &wanted).await.unwrap();
        assert_eq!(found, Some(wanted.shape()));
        assert!(wanted.shape().wants_text("country"));
    }

    #[tokio::test]
    async fn a_table_with_another_key_or_without_the_index_is_refused() {
        let client = EmbeddedDynamoDb::in_memory().unwrap().client();
        create(&client, &wanted("id", &[])).await.unwrap();
        let error = find(&client, &wanted("name", &[])).await.unwrap_err().to_string();
        assert!(error.contains("its key is \"id\", not \"name\""), "{error}");
        let error = find(&client, &wanted("id", &["country"])).await.unwrap_err().to_string();
        assert!(error.contains("no index by \"country\"") && error.contains("tables delete"), "{error}");
    }
}
