//! Least privilege: each function's role allows what the function calls, and nothing else.
//!
//! The handlers run their paths with a recorder in their SDK clients; the template's roles are read. What Lambda itself does
//! with a function's role is in AWS's documentation, and written down here.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    AllCalls, Calls, Permission, Resource, Role, built_in_paths, gather_paths, roles, scatter_paths, sweeper_paths,
    worker_paths,
};
use serde_json::Value;

/// What Lambda's poller of a Kinesis stream does with the function's role:
/// <https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSLambdaKinesisExecutionRole.html>
const KINESIS_POLLER: [&str; 6] = [
    "kinesis:DescribeStream",
    "kinesis:DescribeStreamSummary",
    "kinesis:GetRecords",
    "kinesis:GetShardIterator",
    "kinesis:ListShards",
    "kinesis:ListStreams",
];

/// The same for a table's stream:
/// <https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSLambdaDynamoDBExecutionRole.html>
const DYNAMODB_POLLER: [&str; 4] =
    ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"];

/// What Lambda does to write a function's logs; the group is the template's, so it makes none.
const LOGS: [&str; 2] = ["logs:CreateLogStream", "logs:PutLogEvents"];

fn by_lambda(actions: &[&str], on: &Resource) -> Vec<Permission> {
    actions.iter().map(|action| Permission::new(action, on.clone())).collect()
}

/// To a queue go a poller's batches, and asynchronous invocations, that Lambda gives up on:
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>
fn failures(queue: &str) -> Vec<Permission> {
    by_lambda(&["sqs:SendMessage"], &Resource::Queue(queue.to_owned()))
}

fn logs(group: &str) -> Vec<Permission> {
    by_lambda(&LOGS, &Resource::Logs(group.to_owned()))
}

fn template() -> Value {
    test_support::template()
}

fn needed(calls: &Calls, by_lambda: &[Vec<Permission>]) -> BTreeSet<Permission> {
    calls.needed().into_iter().chain(by_lambda.concat()).collect()
}

/// What each role and policy is needed for.
async fn all_needed() -> BTreeMap<&'static str, BTreeSet<Permission>> {
    let calls = &AllCalls::default();
    scatter_paths(calls).await;
    worker_paths(calls).await;
    built_in_paths(calls).await;
    gather_paths(calls).await;
    sweeper_paths(calls).await;
    let kinesis = by_lambda(&KINESIS_POLLER, &Resource::Stream);
    let changes = by_lambda(&DYNAMODB_POLLER, &Resource::TableStream);
    let worker = [kinesis, failures("WorkerFailures")];
    // Of EventBridge Scheduler: it invokes scatter, or says that it could not.
    let invoke = by_lambda(&["lambda:InvokeFunction"], &Resource::Function("ScatterFunction".to_owned()));
    BTreeMap::from([
        ("ScatterRole", needed(&calls.scatter, &[failures("ScatterFailures"), logs("ScatterLogs")])),
        ("WorkerPolicy", needed(&calls.worker, &worker)),
        ("WorkerRole", needed(&calls.built_in, &[worker.concat(), logs("WorkerLogs")])),
        ("GatherRole", needed(&calls.gather, &[changes, failures("GatherFailures"), logs("GatherLogs")])),
        ("SweeperRole", needed(&calls.sweeper, &[logs("SweeperLogs")])),
        ("ScheduleRole", needed(&Calls::default(), &[invoke, failures("ScatterFailures")])),
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_allows_what_its_function_calls_and_nothing_else() {
    let (roles, needed) = (roles(&template()), all_needed().await);
    for (name, permissions) in &needed {
        println!("{name}");
        for permission in permissions {
            println!("  {permission}");
        }
    }
    let unseen: Vec<_> = roles.keys().filter(|name| !needed.contains_key(name.as_str())).collect();
    assert!(unseen.is_empty(), "what are these roles needed for? {unseen:?}");
    let found: BTreeMap<_, _> = needed.iter().map(|(name, needed)| (name, roles[*name].findings(needed))).collect();
    assert!(found.values().all(BTreeSet::is_empty), "{found:#?}");
    changes_are_noticed(&roles, &needed);
}

/// A test that finds nothing must be one that would find something.
fn changes_are_noticed(roles: &BTreeMap<String, Role>, needed: &BTreeMap<&str, BTreeSet<Permission>>) {
    for (name, needed) in needed {
        let role = &roles[*name];
        for (action, lesser) in role.without_one() {
            assert!(!lesser.findings(needed).is_empty(), "{name} without {action}");
        }
        for place in 0..role.statements.len() {
            let mut wider = role.clone();
            wider.statements[place].actions.insert("dynamodb:DeleteItem".to_owned());
            assert!(!wider.findings(needed).is_empty(), "{name} with a DeleteItem");
            let mut wider = role.clone();
            wider.statements[place].resources.insert(Resource::Index("by-day".to_owned()));
            assert!(!wider.findings(needed).is_empty(), "{name} with another index");
        }
    }
}
