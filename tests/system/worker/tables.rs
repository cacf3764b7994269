//! The built-in `count` and `sum`, against a table of cities.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType,
};
use emulator::embedded::EmbeddedDynamoDb;
use jobs::{Commands, builtin};
use runtime::{Output, SegmentError, testing};
use serde_json::{Value, json};

/// Cities by ID, and by country in an index. Those of SY are so long that they fill several pages of 1 MB.
struct Cities {
    client: Client,
}

impl Cities {
    async fn new() -> Self {
        let client = EmbeddedDynamoDb::in_memory().unwrap().client();
        let key =
            |name: &str| KeySchemaElement::builder().attribute_name(name).key_type(KeyType::Hash).build().unwrap();
        let attribute = |name: &str, kind| {
            AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().unwrap()
        };
        let index = GlobalSecondaryIndex::builder()
            .index_name("by-country")
            .key_schema(key("country"))
            .projection(Projection::builder().projection_type(ProjectionType::All).build());
        client
            .create_table()
            .table_name("cities")
            .billing_mode(BillingMode::PayPerRequest)
            .attribute_definitions(attribute("id", ScalarAttributeType::N))
            .attribute_definitions(attribute("country", ScalarAttributeType::S))
            .key_schema(key("id"))
            .global_secondary_indexes(index.build().unwrap())
            .send()
            .await
            .unwrap();
        let cities = Self { client };
        for id in 0..10 {
            cities.put(id, "SY", Some(AttributeValue::N((id * 10).to_string())), 250_000).await;
        }
        cities.put(10, "LB", Some(AttributeValue::N("7".to_owned())), 1).await;
        cities.put(11, "LB", None, 1).await;
        cities
    }

    #[expect(clippy::disallowed_methods, reason = "a user's table, not the control table")]
    async fn put(&self, id: i32, country: &str, population: Option<AttributeValue>, length: usize) {
        let mut request = self
            .client
            .put_item()
            .table_name("cities")
            .item("id", AttributeValue::N(id.to_string()))
            .item("country", AttributeValue::S(country.to_owned()))
            .item("history", AttributeValue::S("x".repeat(length)));
        if let Some(population) = population {
            request = request.item("population", population);
        }
        request.send().await.unwrap();
    }

    async fn run(&self, parameters: Value, spec: Value) -> Result<Output, SegmentError> {
        let work = builtin(self.client.clone(), Commands::Refused);
        testing::run(&*work, spec, testing::context().parameters(parameters).build()).await
    }

    async fn refused(&self, parameters: Value, spec: Value) -> String {
        let error = self.run(parameters, spec).await.unwrap_err();
        assert!(!error.is_retryable(), "{error}");
        error.message().to_owned()
    }
}

fn part(segment: u32) -> Value {
    json!({"table": "cities", "segment": segment, "total_segments": 2})
}

#[tokio::test]
async fn the_segments_of_a_scan_count_every_item_once() {
    let cities = Cities::new().await;
    let mut count = 0;
    for segment in 0..2 {
        count += cities.run(json!({"work": "count"}), part(segment)).await.unwrap().item_count;
    }
    assert_eq!(count, 12);
}

#[tokio::test]
async fn the_segments_of_a_scan_sum_every_item_once() {
    let cities = Cities::new().await;
    let (mut items, mut sum) = (0, 0);
    for segment in 0..2 {
        let output = cities.run(json!({"work": "sum", "attribute": "population"}), part(segment)).await.unwrap();
        assert_eq!(output.counters.len(), 1);
        items += output.item_count;
        sum += output.counters["population"];
    }
    assert_eq!((items, sum), (12, 457));
}

#[tokio::test]
async fn a_code_is_looked_up_page_by_page_in_an_index() {
    let cities = Cities::new().await;
    let count = json!({"work": "count", "table": "cities", "index": "by-country"});
    assert_eq!(cities.run(count.clone(), json!({"code": "SY"})).await, Ok(Output::items(10)));
    assert_eq!(cities.run(count, json!({"code": "XX"})).await, Ok(Output::items(0)));
    let sum = json!({"work": "sum", "attribute": "population", "table": "cities", "index": "by-country"});
    assert_eq!(cities.run(sum.clone(), json!({"code": "SY"})).await, Ok(Output::items(10).counter("population", 450)));
    assert_eq!(cities.run(sum, json!({"code": "LB"})).await, Ok(Output::items(2).counter("population", 7)));
}

#[tokio::test]
async fn a_code_may_be_a_number_as_the_tables_key_is() {
    let cities = Cities::new().await;
    for code in [json!(3), json!("3")] {
        let counted = cities.run(json!({"work": "count", "table": "cities"}), json!({"code": code})).await;
        assert_eq!(counted, Ok(Output::items(1)));
    }
}

#[tokio::test]
async fn a_value_that_cannot_be_summed_is_named() {
    let cities = Cities::new().await;
    let sum = json!({"work": "sum", "attribute": "country"});
    let error = cities.refused(sum, part(0)).await;
    assert!(error.contains("\"country\" is \"SY\" (S) in the item id = ") && error.contains("\"cities\""), "{error}");
    cities.put(12, "JO", Some(AttributeValue::N("1.5".to_owned())), 1).await;
    let sum = json!({"work": "sum", "attribute": "population", "table": "cities", "index": "by-country"});
    let error = cities.refused(sum, json!({"code": "JO"})).await;
    assert!(error.contains("\"population\" is 1.5 (N) in the item id = 12 (N) of table \"cities\""), "{error}");
    assert!(error.contains("whole numbers"), "{error}");
    cities.put(13, "IQ", Some(AttributeValue::Null(true)), 1).await;
    let sum = json!({"work": "sum", "attribute": "population", "table": "cities", "index": "by-country"});
    let error = cities.refused(sum, json!({"code": "IQ"})).await;
    assert!(error.contains("\"population\" is null (NULL) in the item id = 13 (N)"), "{error}");
}

#[tokio::test]
async fn a_sum_that_does_not_fit_is_an_error() {
    let cities = Cities::new().await;
    for id in [12, 13] {
        cities.put(id, "JO", Some(AttributeValue::N(i64::MAX.to_string())), 1).await;
    }
    let sum = json!({"work": "sum", "attribute": "population", "table": "cities", "index": "by-country"});
    assert!(cities.refused(sum, json!({"code": "JO"})).await.contains("does not fit 64 bits"));
}

#[tokio::test]
async fn what_is_not_there_fails_for_good_and_says_what_to_do() {
    let cities = Cities::new().await;
    let none = json!({"table": "towns", "segment": 0, "total_segments": 1});
    let count = json!({"work": "count"});
    for (parameters, spec, says) in [
        (count.clone(), none, "table \"towns\" does not exist"),
        (json!({"work": "count", "table": "towns"}), json!({"code": "SY"}), "table \"towns\" does not exist"),
        (json!({"work": "count", "table": "cities", "index": "i"}), json!({"code": 1}), "has no index \"i\""),
        (json!({"work": "count", "table": "towns"}), part(0), "leave the parameter out"),
        (count.clone(), json!({"code": "SY"}), "give \"table\""),
        (count, json!({"from": 1, "to": 2}), "use {\"table\", \"segment\", \"total_segments\"}"),
    ] {
        let error = cities.refused(parameters, spec).await;
        assert!(error.contains(says), "{error}");
    }
}
