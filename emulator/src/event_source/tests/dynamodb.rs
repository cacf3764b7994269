#![expect(clippy::disallowed_methods, reason = "the table here is the test's own")]

use aws_lambda_events::event::dynamodb::Event as DynamoDbEvent;
use aws_lambda_events::event::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use aws_sdk_dynamodb::types::AttributeValue;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::*;
use crate::embedded::tests::create_table;
use crate::embedded::{Durability, EmbeddedDynamoDb, EmbeddedError};

const TABLE: &str = "things";

impl DynamoDbHandler for Fake {
    async fn handle(
        &self,
        event: DynamoDbEvent,
        invocation: Invocation,
    ) -> Result<DynamoDbEventResponse, HandlerError> {
        let key = |record: &aws_lambda_events::event::dynamodb::EventRecord| match record.change.keys.get("pk") {
            Some(serde_dynamo::AttributeValue::S(key)) => key.clone(),
            other => panic!("a key of another kind: {other:?}"),
        };
        let failed = self.call(event.records.iter().map(key).collect(), invocation)?;
        let mut response = DynamoDbEventResponse::default();
        for record in event.records.iter().filter(|record| failed.contains(&key(record))) {
            let mut failure = DynamoDbBatchItemFailure::default();
            failure.item_identifier.clone_from(&record.change.sequence_number);
            response.batch_item_failures.push(failure);
        }
        Ok(response)
    }
}

struct Table {
    directory: TempDir,
    database: EmbeddedDynamoDb,
}

impl Table {
    async fn create() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let database = Self::open(&directory);
        create_table(&database.client()).await;
        Self { directory, database }
    }

    fn open(directory: &TempDir) -> EmbeddedDynamoDb {
        EmbeddedDynamoDb::open(&directory.path().join("db"), Durability::ProcessCrash).expect("a database")
    }

    /// The same file, as another process would find it.
    fn reopen(self) -> Self {
        let Self { directory, database } = self;
        drop(database);
        Self { database: Self::open(&directory), directory }
    }

    async fn put(&self, key: &str, kind: &str) {
        let put = self.database.client().put_item().table_name(TABLE).item("pk", AttributeValue::S(key.to_owned()));
        put.item("kind", AttributeValue::S(kind.to_owned())).send().await.expect("a put");
    }

    async fn left(&self) -> usize {
        self.database.stream(TABLE).expect("a stream").read(0, 10_000).await.expect("records").len()
    }

    fn map(&self, handler: Arc<Fake>, settings: DynamoDbSettings) -> Running {
        let shutdown = Shutdown::new();
        let mapping = DynamoDbMapping::new(&self.database, TABLE, handler, settings, host(&shutdown));
        Running { task: tokio::spawn(mapping.expect("a stream").run()), shutdown }
    }
}

struct Running {
    shutdown: Shutdown,
    task: JoinHandle<Result<(), EmbeddedError>>,
}

impl Running {
    async fn stop(self) {
        self.shutdown.request();
        tokio::time::timeout(PATIENCE, self.task)
            .await
            .expect("in time")
            .expect("no panic")
            .expect("a readable stream");
    }
}

fn settings(batch_size: usize) -> DynamoDbSettings {
    const FILTERS: &[&str] = &[r#"{"dynamodb":{"NewImage":{"kind":{"S":["wanted"]}}}}"#];
    DynamoDbSettings {
        batch_size,
        batching_window: Duration::ZERO,
        filters: FILTERS,
        retries: RETRIES,
        timeout: PATIENCE,
    }
}

#[tokio::test]
async fn what_passes_the_filter_is_delivered_in_order_and_everything_is_trimmed() {
    let table = Table::create().await;
    for n in 0..200 {
        table.put(&n.to_string(), if n % 10 == 0 { "wanted" } else { "other" }).await;
    }
    let (handler, mut notes) = Fake::new(|_, _| Ok(Vec::new()));
    let running = table.map(handler, settings(3));
    let mut seen = Vec::new();
    while seen.len() < 20 {
        seen.extend(next(&mut notes).await);
    }
    let expected: Vec<_> = (0..20).map(|n| (n * 10).to_string()).collect();
    assert_eq!(seen, expected);
    table.put("late", "wanted").await;
    assert_eq!(next(&mut notes).await, ["late"], "a write wakes the mapping");
    table.put("passed over", "other").await;
    running.stop().await;
    assert!(table.left().await <= 1, "at most what was put after the last look");
}

#[tokio::test]
async fn a_record_whose_handling_did_not_finish_comes_again_after_a_restart() {
    let table = Table::create().await;
    table.put("a", "wanted").await;
    let (handler, mut notes) = Fake::new(|_, _| Err("no".into()));
    let running =
        table.map(handler, DynamoDbSettings { retries: RetryPolicy { attempts_max: None, ..RETRIES }, ..settings(1) });
    assert_eq!(next(&mut notes).await, ["a"]);
    running.task.abort();
    drop(running.task.await);
    let table = table.reopen();
    let (handler, mut notes) = Fake::new(|_, _| Ok(Vec::new()));
    let running = table.map(handler, settings(1));
    assert_eq!(next(&mut notes).await, ["a"]);
    running.stop().await;
    assert_eq!(table.left().await, 0);
}

#[tokio::test]
async fn a_batch_is_repeated_from_the_lowest_item_that_failed() {
    let table = Table::create().await;
    for key in ["a", "b", "c"] {
        table.put(key, "wanted").await;
    }
    let (handler, mut notes) = Fake::new(|_, call| Ok(if call == 0 { vec!["c".into(), "b".into()] } else { vec![] }));
    let running = table.map(handler, settings(10));
    assert_eq!(next(&mut notes).await, ["a", "b", "c"]);
    assert_eq!(next(&mut notes).await, ["b", "c"]);
    running.stop().await;
    assert_eq!(table.left().await, 0);
}

#[tokio::test]
async fn what_fails_too_often_is_given_up_and_the_next_comes() {
    let table = Table::create().await;
    table.put("bad", "wanted").await;
    table.put("good", "wanted").await;
    let (handler, mut notes) =
        Fake::new(|keys, _| if keys == ["bad"] { panic!("a panic of the handler's") } else { Ok(Vec::new()) });
    let running = table.map(handler, settings(1));
    for _ in 0..3 {
        assert_eq!(next(&mut notes).await, ["bad"]);
    }
    assert_eq!(next(&mut notes).await, ["good"]);
    running.stop().await;
    assert_eq!(table.left().await, 0);
}

#[tokio::test]
async fn a_batching_window_gathers_what_comes_within_it() {
    let table = Table::create().await;
    let (handler, mut notes) = Fake::new(|_, _| Ok(Vec::new()));
    let running = table.map(handler, DynamoDbSettings { batching_window: PATIENCE, ..settings(2) });
    table.put("a", "wanted").await;
    table.put("x", "other").await;
    table.put("b", "wanted").await;
    assert_eq!(next(&mut notes).await, ["a", "b"], "full before the window is over");
    running.stop().await;
}

#[tokio::test]
async fn a_table_without_a_stream_is_named() {
    let database = EmbeddedDynamoDb::in_memory().expect("a database");
    let (handler, _notes) = Fake::new(|_, _| Ok(Vec::new()));
    let refusal = DynamoDbMapping::new(&database, TABLE, handler, settings(1), host(&Shutdown::new()));
    assert!(matches!(refusal.err(), Some(EmbeddedError::NoStreamInMemory)));
    let table = Table::create().await;
    assert!(matches!(table.database.stream("none"), Err(EmbeddedError::NoStream(table)) if table == "none"));
}
