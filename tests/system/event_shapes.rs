//! What AWS hands to a function: the shapes of its documentation are taken, and what is meant for another function is
//! refused with words.
//!
//! The runtime reads an event into the type that the handler takes before it calls it, so reading is half of the contract.
//! The sweeper takes none: it reads nothing of the event that started it.

use std::collections::HashSet;

use aws_lambda_events::event::dynamodb::Event as DynamoDbEvent;
use aws_smithy_types::base64;
use chrono::{DateTime, Utc};
use control_table::rows::{ExecutionStatus, SegmentStatus};
use engine::EngineError;
use engine::scatter::ScatterAnswer;
use functions::handlers::{WorkerEventError, WorkerHandler, work_stream};
use runtime::{Context, Output, Segment, Work, work};
use serde_json::{Value, json};
use test_support::{Parts, RawEvents, Requests, dynamodb_event};

/// A record as <https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html> shows one.
fn kinesis_record(sequence_number: &str, data: &[u8]) -> Value {
    json!({
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": "1",
            "sequenceNumber": sequence_number,
            "data": base64::encode(data),
            "approximateArrivalTimestamp": 1_764_000_000.987,
            "encryptionType": "KMS",
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": format!("shardId-000000000006:{sequence_number}"),
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": "arn:aws:iam::111122223333:role/lambda-role",
        "awsRegion": "eu-central-1",
        "eventSourceARN": "arn:aws:kinesis:eu-central-1:111122223333:stream/lambda-stream",
    })
}

/// A record as <https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html> shows one.
fn dynamodb_record(name: &str, change: &Value) -> Value {
    json!({
        "eventID": "c81e728d9d4c2f636f067f89cc14862c",
        "eventVersion": "1.1",
        "dynamodb": change,
        "awsRegion": "eu-central-1",
        "eventName": name,
        "eventSourceARN": "arn:aws:dynamodb:eu-central-1:111122223333:table/t/stream/2026-11-24T00:00:00.000",
        "eventSource": "aws:dynamodb",
    })
}

/// A record as <https://docs.aws.amazon.com/lambda/latest/dg/with-s3.html> shows one.
fn s3_event() -> Value {
    json!({"Records": [{
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "eu-central-1",
        "eventTime": "2026-11-24T02:00:00.000Z",
        "eventName": "ObjectCreated:Put",
        "userIdentity": {"principalId": "AWS:AIDAINPONIXQXHT3IKHL2"},
        "s3": {
            "s3SchemaVersion": "1.0",
            "bucket": {"name": "a-bucket", "arn": "arn:aws:s3:::a-bucket"},
            "object": {"key": "HappyFace.jpg", "size": 1_305_107},
        },
    }]})
}

/// A record as <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html> shows one.
fn sqs_record(message_id: &str, body: &str) -> Value {
    json!({
        "messageId": message_id,
        "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
        "body": body,
        "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1764000000183"},
        "messageAttributes": {},
        "md5OfBody": "098f6bcd4621d373cade4e832627b4f6",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-central-1:111122223333:my-queue",
        "awsRegion": "eu-central-1",
    })
}

fn sqs_event() -> Value {
    json!({"Records": [sqs_record("059f36b4-87a3-44ab-83d2-661975830a7d", "test")]})
}

/// What a schedule without an input delivers, as
/// <https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html> and the console show it.
fn schedule_without_input() -> Value {
    json!({
        "version": "0",
        "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": "111122223333",
        "time": "2026-11-24T02:00:00Z",
        "region": "eu-central-1",
        "resources": ["arn:aws:scheduler:eu-central-1:111122223333:schedule/default/tick"],
        "detail": "{}",
    })
}

/// Events for other functions than these, and what is no event at all.
fn foreign() -> Vec<Value> {
    vec![
        s3_event(),
        sqs_event(),
        schedule_without_input(),
        json!({}),
        json!("a string"),
        json!([]),
        json!(7),
        Value::Null,
    ]
}

fn counting() -> std::sync::Arc<dyn Work> {
    work(|_: Segment<Value>, _: Context| async { Ok(Output::items(1)) })
}

async fn scatter(parts: &Parts, event: Value) -> Result<ScatterAnswer, EngineError> {
    parts.engine(&Requests::default(), 0).handle(event, "request-1", DateTime::<Utc>::MAX_UTC).await
}

