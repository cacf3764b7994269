//! What the template and the code both say: the settings of the event source mappings, and the control table, which the code
//! creates on one machine and checks in a deployment.

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeDefinition, KeySchemaElement, TableDescription};
use control_table::clock::Entropy;
use control_table::store::DynamoDbStore;
use control_table::store::dynamodb::SchemaError;
use emulator::embedded::EmbeddedDynamoDb;
use local::settings::{GATHER_MAPPING, SHARD_COUNT, WORKER_MAPPING};
use serde_json::Value;
use test_support::{TableDefinition, deployed, resolved, template};

const TABLE: &str = "control";

fn of_template() -> TableDefinition {
    TableDefinition::of_template()
}

fn store(client: &Client) -> DynamoDbStore {
    DynamoDbStore::new(client.clone(), TABLE, Arc::new(Entropy::from_seed(1)))
}

async fn describe(client: &Client) -> TableDescription {
    client.describe_table().table_name(TABLE).send().await.unwrap().table.unwrap()
}

/// A database with a table as the template has it, changed by the test.
async fn with_table(change: impl FnOnce(&mut TableDefinition)) -> Client {
    let client = EmbeddedDynamoDb::in_memory().unwrap().client();
    let mut definition = of_template();
    change(&mut definition);
    // DynamoDB refuses a definition of an attribute that is in no key.
    let keys = definition.indexes.iter().map(|index| &index.key).chain([&definition.key]);
    let used: Vec<_> = keys.flatten().map(|(attribute, _)| attribute.clone()).collect();
    definition.attributes.retain(|(attribute, _)| used.contains(attribute));
    definition.create(&client, TABLE).await;
    client
}

/// What is wrong with that table.
async fn wrong(change: impl FnOnce(&mut TableDefinition)) -> (SchemaError, String) {
    let error = store(&with_table(change).await).verify().await.unwrap_err();
    let message = error.to_string();
    (error, message)
}

fn spell_keys(keys: &[KeySchemaElement]) -> Vec<String> {
    keys.iter().map(|key| format!("{} {}", key.attribute_name(), key.key_type())).collect()
}

fn spell_attributes(attributes: &[AttributeDefinition]) -> Vec<String> {
    let spell = |attribute: &AttributeDefinition| {
        format!("{} {}", attribute.attribute_name(), attribute.attribute_type().as_str())
    };
    let mut all: Vec<_> = attributes.iter().map(spell).collect();
    all.sort();
    all
}

fn spell_indexes(table: &TableDescription) -> Vec<String> {
    let spell = |index: &aws_sdk_dynamodb::types::GlobalSecondaryIndexDescription| {
        let (name, keys) = (index.index_name().unwrap(), spell_keys(index.key_schema()));
        let projection = index.projection().unwrap();
        format!("{name} {keys:?} {:?} {:?}", projection.projection_type(), projection.non_key_attributes())
    };
    let mut all: Vec<_> = table.global_secondary_indexes().iter().map(spell).collect();
    all.sort();
    all
}

#[tokio::test]
async fn the_template_and_the_code_make_the_same_table() {
    let of_template = describe(&with_table(|_| ()).await).await;
    let client = EmbeddedDynamoDb::in_memory().unwrap().client();
    store(&client).create().await.unwrap();
    let of_code = describe(&client).await;

    assert_eq!(spell_keys(of_code.key_schema()), ["pk HASH", "sk RANGE"]);
    assert_eq!(spell_keys(of_code.key_schema()), spell_keys(of_template.key_schema()));
    let attributes = spell_attributes(of_code.attribute_definitions());
    assert_eq!(attributes, spell_attributes(of_template.attribute_definitions()));
    assert_eq!(spell_indexes(&of_code).len(), 3);
    assert_eq!(spell_indexes(&of_code), spell_indexes(&of_template));
    assert!(of_code.local_secondary_indexes().is_empty() && of_template.local_secondary_indexes().is_empty());
    assert!(of_code.stream_specification().unwrap().stream_enabled());
    assert_eq!(of_code.stream_specification(), of_template.stream_specification());
    let billing = |table: &TableDescription| table.billing_mode_summary().unwrap().billing_mode().cloned().unwrap();
    assert_eq!(billing(&of_code), billing(&of_template));
}

