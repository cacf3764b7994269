//! Scans of a user's table: how they are counted, and that they are counted once.

use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use serde_json::{Value, json};

use test_support::RawEvents;

use super::world::World;

async fn fill(world: &World, items: u32) {
    let client = world.dynamodb.client();
    let id = AttributeDefinition::builder().attribute_name("id").attribute_type(ScalarAttributeType::S);
    let table = client
        .create_table()
        .table_name("cities")
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(id.build().unwrap())
        .key_schema(KeySchemaElement::builder().attribute_name("id").key_type(KeyType::Hash).build().unwrap());
    table.send().await.unwrap();
    for item in 0..items {
        let put = client.put_item().table_name("cities").item("id", AttributeValue::S(format!("city-{item}")));
        put.send().await.unwrap();
    }
}

fn event(source: &Value) -> Value {
    let mut event = json!({ "job": "job", "key": "k", "source": { "type": "dynamodb-scan", "table": "cities" } });
    for (name, value) in source.as_object().unwrap() {
        event["source"][name] = value.clone();
    }
    event
}

#[tokio::test]
async fn the_count_decides_how_many_segments_there_are() {
    for (items, source, segments) in [
        (0, json!({}), 0),
        (0, json!({ "count": "estimate" }), 0),
        (1, json!({}), 1),
        (95, json!({}), 1),
        (95, json!({ "items_per_segment": 10 }), 10),
        (95, json!({ "items_per_segment": 10, "count": "exact" }), 10),
        (95, json!({ "items_per_segment": 95 }), 1),
        (95, json!({ "segments": 7 }), 7),
    ] {
        let world = World::new().await;
        fill(&world, items).await;
        let answer = world.handle(event(&source)).await.unwrap();
        world.assert_complete(&answer, segments).await;
        for (index, row) in (0..).zip(world.rows(&answer).await) {
            assert_eq!(row.spec, json!({ "table": "cities", "segment": index, "total_segments": segments }));
        }
    }
}

#[tokio::test]
async fn an_estimate_gives_a_table_with_items_at_least_one_segment() {
    let world = World::new().await;
    fill(&world, 3).await;
    let answer = world.handle(event(&json!({ "count": "estimate" }))).await.unwrap();
    world.assert_complete(&answer, 1).await;
}

#[tokio::test]
async fn a_scan_is_gone_on_with_without_counting_again() {
    let world = World::new().await;
    fill(&world, 300).await;
    let event = event(&json!({ "items_per_segment": 1 }));
    let lost = world.scatter_without_stream();
    lost.handle(event.clone(), "request", world.deadline()).await.unwrap_err();
    world.dynamodb.client().delete_table().table_name("cities").send().await.unwrap();
    let answer = world.handle(event).await.unwrap();
    world.assert_complete(&answer, 300).await;
    world.assert_all_have_records(300).await;
}
