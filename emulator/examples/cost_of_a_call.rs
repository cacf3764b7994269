//! What a call of the embedded services costs through the SDK, in process.
//!
//!     cargo run --release -p local --example cost_of_a_call
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement of the services themselves, printed for whoever runs it"
)]

use std::collections::HashSet;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
    StreamSpecification, StreamViewType,
};
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::PutRecordsRequestEntry;
use emulator::embedded::{Backlog, Durability, EmbeddedDynamoDb, EmbeddedKinesis};

const TABLE: &str = "control";
const ITEMS: u32 = 5_000;
const RECORDS: usize = 100_000;

#[tokio::main]
async fn main() {
    for durability in [Durability::ProcessCrash, Durability::PowerLoss] {
        let directory = tempfile::tempdir().unwrap();
        let database = EmbeddedDynamoDb::open(&directory.path().join("db"), durability).unwrap();
        println!("DynamoDB, {durability:?}, {ITEMS} items, a stream of NEW_IMAGE:");
        dynamodb(&database).await;
    }
    println!("Kinesis, {RECORDS} records:");
    kinesis().await;
}

async fn dynamodb(database: &EmbeddedDynamoDb) {
    let client = database.client();
    create_table(&client).await;
    let begin = Instant::now();
    for n in 0..ITEMS {
        let put = client.put_item().table_name(TABLE).item("pk", AttributeValue::S(n.to_string()));
        put.item("spec", AttributeValue::S("x".repeat(200))).send().await.unwrap();
    }
    each("PutItem", begin.elapsed(), ITEMS);
    let begin = Instant::now();
    for n in 0..ITEMS {
        let update = client.update_item().table_name(TABLE).key("pk", AttributeValue::S(n.to_string()));
        update
            .update_expression("SET attempt = if_not_exists(attempt, :zero) + :one")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":zero", AttributeValue::N("0".into()))
            .expression_attribute_values(":one", AttributeValue::N("1".into()))
            .send()
            .await
            .unwrap();
    }
    each("UpdateItem with a condition", begin.elapsed(), ITEMS);
    let begin = Instant::now();
    for n in 0..ITEMS {
        client.get_item().table_name(TABLE).key("pk", AttributeValue::S(n.to_string())).send().await.unwrap();
    }
    each("GetItem", begin.elapsed(), ITEMS);
    read_stream(database).await;
}

async fn read_stream(database: &EmbeddedDynamoDb) {
    let stream = database.stream(TABLE).unwrap();
    let (mut reading, mut trimming, mut records, mut position) = (Duration::ZERO, Duration::ZERO, 0, 0);
    loop {
        let begin = Instant::now();
        let changes = stream.read(position, 1_000).await.unwrap();
        reading += begin.elapsed();
        let Some(last) = changes.last() else { break };
        position = last.position;
        records += u32::try_from(changes.len()).unwrap();
        let begin = Instant::now();
        stream.trim(position).await.unwrap();
        trimming += begin.elapsed();
    }
    each("read a stream record", reading, records);
    each("trim a stream record", trimming, records);
}

async fn create_table(client: &aws_sdk_dynamodb::Client) {
    let attribute = AttributeDefinition::builder().attribute_name("pk").attribute_type(ScalarAttributeType::S);
    let key = KeySchemaElement::builder().attribute_name("pk").key_type(KeyType::Hash);
    let stream = StreamSpecification::builder().stream_enabled(true).stream_view_type(StreamViewType::NewImage);
    let table = client.create_table().table_name(TABLE).billing_mode(BillingMode::PayPerRequest);
    table
        .attribute_definitions(attribute.build().unwrap())
        .key_schema(key.build().unwrap())
        .stream_specification(stream.build().unwrap())
        .send()
        .await
        .unwrap();
}

async fn kinesis() {
    let kinesis = EmbeddedKinesis::start(Backlog { records_max: RECORDS as u64, wait_max: Duration::ZERO });
    let shards = kinesis.create_stream("segments", 1).await.unwrap();
    let client = kinesis.client();
    let begin = Instant::now();
    for batch in 0..RECORDS / 500 {
        let records = (0..500).map(|n| {
            let record = PutRecordsRequestEntry::builder().partition_key(format!("{batch}-{n}"));
            record.data(Blob::new("x".repeat(200))).build().unwrap()
        });
        let put = client.put_records().stream_name("segments").set_records(Some(records.collect()));
        assert_eq!(put.send().await.unwrap().failed_record_count(), Some(0));
    }
    let records = u32::try_from(RECORDS).unwrap();
    each("PutRecords by 500, a record", begin.elapsed(), records);
    let begin = Instant::now();
    loop {
        let read = shards[0].read(&HashSet::new(), 500).await;
        if read.is_empty() {
            break;
        }
        let keys: Vec<_> = read.into_iter().map(|record| record.key).collect();
        shards[0].forget(&keys).await;
    }
    each("read and forget by 500, a record", begin.elapsed(), records);
}

fn each(what: &str, took: Duration, count: u32) {
    println!("  {what}: {:.1} us", took.as_secs_f64() * 1e6 / f64::from(count.max(1)));
}