#[tokio::test]
async fn each_passes_for_a_control_table() {
    store(&with_table(|_| ()).await).verify().await.unwrap();
    let client = EmbeddedDynamoDb::in_memory().unwrap().client();
    store(&client).create().await.unwrap();
    store(&client).create().await.unwrap();
    store(&client).verify().await.unwrap();
}

#[tokio::test]
async fn a_missing_table_is_named_with_what_to_do() {
    let client = EmbeddedDynamoDb::in_memory().unwrap().client();
    let error = store(&client).verify().await.unwrap_err();
    assert!(matches!(&error, SchemaError::Request(control_table::Error::TableMissing { table, .. }) if table == TABLE));
    let message = error.to_string();
    for part in ["\"control\" does not exist", "deploy infra/template.yaml", "CONTROL_TABLE"] {
        assert!(message.contains(part), "{message}");
    }
}

#[tokio::test]
async fn other_keys_are_named_with_what_to_do() {
    let (error, message) = wrong(|table| table.key.truncate(1)).await;
    assert!(matches!(error, SchemaError::Keys { .. }), "{error:?}");
    for part in ["\"control\"", "its keys are pk, not pk (hash) and sk (range)", "CONTROL_TABLE", "infra/template.yaml"]
    {
        assert!(message.contains(part), "{message}");
    }
}

#[tokio::test]
async fn a_missing_stream_is_named_with_what_to_do() {
    for view in [None, Some("KEYS_ONLY"), Some("OLD_IMAGE")] {
        let (error, message) = wrong(|table| table.stream_view = view.map(str::to_owned)).await;
        assert!(matches!(error, SchemaError::NoStream { .. }), "{view:?}: {error:?}");
        for part in ["\"control\"", "StreamViewType NEW_IMAGE", "deploy infra/template.yaml"] {
            assert!(message.contains(part), "{message}");
        }
    }
    store(&with_table(|table| table.stream_view = Some("NEW_AND_OLD_IMAGES".to_owned())).await).verify().await.unwrap();
}

#[tokio::test]
async fn each_missing_index_is_named_with_what_to_do() {
    for position in 0..of_template().indexes.len() {
        let name = of_template().indexes[position].name.clone();
        let (error, message) = wrong(|table| drop(table.indexes.remove(position))).await;
        assert!(matches!(&error, SchemaError::Index { index, .. } if *index == name), "{error:?}");
        for part in ["\"control\"", &format!("no index {name:?}"), "deploy infra/template.yaml"] {
            assert!(message.contains(part), "{message}");
        }

        let (error, message) = wrong(|table| table.indexes[position].key.truncate(1)).await;
        assert!(matches!(&error, SchemaError::Index { index, .. } if *index == name), "{error:?}");
        assert!(message.contains(&name), "{message}");
    }
}

/// Another setting of a mapping is another way in which records reach the worker: a change of one must be thought of for both.
#[test]
fn a_stack_has_the_mapping_of_its_transport_and_no_other() {
    let parts = |values: &[(&str, &str)]| -> Vec<String> {
        let resources = deployed(&template(), values)["Resources"].as_object().unwrap().clone();
        let carries = |name: &&String| name.contains("Segment") && !name.ends_with("Alarm");
        resources.keys().filter(carries).cloned().collect()
    };
    assert_eq!(parts(&[]), ["SegmentStream", "SegmentStreamMapping"]);
    assert_eq!(parts(&[("StreamMode", "ON_DEMAND")]), ["OnDemandSegmentStream", "SegmentStreamMapping"]);
    assert_eq!(parts(&[("Transport", "SQS")]), ["SegmentQueue", "SegmentQueueMapping"]);
    let own = ("WorkerFunctionArn", "arn:aws:lambda:us-east-1:111122223333:function:own");
    let mapping = |values: &[(&str, &str)], name: &str| {
        let mut mapping = deployed(&template(), values)["Resources"][name]["Properties"].clone();
        (mapping["FunctionName"].take(), mapping)
    };
    for (values, name) in [(vec![], "SegmentStreamMapping"), (vec![("Transport", "SQS")], "SegmentQueueMapping")] {
        let (function, of_built_in) = mapping(&values, name);
        assert_eq!(function["Fn::GetAtt"], "WorkerFunction.Arn");
        // One resource for both, so that it keeps its place in the stream when the worker changes.
        let (function, of_own) = mapping(&[values, vec![own]].concat(), name);
        assert_eq!((&function["Ref"], of_own), (&Value::from("WorkerFunctionArn"), of_built_in));
    }
}

