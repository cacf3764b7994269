//! The suite of the control table's operations and reads, on every store: memory, a file, the embedded `DynamoDB`, and Amazon's
//! own emulator.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use emulator::embedded::EmbeddedDynamoDb;
use protocol_proofs::conformance::{self, DynamoDbLocal};

/// A client of the service at that address. It signs, because DynamoDB Local wants a signature, though it checks none.
fn client(endpoint: &str) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "a test"))
        .endpoint_url(endpoint)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .retry_config(RetryConfig::disabled())
        .build();
    Client::from_conf(config)
}

fn assert_none(service: &str, failures: &[String]) {
    let cases = conformance::cases().len();
    assert!(failures.is_empty(), "{service}: {} of {cases} cases\n{}", failures.len(), failures.join("\n\n"));
}

#[tokio::test]
async fn the_store_in_memory_conforms() {
    assert_none("memory", &conformance::run_in_memory().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_in_a_file_conforms() {
    let dir = tempfile::tempdir().unwrap();
    assert_none("SQLite", &conformance::run_on_sqlite(dir.path()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_dynamodb_conforms() {
    let dir = tempfile::tempdir().unwrap();
    let durability = emulator::embedded::Durability::ProcessCrash;
    let embedded = EmbeddedDynamoDb::open(&dir.path().join("db"), durability).unwrap();
    assert_none("embedded", &conformance::run_on_dynamodb(&embedded.client()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn dynamodb_local_conforms() {
    let running = DynamoDbLocal::start().await.unwrap_or_else(|reason| panic!("{reason}"));
    let failures = conformance::run_on_dynamodb(&client(&running.endpoint())).await;
    running.stop().await.unwrap();
    assert_none("DynamoDB Local", &failures);
}