fn two_segments() -> Value {
    json!({"job": "shapes", "source": {"type": "range", "from": 0, "to": 2, "size": 1}})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kinesis_event_as_documented_is_worked_and_what_is_no_segment_in_it_is_a_dead_letter() {
    let parts = Parts::new().await;
    let answer = scatter(&parts, two_segments()).await.unwrap();
    let records = parts.shard.read(&HashSet::new(), 10).await;
    let mut documented: Vec<Value> =
        records.iter().map(|record| kinesis_record(&record.sequence_number, &record.data)).collect();
    documented
        .push(kinesis_record("49590338271490256608559692538361571095921575989136588898", b"Hello, this is a test."));
    let handler = WorkerHandler::new(parts.worker(&Requests::default(), counting()), None);
    let response = handler.handle(json!({ "Records": documented }), parts.invocation()).await.unwrap();
    assert_eq!(response, json!({"batchItemFailures": []}));
    let rows = parts.table.group_segments(answer.execution_id.group(0), None).await.unwrap();
    assert!(rows.iter().all(|row| row.status == SegmentStatus::Succeeded), "{rows:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_sqs_event_as_documented_is_worked_and_what_is_no_segment_in_it_is_a_dead_letter() {
    let parts = Parts::new().await;
    let answer = scatter(&parts, two_segments()).await.unwrap();
    let records = parts.shard.read(&HashSet::new(), 10).await;
    let text = |data: &[u8]| String::from_utf8(data.to_vec()).unwrap();
    let mut documented: Vec<Value> =
        records.iter().map(|record| sqs_record(&record.sequence_number, &text(&record.data))).collect();
    documented.push(sqs_record("059f36b4-87a3-44ab-83d2-661975830a7d", "test"));
    let handler = WorkerHandler::new(parts.worker(&Requests::default(), counting()), None);
    let response = handler.handle(json!({ "Records": documented }), parts.invocation()).await.unwrap();
    assert_eq!(response, json!({"batchItemFailures": []}));
    let rows = parts.table.group_segments(answer.execution_id.group(0), None).await.unwrap();
    assert!(rows.iter().all(|row| row.status == SegmentStatus::Succeeded), "{rows:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dynamodb_event_as_documented_is_heard_and_what_is_not_ours_in_it_is_passed_over() {
    let parts = Parts::new().await;
    let answer = scatter(&parts, two_segments()).await.unwrap();
    let records = parts.shard.read(&HashSet::new(), 10).await;
    let worker = parts.worker(&Requests::default(), counting());
    work_stream(&worker, parts.kinesis_event(&records), parts.invocation()).await;

    let image = |record: &Value| record["dynamodb"].clone();
    let mut changes: Vec<Value> = parts.news().read().await.iter().map(image).collect();
    assert!(!changes.is_empty());
    let foreign = json!({"Id": {"N": "101"}});
    changes.push(json!({"ApproximateCreationDateTime": 1_764_000_000, "Keys": foreign, "SizeBytes": 26,
        "NewImage": {"Message": {"S": "New item!"}, "Id": {"N": "101"}}, "SequenceNumber": "4421584500000000017450439091",
        "StreamViewType": "NEW_IMAGE"}));
    let mut events: Vec<Value> = changes.iter().map(|change| dynamodb_record("MODIFY", change)).collect();
    // An item that was deleted has no image; one that expired names the service that deleted it.
    let gone = json!({"Keys": foreign, "SequenceNumber": "111", "SizeBytes": 8, "StreamViewType": "NEW_IMAGE"});
    let mut expired = dynamodb_record("REMOVE", &gone);
    expired["userIdentity"] = json!({"type": "Service", "principalId": "dynamodb.amazonaws.com"});
    events.extend([dynamodb_record("REMOVE", &gone), expired]);
    serde_json::from_value::<DynamoDbEvent>(json!({ "Records": events })).unwrap();

    let response = parts.gather(&Requests::default(), 0).handle(dynamodb_event(&events)).await;
    assert!(response.batch_item_failures.is_empty(), "{response:?}");
    let execution = parts.table.execution(answer.execution_id).await.unwrap().unwrap();
    assert_eq!((execution.status, execution.succeeded), (ExecutionStatus::Succeeded, 2));
}

/// The input of the template's schedule, as EventBridge Scheduler and CloudFormation fill it in.
fn scheduled_input() -> Value {
    let template = test_support::template();
    let input = template["Resources"]["Schedule"]["Properties"]["Target"]["Input"]["Fn::Sub"].as_str().unwrap();
    let filled_in = [
        ("${ScheduledJob}", "nightly"),
        ("${ScheduledSource}", r#"{"type":"range","from":0,"to":2,"size":1}"#),
        ("${ScheduledPolicy}", template["Parameters"]["ScheduledPolicy"]["Default"].as_str().unwrap()),
        ("${ScheduledParameters}", template["Parameters"]["ScheduledParameters"]["Default"].as_str().unwrap()),
        ("<aws.scheduler.scheduled-time>", "2026-11-24T02:00:00Z"),
    ];
    let input = filled_in.iter().fold(input.to_owned(), |input, (name, value)| input.replace(name, value));
    serde_json::from_str(&input).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schedules_input_starts_one_run_however_often_it_is_delivered() {
    let parts = Parts::new().await;
    let first = scatter(&parts, scheduled_input()).await.unwrap();
    assert!(first.opened && first.sealed && first.segments == 2, "{first:?}");
    assert_eq!((first.job.as_str(), first.key.as_str()), ("nightly", "2026-11-24T02:00:00Z"));
    let again = scatter(&parts, scheduled_input()).await.unwrap();
    assert!(!again.opened && again.execution_id == first.execution_id, "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn scatter_refuses_events_for_others_and_names_what_it_does_not_take() {
    let parts = Parts::new().await;
    let of_streams =
        [json!({"Records": [kinesis_record("1", b"x")]}), json!({"Records": [dynamodb_record("MODIFY", &json!({}))]})];
    for event in foreign().into_iter().chain(of_streams) {
        let refused = scatter(&parts, event.clone()).await.unwrap_err();
        assert_eq!((refused.error_type(), refused.is_retryable()), ("InvalidEvent", false), "{event}");
        let words = refused.to_string();
        let named = match &event {
            Value::Object(fields) if fields.is_empty() => vec!["job"],
            Value::Object(fields) => fields.keys().map(String::as_str).collect(),
            _ => vec!["invalid type", "invalid length"],
        };
        assert!(named.iter().any(|name| words.contains(name)), "{event}: {words}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_worker_refuses_events_for_others_and_names_what_it_takes() {
    let parts = Parts::new().await;
    let handler = WorkerHandler::new(parts.worker(&Requests::default(), counting()), None);
    let change = json!({"Keys": {}, "SizeBytes": 0});
    let dynamodb = json!({"Records": [dynamodb_record("MODIFY", &change)]});
    for event in foreign().into_iter().filter(|event| *event != sqs_event()).chain([dynamodb]) {
        let refused = handler.handle(event.clone(), parts.invocation()).await.unwrap_err();
        assert!(matches!(refused, WorkerEventError::Foreign), "{event}: {refused}");
        assert!(refused.to_string().contains("Kinesis or SQS"), "{refused}");
    }
    let mistyped = json!({"Records": [{"eventSource": "aws:kinesis", "kinesis": 7}]});
    let refused = handler.handle(mistyped, parts.invocation()).await.unwrap_err().to_string();
    assert!(refused.contains("Kinesis"), "{refused}");
}

#[test]
fn gather_refuses_events_for_others_and_names_what_is_missing() {
    let kinesis = json!({"Records": [kinesis_record("1", b"x")]});
    let change = json!({"Keys": {}, "SizeBytes": 0});
    let dynamodb = json!({"Records": [dynamodb_record("MODIFY", &change)]});
    assert!(serde_json::from_value::<DynamoDbEvent>(dynamodb).is_ok());
    for event in foreign().into_iter().chain([kinesis]) {
        let refused = serde_json::from_value::<DynamoDbEvent>(event.clone()).unwrap_err().to_string();
        assert!(says(&refused, &event, "dynamodb"), "{event}: {refused}");
    }
}

/// Whether a refusal names what an event lacks: its records, or in each what the stream put there.
fn says(refused: &str, event: &Value, part: &str) -> bool {
    match event {
        Value::Object(fields) if fields.contains_key("Records") => {
            [part, "eventID"].iter().any(|field| refused.contains(&format!("missing field `{field}`")))
        }
        Value::Object(_) => refused.contains("missing field `Records`"),
        _ => refused.contains("invalid type") || refused.contains("invalid length"),
    }
}
