//! Records in the shape in which Lambda hands them to a function.

use aws_lambda_events::encodings::SecondTimestamp;
use aws_lambda_events::event::dynamodb::{Event as DynamoDbEvent, EventRecord};
use aws_lambda_events::event::kinesis::{KinesisEvent, KinesisEventRecord};
use chrono::DateTime;

use crate::embedded::{ACCOUNT, REGION, Shard, ShardRecord, StoredChange};

/// A Kinesis event of some records of one shard.
pub(super) fn kinesis_event(shard: &Shard, records: &[ShardRecord]) -> KinesisEvent {
    let mut event = KinesisEvent::default();
    event.records = records.iter().map(|record| kinesis_record(shard, record)).collect();
    event
}

fn kinesis_record(shard: &Shard, record: &ShardRecord) -> KinesisEventRecord {
    let mut event = KinesisEventRecord::default();
    event.aws_region = Some(REGION.to_owned());
    event.event_id = Some(format!("{}:{}", shard.id(), record.sequence_number));
    event.event_name = Some("aws:kinesis:record".to_owned());
    event.event_source = Some("aws:kinesis".to_owned());
    event.event_source_arn = Some(shard.stream_arn());
    event.event_version = Some("1.0".to_owned());
    event.invoke_identity_arn = Some(format!("arn:aws:iam::{ACCOUNT}:role/local"));
    event.kinesis.approximate_arrival_timestamp =
        SecondTimestamp(DateTime::from_timestamp_millis(record.arrived_at_ms).unwrap_or_default());
    event.kinesis.data.0.clone_from(&record.data);
    event.kinesis.partition_key.clone_from(&record.partition_key);
    event.kinesis.sequence_number.clone_from(&record.sequence_number);
    event.kinesis.kinesis_schema_version = Some("1.0".to_owned());
    event
}

/// A `DynamoDB` event of some changes of one table.
pub(super) fn dynamodb_event(changes: &[StoredChange]) -> Result<DynamoDbEvent, serde_json::Error> {
    let records = changes.iter().map(|change| serde_json::from_value::<EventRecord>(change.event.clone()));
    let mut event = DynamoDbEvent::default();
    event.records = records.collect::<Result<_, _>>()?;
    Ok(event)
}
