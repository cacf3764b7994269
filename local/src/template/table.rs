//! A table's definition, from the template to the embedded `DynamoDB`.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::operation::create_table::builders::CreateTableFluentBuilder;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType, StreamSpecification, StreamViewType, TimeToLiveSpecification,
};

use super::TemplateError;
use super::lookup::Node;

/// Why a table could not be created.
#[derive(Debug, thiserror::Error)]
pub enum CreateTableError {
    /// The definition lacks a part.
    #[error("the table's definition in the template is not complete: {0}")]
    Incomplete(#[from] BuildError),
    /// `DynamoDB` refused it.
    #[error("DynamoDB refused the table {table}: {reason}; check its definition in the template")]
    Refused {
        /// The table.
        table: String,
        /// What `DynamoDB` said.
        reason: String,
    },
}

/// A table as the template defines it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableDefinition {
    /// Attributes of keys, with their types (`S`, `N`, `B`).
    pub attributes: Vec<(String, String)>,
    /// The key's attributes, with their roles (`HASH`, `RANGE`).
    pub key: Vec<(String, String)>,
    /// Its global secondary indexes.
    pub indexes: Vec<IndexDefinition>,
    /// What its stream shows, such as `NEW_IMAGE`; `None`: it has no stream.
    pub stream_view: Option<String>,
    /// The attribute by which items expire.
    pub expires_by: Option<String>,
}

/// A global secondary index as the template defines it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexDefinition {
    /// Its name.
    pub name: String,
    /// The key's attributes, with their roles.
    pub key: Vec<(String, String)>,
    /// `ALL`, `KEYS_ONLY` or `INCLUDE`.
    pub projection: String,
    /// What an `INCLUDE` includes.
    pub included: Vec<String>,
}

impl TableDefinition {
    pub(super) fn read(table: &Node<'_>) -> Result<Self, TemplateError> {
        let stream = table.get("StreamSpecification").get("StreamViewType");
        let expiry = table.get("TimeToLiveSpecification");
        let definition = Self {
            attributes: pairs(&table.get("AttributeDefinitions"), "AttributeType")?,
            key: pairs(&table.get("KeySchema"), "KeyType")?,
            indexes: table
                .get("GlobalSecondaryIndexes")
                .list()?
                .iter()
                .map(IndexDefinition::read)
                .collect::<Result<_, _>>()?,
            stream_view: if stream.is_absent() { None } else { Some(stream.text()?) },
            expires_by: if expiry.get("Enabled").flag_or(false)? {
                Some(expiry.get("AttributeName").text()?)
            } else {
                None
            },
        };
        if definition.key.is_empty() {
            return Err(TemplateError::Missing(table.get("KeySchema").path().to_owned()));
        }
        Ok(definition)
    }

    /// Creates the table under `name`, unless there is one of that name.
    pub async fn create(&self, client: &Client, name: &str) -> Result<(), CreateTableError> {
        let refused = |reason: String| CreateTableError::Refused { table: name.to_owned(), reason };
        if let Err(error) = self.request(client, name)?.send().await {
            let error = error.into_service_error();
            // Created by an earlier run: with what it holds, that is the point of a data directory.
            return if error.is_resource_in_use_exception() { Ok(()) } else { Err(refused(error.to_string())) };
        }
        if let Some(attribute) = &self.expires_by {
            let expiry = TimeToLiveSpecification::builder().attribute_name(attribute).enabled(true).build()?;
            let update = client.update_time_to_live().table_name(name).time_to_live_specification(expiry);
            update.send().await.map_err(|error| refused(error.into_service_error().to_string()))?;
        }
        Ok(())
    }

    fn request(&self, client: &Client, name: &str) -> Result<CreateTableFluentBuilder, BuildError> {
        let mut request = client.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
        for (attribute, kind) in &self.attributes {
            let kind = ScalarAttributeType::from(kind.as_str());
            let attribute = AttributeDefinition::builder().attribute_name(attribute).attribute_type(kind);
            request = request.attribute_definitions(attribute.build()?);
        }
        for element in key_schema(&self.key)? {
            request = request.key_schema(element);
        }
        for index in &self.indexes {
            request = request.global_secondary_indexes(index.request()?);
        }
        if let Some(view) = &self.stream_view {
            let stream = StreamSpecification::builder().stream_enabled(true);
            let stream = stream.stream_view_type(StreamViewType::from(view.as_str()));
            request = request.stream_specification(stream.build()?);
        }
        Ok(request)
    }
}

impl IndexDefinition {
    fn read(index: &Node<'_>) -> Result<Self, TemplateError> {
        let projection = index.get("Projection");
        let included = projection.get("NonKeyAttributes").list()?;
        Ok(Self {
            name: index.get("IndexName").text()?,
            key: pairs(&index.get("KeySchema"), "KeyType")?,
            projection: projection.get("ProjectionType").text()?,
            included: included.iter().map(Node::text).collect::<Result<_, _>>()?,
        })
    }

    fn request(&self) -> Result<GlobalSecondaryIndex, BuildError> {
        let projection = Projection::builder().projection_type(ProjectionType::from(self.projection.as_str()));
        let included = (!self.included.is_empty()).then(|| self.included.clone());
        GlobalSecondaryIndex::builder()
            .index_name(&self.name)
            .set_key_schema(Some(key_schema(&self.key)?))
            .projection(projection.set_non_key_attributes(included).build())
            .build()
    }
}

fn key_schema(key: &[(String, String)]) -> Result<Vec<KeySchemaElement>, BuildError> {
    let element = |(attribute, role): &(String, String)| {
        KeySchemaElement::builder().attribute_name(attribute).key_type(KeyType::from(role.as_str())).build()
    };
    key.iter().map(element).collect()
}

/// A list of attributes with one property each.
fn pairs(list: &Node<'_>, property: &str) -> Result<Vec<(String, String)>, TemplateError> {
    let pair = |entry: &Node<'_>| Ok((entry.get("AttributeName").text()?, entry.get(property).text()?));
    list.list()?.iter().map(pair).collect()
}
