//! The embedded services through the SDK's own clients, as everything else reaches them.
#![expect(clippy::disallowed_methods, reason = "these tests are about the service, not about the control table")]

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ReturnValuesOnConditionCheckFailure,
    ScalarAttributeType, StreamSpecification, StreamViewType,
};
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::PutRecordsRequestEntry;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

const TABLE: &str = "things";
const STREAM: &str = "segments";

pub(crate) async fn create_table(client: &aws_sdk_dynamodb::Client) {
    client
        .create_table()
        .table_name(TABLE)
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(
            AttributeDefinition::builder()
                .attribute_name("pk")
                .attribute_type(ScalarAttributeType::S)
                .build()
                .expect("complete"),
        )
        .key_schema(KeySchemaElement::builder().attribute_name("pk").key_type(KeyType::Hash).build().expect("complete"))
        .stream_specification(
            StreamSpecification::builder()
                .stream_enabled(true)
                .stream_view_type(StreamViewType::NewImage)
                .build()
                .expect("complete"),
        )
        .send()
        .await
        .expect("a table");
}

async fn put(client: &aws_sdk_dynamodb::Client, key: &str) {
    client.put_item().table_name(TABLE).item("pk", AttributeValue::S(key.to_owned())).send().await.expect("a put");
}

#[tokio::test]
async fn a_lost_condition_is_the_sdks_typed_error_with_the_winners_item() {
    let client = EmbeddedDynamoDb::in_memory().expect("a database").client();
    create_table(&client).await;
    put(&client, "a").await;
    let refusal = client
        .put_item()
        .table_name(TABLE)
        .item("pk", AttributeValue::S("a".to_owned()))
        .condition_expression("attribute_not_exists(pk)")
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .send()
        .await
        .expect_err("the item exists")
        .into_service_error();
    assert!(refusal.is_conditional_check_failed_exception(), "{refusal:?}");
}

#[tokio::test]
async fn an_unknown_table_is_the_sdks_typed_error() {
    let client = EmbeddedDynamoDb::in_memory().expect("a database").client();
    let refusal = client.get_item().table_name("none").key("pk", AttributeValue::S("a".into())).send().await;
    let refusal = refusal.expect_err("there is no table").into_service_error();
    assert!(refusal.is_resource_not_found_exception(), "{refusal:?}");
}

#[tokio::test]
async fn what_was_written_and_what_was_trimmed_are_there_after_reopening() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("dynamodb.sqlite");
    {
        let database = EmbeddedDynamoDb::open(&path, Durability::ProcessCrash).expect("a database");
        let client = database.client();
        create_table(&client).await;
        for key in ["a", "b", "c"] {
            put(&client, key).await;
        }
        let stream = database.stream(TABLE).expect("a stream");
        let read = stream.read(0, 2).await.expect("records");
        assert_eq!(read.len(), 2);
        stream.trim(read[1].position).await.expect("a trim");
    }
    let database = EmbeddedDynamoDb::open(&path, Durability::PowerLoss).expect("a database");
    put(&database.client(), "d").await;
    let left = database.stream(TABLE).expect("a stream").read(0, 10).await.expect("records");
    let keys: Vec<_> = left.iter().map(|change| change.event["dynamodb"]["Keys"]["pk"]["S"].as_str()).collect();
    assert_eq!(keys, [Some("c"), Some("d")]);
}

#[tokio::test]
async fn a_record_of_the_stream_has_the_shape_that_lambda_gives_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let database = EmbeddedDynamoDb::open(&directory.path().join("db"), Durability::ProcessCrash).expect("a database");
    create_table(&database.client()).await;
    put(&database.client(), "a").await;
    let mut read = database.stream(TABLE).expect("a stream").read(0, 10).await.expect("records");
    let event: aws_lambda_events::event::dynamodb::EventRecord =
        serde_json::from_value(read.remove(0).event).expect("a record");
    assert_eq!(event.event_name, "INSERT");
    assert_eq!(event.change.sequence_number.as_deref().map(str::len), Some(21));
    assert_eq!(event.change.new_image, event.change.keys);
    let arn = event.event_source_arn.expect("an ARN");
    assert!(arn.starts_with("arn:aws:dynamodb:us-east-1:000000000000:table/things/stream/"), "{arn}");
}

#[tokio::test]
async fn a_write_rings() {
    let database = EmbeddedDynamoDb::in_memory().expect("a database");
    create_table(&database.client()).await;
    let mut changes = database.changes();
    assert!(changes.wait().await, "what was there before counts");
    put(&database.client(), "a").await;
    let rung = tokio::time::timeout(Duration::from_secs(5), changes.wait()).await;
    assert_eq!(rung, Ok(true));
}

/// The answer to one HTTP request, whole.
async fn ask(address: SocketAddr, operation: &str, header: &str, body: &str) -> String {
    let mut socket = tokio::net::TcpStream::connect(address).await.expect("a listener");
    let request = format!(
        "POST / HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\nx-amz-target: DynamoDB_20120810.{operation}\r\n{header}\
         content-length: {}\r\n\r\n{body}",
        body.len(),
    );
    socket.write_all(request.as_bytes()).await.expect("a request");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.expect("an answer");
    answer
}