/// A worker may take all the time that Lambda allows, and its message must not come again meanwhile.
#[test]
fn a_message_stays_hidden_for_six_times_the_longest_worker() {
    let template = template();
    let queue = &template["Resources"]["SegmentQueue"]["Properties"];
    let timeout = &template["Parameters"]["WorkerTimeoutSeconds"];
    let visibility = number(&template, &queue["VisibilityTimeout"]);
    assert!(visibility >= 6 * timeout["MaxValue"].as_u64().unwrap(), "{visibility}");
    assert_eq!(number(&template, &queue["MessageRetentionPeriod"]), 14 * 24 * 60 * 60, "as long as SQS keeps any");
}

#[test]
fn the_settings_of_the_sam_cli_name_parameters_of_the_template() {
    let settings: toml::Table = toml::from_str(include_str!("../../infra/samconfig.toml")).unwrap();
    let overrides = |environment: &toml::Value| {
        let deploy = environment.get("deploy")?.get("parameters")?;
        Some(deploy.get("parameter_overrides")?.as_str()?.to_owned())
    };
    let environments = settings.values().filter_map(toml::Value::as_table);
    let overrides: Vec<String> = environments.filter_map(|table| overrides(&table.clone().into())).collect();
    assert!(!overrides.is_empty());
    let template = template();
    for (name, value) in overrides.iter().flat_map(|text| text.split(' ')).filter_map(|one| one.split_once('=')) {
        let parameter = &template["Parameters"][name];
        let (value, least) = (value.parse::<u64>().unwrap(), parameter["MinValue"].as_u64().unwrap());
        assert!(value >= least, "{name}");
    }
}

/// A number of an event source mapping; of a `!Ref`, the parameter's default.
fn number(template: &Value, value: &Value) -> u64 {
    resolved(template, value).as_u64().unwrap_or_else(|| panic!("{value}"))
}

fn assert_retries(mapping: &Value, retries: emulator::event_source::RetryPolicy) {
    assert_eq!(mapping["MaximumRetryAttempts"].as_u64(), retries.attempts_max.map(u64::from));
    assert_eq!(mapping["BisectBatchOnFunctionError"], retries.bisect);
    assert_eq!(
        mapping["FunctionResponseTypes"] == serde_json::json!(["ReportBatchItemFailures"]),
        retries.report_failures
    );
}

#[test]
fn the_settings_on_one_machine_are_those_of_the_template() {
    let template = template();
    let resources = &template["Resources"];
    let shards = &resources["SegmentStream"]["Properties"]["ShardCount"];
    assert_eq!(number(&template, shards), u64::from(SHARD_COUNT));

    let worker = &resources["WorkerFunction"]["Properties"];
    let mapping = &resources["SegmentStreamMapping"]["Properties"];
    assert_eq!(number(&template, &mapping["BatchSize"]), WORKER_MAPPING.batch_size as u64);
    assert_eq!(number(&template, &mapping["ParallelizationFactor"]), WORKER_MAPPING.parallelization_factor as u64);
    assert_eq!(number(&template, &worker["Timeout"]), WORKER_MAPPING.timeout.as_secs());
    assert_retries(mapping, WORKER_MAPPING.retries);

    let gather = &resources["GatherFunction"]["Properties"];
    let mapping = &gather["Events"]["ControlTableStream"]["Properties"];
    assert_eq!(number(&template, &mapping["BatchSize"]), GATHER_MAPPING.batch_size as u64);
    assert_eq!(mapping.get("MaximumBatchingWindowInSeconds"), None);
    assert!(GATHER_MAPPING.batching_window.is_zero());
    assert_eq!(gather.get("Timeout"), None);
    assert_eq!(number(&template, &template["Globals"]["Function"]["Timeout"]), GATHER_MAPPING.timeout.as_secs());
    assert_retries(mapping, GATHER_MAPPING.retries);
    let filters = mapping["FilterCriteria"]["Filters"].as_array().unwrap();
    let filters: Vec<_> = filters.iter().map(|filter| filter["Pattern"].as_str().unwrap()).collect();
    assert_eq!(filters, GATHER_MAPPING.filters);
}
