//! What the event-source mappings cost: records a second, the time from a write to its handler, memory, and idle CPU.
//!
//!     cargo run --release -p local --example cost_of_a_mapping
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement of the services themselves, printed for whoever runs it"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use aws_lambda_events::event::dynamodb::Event as DynamoDbEvent;
use aws_lambda_events::event::kinesis::KinesisEvent;
use aws_lambda_events::event::streams::{DynamoDbEventResponse, KinesisEventResponse};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::PutRecordsRequestEntry;
use emulator::embedded::{Backlog, Durability, EmbeddedDynamoDb, EmbeddedKinesis};
use emulator::event_source::{
    DynamoDbHandler, DynamoDbMapping, HandlerError, Host, Invocation, KinesisHandler, KinesisMapping, Shutdown,
};
use local::template::Template;
use tokio::sync::mpsc;

const RECORDS: usize = 1_000_000;
const ONE_BY_ONE: usize = 300;
const WRITES: usize = 10_000;

#[tokio::main]
async fn main() {
    println!("Kinesis, the template's mapping, a handler that does nothing:");
    kinesis().await;
    println!("DynamoDB, the template's mapping and filter, a handler that does nothing:");
    dynamodb().await;
}

struct Nothing {
    seen: AtomicU64,
    each: mpsc::UnboundedSender<Instant>,
}

impl Nothing {
    fn new() -> (Arc<Self>, mpsc::UnboundedReceiver<Instant>) {
        let (each, calls) = mpsc::unbounded_channel();
        (Arc::new(Self { seen: AtomicU64::new(0), each }), calls)
    }

    fn note(&self, records: usize) {
        self.seen.fetch_add(records as u64, Ordering::Relaxed);
        let _ = self.each.send(Instant::now());
    }
}

impl KinesisHandler for Nothing {
    async fn handle(&self, event: KinesisEvent, _: Invocation) -> Result<KinesisEventResponse, HandlerError> {
        self.note(event.records.len());
        Ok(KinesisEventResponse::default())
    }
}

impl DynamoDbHandler for Nothing {
    async fn handle(&self, event: DynamoDbEvent, _: Invocation) -> Result<DynamoDbEventResponse, HandlerError> {
        self.note(event.records.len());
        Ok(DynamoDbEventResponse::default())
    }
}

fn host(shutdown: &Shutdown) -> Host {
    Host::new(chrono::Utc::now, || "request".to_owned(), shutdown.signal(), Duration::from_secs(1))
}

async fn kinesis() {
    let kinesis = EmbeddedKinesis::start(Backlog::default());
    let shards = kinesis.create_stream("segments", 1).await.unwrap();
    let (handler, mut calls) = Nothing::new();
    let shutdown = Shutdown::new();
    let settings = Template::built_in().unwrap().worker_mapping().unwrap();
    let mapping = KinesisMapping::new(&kinesis, Arc::clone(&handler), settings, host(&shutdown));
    let running = tokio::spawn(mapping.run(shards));
    let mut waits = Vec::new();
    for n in 0..ONE_BY_ONE {
        let begin = Instant::now();
        put(&kinesis, n..n + 1).await;
        waits.push(calls.recv().await.unwrap() - begin);
    }
    median("from a put, itself included, to the handler", waits);
    drop(calls);
    handler.seen.store(0, Ordering::Relaxed);
    let begin = Instant::now();
    for block in 0..RECORDS / 500 {
        put(&kinesis, block * 500..(block + 1) * 500).await;
        if (block + 1) % (RECORDS / 500 / 4) == 0 {
            println!("  {} records put: {} MB resident, {} waiting", (block + 1) * 500, resident(), kinesis.waiting());
        }
    }
    while handler.seen.load(Ordering::Relaxed) < RECORDS as u64 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let rate = RECORDS as f64 / begin.elapsed().as_secs_f64();
    println!("  put and handled one by one: {rate:.0} records a second");
    idle().await;
    shutdown.request();
    running.await.unwrap();
}

async fn put(kinesis: &EmbeddedKinesis, range: std::ops::Range<usize>) {
    let records = range.map(|n| {
        let record = PutRecordsRequestEntry::builder().partition_key(n.to_string());
        record.data(Blob::new("x".repeat(200))).build().unwrap()
    });
    let put = kinesis.client().put_records().stream_name("segments").set_records(Some(records.collect()));
    assert_eq!(put.send().await.unwrap().failed_record_count(), Some(0));
}

async fn dynamodb() {
    let directory = tempfile::tempdir().unwrap();
    let database = EmbeddedDynamoDb::open(&directory.path().join("db"), Durability::ProcessCrash).unwrap();
    let client = database.client();
    let template = Template::built_in().unwrap();
    template.control_table().unwrap().create(&client, "control").await.unwrap();
    println!("  without the mapping: {:.1} us a write", write_many(&client, 0).await);
    let (handler, mut calls) = Nothing::new();
    let shutdown = Shutdown::new();
    let settings = template.gather_mapping().unwrap();
    let mapping = DynamoDbMapping::new(&database, "control", handler, settings, host(&shutdown)).unwrap();
    let running = tokio::spawn(mapping.run());
    while !database.stream("control").unwrap().read(0, 1).await.unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    println!("  with the mapping beside it: {:.1} us a write", write_many(&client, WRITES).await);
    let mut waits = Vec::new();
    for n in 0..ONE_BY_ONE {
        tokio::time::sleep(Duration::from_millis(5)).await;
        let begin = Instant::now();
        write(&client, n, "TALLY").await;
        waits.push(calls.recv().await.unwrap() - begin);
    }
    median("from a write, itself included, to the handler", waits);
    idle().await;
    shutdown.request();
    running.await.unwrap().unwrap();
    let left = database.stream("control").unwrap().read(0, 100_000).await.unwrap().len();
    println!("  {left} records left in the stream");
}

async fn write_many(client: &aws_sdk_dynamodb::Client, from: usize) -> f64 {
    let begin = Instant::now();
    for n in from..from + WRITES {
        write(client, n, "SEGMENT#1").await;
    }
    begin.elapsed().as_secs_f64() * 1e6 / WRITES as f64
}

async fn write(client: &aws_sdk_dynamodb::Client, n: usize, sk: &str) {
    let put = client.put_item().table_name("control").item("pk", AttributeValue::S(n.to_string()));
    let put = put.item("sk", AttributeValue::S(sk.to_owned())).item("pending", AttributeValue::N("0".to_owned()));
    put.item("spec", AttributeValue::S("x".repeat(200))).send().await.unwrap();
}

fn median(what: &str, mut times: Vec<Duration>) {
    times.sort();
    println!("  {what}: median {:?}, worst {:?}", times[times.len() / 2], times[times.len() - 1]);
}

async fn idle() {
    let before = cpu_ticks();
    tokio::time::sleep(Duration::from_secs(5)).await;
    println!("  idle for 5 s: {} ms of CPU", (cpu_ticks() - before) * 10);
}

/// User and system time of this process in hundredths of a second.
fn cpu_ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}
