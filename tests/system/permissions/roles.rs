//! Least privilege: each function's role allows what the function calls, and nothing else.
//!
//! The handlers run their paths with a recorder in their SDK clients; the template's roles are read. What Lambda itself does
//! with a function's role is in AWS's documentation, and written down here.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    AllCalls, Calls, Carrier, Permission, Resource, Role, api_paths, built_in_paths, gather_paths, roles,
    scatter_paths, sweeper_paths, worker_paths,
};
use test_support::{deployed, template};

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

/// What Lambda's poller of a queue does with the function's role:
/// <https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSLambdaSQSQueueExecutionRole.html>
const SQS_POLLER: [&str; 3] = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"];

/// What a caller of encrypted services needs of their key:
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html>,
/// <https://docs.aws.amazon.com/streams/latest/dev/permissions-user-key-KMS.html>
const KEY: [&str; 2] = ["kms:Decrypt", "kms:GenerateDataKey"];

/// What Lambda does to put a function into a network:
/// <https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSLambdaVPCAccessExecutionRole.html>
const NETWORK: [&str; 6] = [
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
];

/// What Lambda does to send a function's traces: <https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html>
const TRACES: [&str; 2] = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"];

/// The same as the Kinesis poller, for a table's stream:
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

fn needed(calls: &Calls, by_lambda: &[Vec<Permission>]) -> BTreeSet<Permission> {
    calls.needed().into_iter().chain(by_lambda.concat()).collect()
}

/// What a role or a policy is needed for, by its name.
type Needed = BTreeMap<&'static str, BTreeSet<Permission>>;

/// What each role and policy is needed for in a stack with everything that its functions may use.
async fn all_needed(carrier: Carrier) -> Needed {
    let calls = &AllCalls::through(carrier);
    scatter_paths(calls).await;
    worker_paths(calls).await;
    built_in_paths(calls).await;
    gather_paths(calls).await;
    sweeper_paths(calls).await;
    api_paths(calls).await;
    let worker = match carrier {
        Carrier::Stream => [by_lambda(&KINESIS_POLLER, &Resource::Stream), failures("WorkerFailures")].concat(),
        Carrier::Queue => by_lambda(&SQS_POLLER, &Resource::SegmentQueue),
    };
    let worker = needed(&calls.worker, &[worker]);
    let built_in = needed(&calls.built_in, &[worker.iter().cloned().collect(), logs("WorkerLogs")]);
    let changes = by_lambda(&DYNAMODB_POLLER, &Resource::TableStream);
    BTreeMap::from([
        ("ScatterRole", needed(&calls.scatter, &[failures("ScatterFailures"), logs("ScatterLogs")])),
        ("WorkerPolicy", worker),
        ("WorkerRole", built_in),
        ("GatherRole", needed(&calls.gather, &[changes, failures("GatherFailures"), logs("GatherLogs")])),
        ("ApiRole", needed(&calls.api, &[logs("ApiLogs")])),
        ("SweeperRole", needed(&calls.sweeper, &[logs("SweeperLogs")])),
        // Of EventBridge Scheduler: it invokes scatter, or says that it could not; and it invokes the sweeper.
        ("ScheduleRole", [invoke("ScatterFunction"), failures("ScatterFailures")].concat().into_iter().collect()),
        ("TickRole", invoke("SweeperFunction").into_iter().collect()),
    ])
}

fn invoke(function: &str) -> Vec<Permission> {
    by_lambda(&["lambda:InvokeFunction"], &Resource::Function(function.to_owned()))
}

/// The permissions of a stack with these values of its parameters, of all that are needed.
fn in_stack(mut all: Needed, values: &[(&str, &str)]) -> Needed {
    let has = |parameter: &str| values.iter().any(|(name, _)| *name == parameter);
    if !has("SourceTableName") {
        for needed in all.values_mut() {
            needed.retain(|permission| !matches!(permission.on, Resource::Source | Resource::SourceIndexes));
        }
    }
    if !has("ScheduleExpression") {
        all.remove("ScheduleRole");
    }
    if !has("HttpApi") {
        all.remove("ApiRole");
    }
    if has("WorkerFunctionArn") {
        all.remove("WorkerRole");
    }
    let key = if has("KmsKeyArn") { by_lambda(&KEY, &Resource::Key) } else { Vec::new() };
    let network = if has("SubnetIds") { by_lambda(&NETWORK, &Resource::Everything) } else { Vec::new() };
    let traces = if has("Tracing") { by_lambda(&TRACES, &Resource::Everything) } else { Vec::new() };
    let account = [network, traces].concat();
    for (name, needed) in &mut all {
        match *name {
            "TickRole" => {}
            "WorkerPolicy" | "ScheduleRole" => needed.extend(key.clone()),
            _ => needed.extend([key.clone(), account.clone()].concat()),
        }
    }
    if !account.is_empty() {
        all.insert("AccountPolicy", account.into_iter().collect());
    }
    all
}

/// Stacks that differ in what their roles need.
fn stacks() -> Vec<(Carrier, Vec<(&'static str, &'static str)>)> {
    const OWN: (&str, &str) = ("WorkerFunctionArn", "arn:aws:lambda:us-east-1:111122223333:function:own");
    let (queue, api) = (("Transport", "SQS"), ("HttpApi", "FunctionUrl"));
    let used = [("SourceTableName", "cities"), ("ScheduleExpression", "rate(1 day)")];
    let account =
        [("KmsKeyArn", "arn:aws:kms:us-east-1:111122223333:key/k"), ("SubnetIds", "subnet-1"), ("Tracing", "Active")];
    vec![
        (Carrier::Stream, vec![]),
        (Carrier::Stream, used.to_vec()),
        (Carrier::Stream, vec![("StreamMode", "ON_DEMAND"), OWN]),
        (Carrier::Stream, [used.as_slice(), &account].concat()),
        (Carrier::Stream, vec![account[0], OWN]),
        (Carrier::Stream, vec![api]),
        (Carrier::Queue, [account.as_slice(), &[queue, api]].concat()),
        (Carrier::Queue, vec![queue]),
        (Carrier::Queue, [used.as_slice(), &[queue]].concat()),
        (Carrier::Queue, vec![queue, OWN]),
        (Carrier::Queue, [used.as_slice(), &account, &[queue]].concat()),
        (Carrier::Queue, vec![queue, account[2]]),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_allows_what_its_function_calls_and_nothing_else_in_every_stack() {
    let (on_stream, on_queue) = (all_needed(Carrier::Stream).await, all_needed(Carrier::Queue).await);
    for (carrier, values) in stacks() {
        let all = if carrier == Carrier::Stream { &on_stream } else { &on_queue };
        let (needed, roles) = (in_stack(all.clone(), &values), roles(&deployed(&template(), &values)));
        let names = |all: Vec<&str>| all.join(" ");
        assert_eq!(
            names(roles.keys().map(String::as_str).collect()),
            names(needed.keys().copied().collect()),
            "the roles of a stack with {values:?}"
        );
        let found: BTreeMap<_, _> = needed.iter().map(|(name, needed)| (name, roles[*name].findings(needed))).collect();
        assert!(found.values().all(BTreeSet::is_empty), "a stack with {values:?}: {found:#?}");
        changes_are_noticed(&roles, &needed);
    }
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
            wider.statements[place].resources.insert(Resource::Index("another".to_owned()));
            assert!(!wider.findings(needed).is_empty(), "{name} with another index");
        }
    }
}