#[tokio::test]
async fn the_same_database_is_served_on_a_socket() {
    let database = EmbeddedDynamoDb::in_memory().expect("a database");
    create_table(&database.client()).await;
    put(&database.client(), "a").await;
    let mut changes = database.changes();
    changes.wait().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let same = database.clone();
    let server = tokio::spawn(async move { same.serve(listener, async { drop(stopped.await) }).await });

    let answer = ask(address, "Scan", "", r#"{"TableName":"things"}"#).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains(r#""pk":{"S":"a"}"#), "{answer}");
    let answer = ask(address, "PutItem", "", r#"{"TableName":"things","Item":{"pk":{"S":"b"}}}"#).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let rung = tokio::time::timeout(Duration::from_secs(5), changes.wait()).await;
    assert_eq!(rung, Ok(true), "a write through the socket rings, too");
    let answer = ask(address, "Scan", "", r#"{"TableName":"none"}"#).await;
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("ResourceNotFoundException"), "{answer}");
    let answer = ask(address, "ListTables", "", "no JSON").await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    let answer = ask(address, "ListTables", "origin: http://elsewhere.example\r\n", "{}").await;
    assert!(answer.starts_with("HTTP/1.1 403 "), "a page in a browser reads no table: {answer}");

    drop(stop);
    server.await.expect("no panic").expect("a clean stop");
}

/// How many items a scan finds.
async fn count(client: &aws_sdk_dynamodb::Client) -> i32 {
    client.scan().table_name(TABLE).send().await.expect("a scan").count
}

/// Reads that meet go by handles of their own: each sees what was written before it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_read_sees_each_write_before_it_whatever_runs_beside() {
    let directory = tempfile::tempdir().expect("a directory");
    let database = EmbeddedDynamoDb::open(&directory.path().join("db"), Durability::ProcessCrash).expect("a database");
    create_table(&database.client()).await;
    let tasks = (0..4).map(|task| {
        let client = database.client();
        tokio::spawn(async move {
            for number in 0..100 {
                let key = format!("{task}-{number}");
                put(&client, &key).await;
                let read = client.get_item().table_name(TABLE).key("pk", AttributeValue::S(key.clone())).send().await;
                assert!(read.expect("an answer").item.is_some(), "{key}");
                assert!(count(&client).await > number);
            }
        })
    });
    for task in futures::future::join_all(tasks).await {
        task.expect("no panic");
    }
    assert_eq!(count(&database.client()).await, 400);
}

async fn put_records(client: &aws_sdk_kinesis::Client, from: usize, count: usize) -> i32 {
    let records = (from..from + count).map(|n| {
        PutRecordsRequestEntry::builder()
            .partition_key(n.to_string())
            .data(Blob::new(format!("record {n}")))
            .build()
            .expect("complete")
    });
    let answer = client.put_records().stream_name(STREAM).set_records(Some(records.collect())).send().await;
    answer.expect("an answer").failed_record_count().unwrap_or(0)
}

#[tokio::test]
async fn a_record_is_read_until_it_is_forgotten() {
    let kinesis = EmbeddedKinesis::start(Backlog::default());
    let shards = kinesis.create_stream(STREAM, 2).await.expect("a stream");
    assert_eq!(put_records(&kinesis.client(), 0, 20).await, 0);
    let mut found = 0;
    for shard in &shards {
        let all = shard.read(&HashSet::new(), 100).await;
        assert!(!all.is_empty(), "20 keys over 2 shards");
        let first: HashSet<_> = [all[0].key.clone()].into();
        assert_eq!(shard.read(&first, 100).await, all[1..], "what is taken is not read again");
        found += all.len();
        let keys: Vec<_> = all.into_iter().map(|record| record.key).collect();
        shard.forget(&keys).await;
        assert_eq!(shard.read(&HashSet::new(), 100).await, []);
    }
    assert_eq!(found, 20);
    assert_eq!(kinesis.waiting(), 0);
}

#[tokio::test]
async fn a_put_beyond_the_backlog_fails_by_record_and_room_lets_it_in() {
    let backlog = Backlog { records_max: 5, wait_max: Duration::from_millis(10) };
    let kinesis = EmbeddedKinesis::start(backlog);
    let shards = kinesis.create_stream(STREAM, 1).await.expect("a stream");
    assert_eq!(put_records(&kinesis.client(), 0, 5).await, 0);
    assert_eq!(put_records(&kinesis.client(), 5, 3).await, 3, "each record is refused");
    let read = shards[0].read(&HashSet::new(), 5).await;
    shards[0].forget(&read.into_iter().map(|record| record.key).collect::<Vec<_>>()).await;
    assert_eq!(put_records(&kinesis.client(), 5, 3).await, 0);
    assert_eq!(kinesis.waiting(), 3);
}

/// More puts at once than the runtime has threads, while records are read: the emulator's store alone would block them all.
#[test]
fn puts_and_reads_at_once_do_not_block_each_other_for_ever() {
    let (done, is_done) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let kinesis = EmbeddedKinesis::start(Backlog::default());
            let shards = kinesis.create_stream(STREAM, 1).await.expect("a stream");
            let mut tasks = tokio::task::JoinSet::new();
            for task in 0..6 {
                let (client, shard) = (kinesis.client(), shards[0].clone());
                tasks.spawn(async move {
                    for round in 0..200 {
                        assert_eq!(put_records(&client, task * 1_000 + round, 5).await, 0);
                        let records = shard.read(&HashSet::new(), 10).await;
                        shard.forget(&records.into_iter().map(|record| record.key).collect::<Vec<_>>()).await;
                    }
                });
            }
            while let Some(ended) = tasks.join_next().await {
                ended.expect("no panic");
            }
        });
        done.send(()).expect("the test waits");
    });
    is_done.recv_timeout(Duration::from_mins(1)).expect("puts and reads block each other");
}
