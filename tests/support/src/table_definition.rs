//! The control table as the template defines it.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType, StreamSpecification, StreamViewType,
};
use serde_json::Value;

use crate::template::template;

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableDefinition {
    /// Attributes of keys, with their types (`S`, `N`, `B`).
    pub attributes: Vec<(String, String)>,
    /// The key's attributes, with their roles (`HASH`, `RANGE`).
    pub key: Vec<(String, String)>,
    /// Its global secondary indexes.
    pub indexes: Vec<IndexDefinition>,
    /// The images of its stream, such as `NEW_IMAGE`; `None` if it has no stream.
    pub stream_view: Option<String>,
    /// The attribute by which items expire.
    pub expires_by: Option<String>,
}

/// A global secondary index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexDefinition {
    /// Its name.
    pub name: String,
    /// The key's attributes, with their roles.
    pub key: Vec<(String, String)>,
    /// `ALL`, `KEYS_ONLY` or `INCLUDE`.
    pub projection: String,
    /// The attributes that an `INCLUDE` includes.
    pub included: Vec<String>,
}

impl TableDefinition {
    /// The template's control table.
    #[must_use]
    pub fn of_template() -> Self {
        let table = &template()["Resources"]["ControlTable"]["Properties"];
        let expiry = &table["TimeToLiveSpecification"];
        Self {
            attributes: pairs(&table["AttributeDefinitions"], "AttributeType"),
            key: pairs(&table["KeySchema"], "KeyType"),
            indexes: list(&table["GlobalSecondaryIndexes"]).iter().map(IndexDefinition::of).collect(),
            stream_view: table["StreamSpecification"]["StreamViewType"].as_str().map(str::to_owned),
            expires_by: expiry["Enabled"].as_bool().unwrap().then(|| text(&expiry["AttributeName"])),
        }
    }

    /// Creates the table under that name.
    pub async fn create(&self, client: &Client, name: &str) {
        let attributes = self.attributes.iter().map(|(name, kind)| {
            let attribute = AttributeDefinition::builder().attribute_name(name);
            attribute.attribute_type(ScalarAttributeType::from(&**kind)).build().unwrap()
        });
        let indexes: Vec<_> = self.indexes.iter().map(IndexDefinition::request).collect();
        let stream = self.stream_view.as_deref().map(|view| {
            let stream = StreamSpecification::builder().stream_enabled(true);
            stream.stream_view_type(StreamViewType::from(view)).build().unwrap()
        });
        let request = client
            .create_table()
            .table_name(name)
            .billing_mode(BillingMode::PayPerRequest)
            .set_attribute_definitions(Some(attributes.collect()))
            .set_key_schema(Some(key_schema(&self.key)))
            .set_global_secondary_indexes((!indexes.is_empty()).then_some(indexes))
            .set_stream_specification(stream);
        request.send().await.unwrap();
    }
}

impl IndexDefinition {
    fn of(index: &Value) -> Self {
        let projection = &index["Projection"];
        let included = projection["NonKeyAttributes"].as_array();
        Self {
            name: text(&index["IndexName"]),
            key: pairs(&index["KeySchema"], "KeyType"),
            projection: text(&projection["ProjectionType"]),
            included: included.map(|names| names.iter().map(text).collect()).unwrap_or_default(),
        }
    }

    fn request(&self) -> GlobalSecondaryIndex {
        let projection = Projection::builder().projection_type(ProjectionType::from(&*self.projection));
        let included = (!self.included.is_empty()).then(|| self.included.clone());
        GlobalSecondaryIndex::builder()
            .index_name(&self.name)
            .set_key_schema(Some(key_schema(&self.key)))
            .projection(projection.set_non_key_attributes(included).build())
            .build()
            .unwrap()
    }
}

fn key_schema(key: &[(String, String)]) -> Vec<KeySchemaElement> {
    let element = |(attribute, role): &(String, String)| {
        KeySchemaElement::builder().attribute_name(attribute).key_type(KeyType::from(&**role)).build().unwrap()
    };
    key.iter().map(element).collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// A list of attributes with one property each.
fn pairs(value: &Value, property: &str) -> Vec<(String, String)> {
    list(value).iter().map(|entry| (text(&entry["AttributeName"]), text(&entry[property]))).collect()
}
