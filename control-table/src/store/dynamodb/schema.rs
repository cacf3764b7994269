//! The schema of the table: checks it, and makes a table for the local system and for tests.
//!
//! On AWS `infra/template.yaml` makes the table; a test compares the two.

use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType, StreamSpecification, StreamViewType, TableDescription,
};

use super::{About, DAY_INDEX, DUE_INDEX, DynamoDbStore, JOB_INDEX};
use crate::error::Error;
use crate::rows::{PK, SK};

/// A table cannot be used as a control table. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// The table cannot be described.
    #[error(transparent)]
    Request(#[from] Error),
    /// The table has other keys.
    #[error(
        "table {table:?} is not a control table: its keys are {found}, not pk (hash) and sk (range). Name the right table \
         in CONTROL_TABLE, or deploy infra/template.yaml"
    )]
    Keys {
        /// The table's name.
        table: String,
        /// The keys that the table has.
        found: String,
    },
    /// An index is missing or has other keys.
    #[error("table {table:?} has no index {index:?} with the keys {keys:?}: deploy infra/template.yaml over it")]
    Index {
        /// The table's name.
        table: String,
        /// The index's name.
        index: &'static str,
        /// The keys that the index must have.
        keys: [&'static str; 2],
    },
    /// The table has no stream of new images, so no execution would ever complete.
    #[error(
        "table {table:?} has no stream with new images, so no execution would ever complete: enable it (StreamViewType NEW_IMAGE), \
         or deploy infra/template.yaml over it"
    )]
    NoStream {
        /// The table's name.
        table: String,
    },
}

/// An index of the table. Each holds keys only: `DynamoDB` writes to it when an item enters, moves or leaves, and at no
/// other change.
struct Index {
    name: &'static str,
    hash: (&'static str, ScalarAttributeType),
    range: (&'static str, ScalarAttributeType),
}

fn indexes() -> [Index; 3] {
    let text = ScalarAttributeType::S;
    [
        Index { name: JOB_INDEX, hash: ("job", text.clone()), range: (PK, text.clone()) },
        Index { name: DAY_INDEX, hash: ("day", text.clone()), range: (PK, text.clone()) },
        Index { name: DUE_INDEX, hash: ("due_shard", text), range: ("due_at", ScalarAttributeType::N) },
    ]
}

impl DynamoDbStore {
    /// Makes the table, for the local system and for tests. A table that exists is left as it is.
    pub async fn create(&self) -> Result<(), Error> {
        let about = About { operation: "create table", subject: &self.table };
        let build = |source| about.build_error(&source);
        let stream = StreamSpecification::builder().stream_enabled(true).stream_view_type(StreamViewType::NewImage);
        let mut request = self
            .client
            .create_table()
            .table_name(&*self.table)
            .billing_mode(BillingMode::PayPerRequest)
            .stream_specification(stream.build().map_err(build)?)
            .key_schema(key(PK, KeyType::Hash).map_err(build)?)
            .key_schema(key(SK, KeyType::Range).map_err(build)?);
        for (name, kind) in attributes() {
            let definition = AttributeDefinition::builder().attribute_name(name).attribute_type(kind);
            request = request.attribute_definitions(definition.build().map_err(build)?);
        }
        for index in indexes() {
            request = request.global_secondary_indexes(index.build().map_err(build)?);
        }
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(CreateTableError::is_resource_in_use_exception) => {
                Ok(())
            }
            Err(error) => Err(self.sdk_error(about, error)),
        }
    }

    /// Checks that the table is there and is a control table.
    pub async fn verify(&self) -> Result<(), SchemaError> {
        let about = About { operation: "describe table", subject: &self.table };
        let output = self.client.describe_table().table_name(&*self.table).send().await;
        let table = output.map_err(|error| self.sdk_error(about, error))?.table.unwrap_or_else(empty_description);
        let found = spell_keys(table.key_schema());
        if found != [PK, SK] {
            return Err(SchemaError::Keys { table: self.table.to_string(), found: found.join(", ") });
        }
        for index in indexes() {
            let keys = [index.hash.0, index.range.0];
            let has = table
                .global_secondary_indexes()
                .iter()
                .any(|found| found.index_name() == Some(index.name) && spell_keys(found.key_schema()) == keys);
            if !has {
                return Err(SchemaError::Index { table: self.table.to_string(), index: index.name, keys });
            }
        }
        let kind = table.stream_specification().and_then(StreamSpecification::stream_view_type);
        match kind {
            Some(StreamViewType::NewImage | StreamViewType::NewAndOldImages) => Ok(()),
            _ => Err(SchemaError::NoStream { table: self.table.to_string() }),
        }
    }
}

impl Index {
    fn build(self) -> Result<GlobalSecondaryIndex, aws_sdk_dynamodb::error::BuildError> {
        GlobalSecondaryIndex::builder()
            .index_name(self.name)
            .key_schema(key(self.hash.0, KeyType::Hash)?)
            .key_schema(key(self.range.0, KeyType::Range)?)
            .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build())
            .build()
    }
}

/// Every attribute that is a key of the table or of an index, once.
fn attributes() -> Vec<(&'static str, ScalarAttributeType)> {
    let mut all = vec![(PK, ScalarAttributeType::S), (SK, ScalarAttributeType::S)];
    for index in indexes() {
        for attribute in [index.hash, index.range] {
            if !all.iter().any(|(name, _)| *name == attribute.0) {
                all.push(attribute);
            }
        }
    }
    all
}

fn key(name: &str, kind: KeyType) -> Result<KeySchemaElement, aws_sdk_dynamodb::error::BuildError> {
    KeySchemaElement::builder().attribute_name(name).key_type(kind).build()
}

fn spell_keys(schema: &[KeySchemaElement]) -> Vec<&str> {
    schema.iter().map(KeySchemaElement::attribute_name).collect()
}

fn empty_description() -> TableDescription {
    TableDescription::builder().build()
}
