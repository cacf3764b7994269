//! The template of this source tree, and what is wrong with others.

use serde_json::json;

use super::*;
use emulator::embedded::EmbeddedDynamoDb;

/// The built-in template with one line changed.
fn with(line: &str, replacement: &str) -> Template {
    assert!(BUILT_IN.contains(line), "the template has no {line}");
    Template::parse(&BUILT_IN.replace(line, replacement)).expect("YAML")
}

#[test]
fn the_built_in_template_has_every_setting() {
    let template = Template::built_in().expect("a template");
    let worker = template.worker_mapping().expect("the worker's mapping");
    assert!(worker.retries.report_failures && worker.retries.attempts_max.is_some());
    assert!(worker.timeout > Duration::from_mins(1), "its own, not the global one");
    let gather = template.gather_mapping().expect("gather's mapping");
    assert_eq!(gather.timeout, Duration::from_mins(1), "the global one");
    assert_eq!(template.sweeper_interval().expect("a rate"), Duration::from_mins(1));
    assert!(template.shard_count().expect("a count") > 0);
}

#[test]
fn the_built_in_filter_passes_what_gather_is_for() {
    let filter = Template::built_in().and_then(|template| template.gather_mapping()).expect("gather's mapping").filter;
    let passes = |image: serde_json::Value| filter.matches(&json!({ "dynamodb": { "NewImage": image } }));
    assert!(passes(json!({ "sk": { "S": "TALLY" }, "pending": { "N": "0" } })));
    assert!(!passes(json!({ "sk": { "S": "TALLY" }, "pending": { "N": "1" } })));
    assert!(passes(json!({ "sk": { "S": "EXECUTION" }, "status": { "S": "RUNNING" } })));
    assert!(!passes(json!({ "sk": { "S": "EXECUTION" }, "status": { "S": "SCATTERING" } })));
    assert!(!passes(json!({ "sk": { "S": "SEGMENT#001" }, "status": { "S": "RUNNING" } })));
}

#[tokio::test]
async fn the_control_table_can_be_created_and_found_again() {
    let client = EmbeddedDynamoDb::in_memory().expect("a database").client();
    let table = Template::built_in().and_then(|template| template.control_table()).expect("a table");
    assert_eq!(table.stream_view.as_deref(), Some("NEW_IMAGE"));
    table.create(&client, "control").await.expect("created");
    table.create(&client, "control").await.expect("there already");
    let described =
        client.describe_table().table_name("control").send().await.expect("a table").table.expect("a table");
    assert_eq!(described.global_secondary_indexes().len(), table.indexes.len());
    let expiry = client.describe_time_to_live().table_name("control").send().await.expect("an expiry");
    let expiry = expiry.time_to_live_description.expect("an expiry");
    assert_eq!(expiry.attribute_name, table.expires_by);
}

#[test]
fn a_missing_setting_is_named() {
    let template = Template::parse("Resources: {}").expect("YAML");
    let error = template.worker_mapping().expect_err("no worker").to_string();
    assert!(error.contains("Resources.WorkerFunction.Properties.Events.Segments.Type"), "{error}");
}

#[test]
fn a_mistyped_setting_is_named_with_what_it_is() {
    let template = with("BatchSize: !Ref BatchSize", "BatchSize: many");
    let error = template.worker_mapping().expect_err("no number").to_string();
    assert!(error.contains("Segments.Properties.BatchSize") && error.contains("many"), "{error}");
    let template = with("ParallelizationFactor: !Ref ParallelizationFactor", "ParallelizationFactor: 50");
    let error = template.worker_mapping().expect_err("too many").to_string();
    assert!(error.contains("1 to 10") && error.contains("50"), "{error}");
}

#[test]
fn a_reference_without_a_default_is_named() {
    let template = with("ShardCount: !Ref ShardCount", "ShardCount: !Ref Nothing");
    assert!(
        matches!(template.shard_count(), Err(TemplateError::NoDefault { parameter, .. }) if parameter == "Nothing")
    );
}

#[test]
fn an_unknown_filter_rule_is_an_error_here_and_not_a_pass_later() {
    let template = with(r#""sk":{"S":["TALLY"]}"#, r#""sk":{"S":[{"wildcard":"TAL*"}]}"#);
    let error = template.gather_mapping().expect_err("an unknown rule").to_string();
    assert!(error.contains("FilterCriteria") && error.contains("wildcard"), "{error}");
}

#[test]
fn unlimited_retries_are_lambdas_default() {
    let template = Template::parse(&BUILT_IN.replace("MaximumRetryAttempts: 10", "MaximumRetryAttempts: -1"));
    let worker = template.and_then(|template| template.worker_mapping()).expect("the worker's mapping");
    assert_eq!(worker.retries.attempts_max, None);
}

#[test]
fn rates() {
    assert_eq!(rate("rate(5 minutes)"), Some(Duration::from_mins(5)));
    assert_eq!(rate("rate(1 hour)"), Some(Duration::from_hours(1)));
    assert_eq!(rate("cron(0 12 * * ? *)"), None);
    assert_eq!(rate("rate(0 minutes)"), None);
}
