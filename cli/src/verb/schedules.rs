//! `schedules JOBS`: the schedules of a folder as a CloudFormation template.

use std::process::ExitCode;

use control_table::id::JobName;
use engine::scatter::ScatterEvent;
use local::schedule::{CatchUp, Timetable, Trigger};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::serve::agenda;
use crate::args::FolderArgs;
use crate::context::Context;
use crate::error::CliError;
use crate::job::{At, JobFile, UsageError};

/// The longest template of a rule's input
/// (<https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_InputTransformer.html>).
const MAX_INPUT_TEMPLATE: usize = 8_192;

/// Seconds for which a moment is delivered again that could not be delivered: as long as the service has it, or as `serve` does with
/// `catch_up = "none"`.
const DELIVERED_FOR: (u32, u32) = (86_400, 60);

pub(super) fn execute(context: &Context, args: &FolderArgs) -> Result<ExitCode, CliError> {
    let files = JobFile::all_in(&args.folder, At::Stack, context.work.is_some(), context.now())?;
    agenda(&args.folder, &files)?;
    let mut resources = common();
    for file in &files {
        match file.schedule.as_ref().map(|schedule| &schedule.trigger) {
            Some(Trigger::Times { timetable, catch_up }) => {
                resources.insert(logical_id("At", &file.job), by_clock(file, timetable, *catch_up)?);
            }
            Some(Trigger::After(parents)) => after(file, parents, &mut resources)?,
            None => {}
        }
    }
    context.output.value(&template(&resources))?;
    context.output.note("on AWS executions of a job may overlap: a schedule has no max_active");
    Ok(ExitCode::SUCCESS)
}

fn template(resources: &Map<String, Value>) -> Value {
    json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Starts jobs of a scatter-gather stack by the clock, and after each other. Made by `schedules`.",
        "Parameters": {
            "ScatterFunctionArn": {
                "Type": "String",
                "AllowedPattern": "^arn:[^:]+:lambda:[^:]+:[0-9]{12}:function:[A-Za-z0-9_-]+$",
                "Description": "The output ScatterFunctionArn of the stack."
            },
            "CompletionBusName": { "Type": "String", "Default": "default", "Description": "The bus of its completion events." },
            "PermissionsBoundaryArn": { "Type": "String", "Default": "", "Description": "A boundary for the role; empty for none." },
            "RolePath": { "Type": "String", "Default": "/", "Description": "The path of the role." }
        },
        "Conditions": { "HasBoundary": { "Fn::Not": [{ "Fn::Equals": [{ "Ref": "PermissionsBoundaryArn" }, ""] }] } },
        "Resources": resources
    })
}

/// The role of the schedules, and the queue of what could not be delivered.
fn common() -> Map<String, Value> {
    let statement = |service: &str| {
        json!({ "Effect": "Allow", "Principal": { "Service": service }, "Action": "sts:AssumeRole",
            "Condition": { "StringEquals": { "aws:SourceAccount": { "Ref": "AWS::AccountId" } } } })
    };
    let allow = |sid: &str, action: &str, resource: Value| json!({ "Sid": sid, "Effect": "Allow", "Action": action, "Resource": resource });
    let policy = |statements: Value| json!({ "Version": "2012-10-17", "Statement": statements });
    let queue = json!({ "Fn::GetAtt": ["Undelivered", "Arn"] });
    let to_queue = json!({ "Sid": "Rules", "Effect": "Allow", "Principal": { "Service": "events.amazonaws.com" },
        "Action": "sqs:SendMessage", "Resource": queue,
        "Condition": { "StringEquals": { "aws:SourceAccount": { "Ref": "AWS::AccountId" } } } });
    let role = json!({ "Type": "AWS::IAM::Role", "Properties": {
        "Path": { "Ref": "RolePath" },
        "PermissionsBoundary": {
            "Fn::If": ["HasBoundary", { "Ref": "PermissionsBoundaryArn" }, { "Ref": "AWS::NoValue" }]
        },
        "AssumeRolePolicyDocument": policy(json!([statement("scheduler.amazonaws.com")])),
        "Policies": [{ "PolicyName": "start", "PolicyDocument": policy(json!([
            allow("Scatter", "lambda:InvokeFunction", json!({ "Ref": "ScatterFunctionArn" })),
            allow("Undelivered", "sqs:SendMessage", queue),
        ])) }]
    } });
    let undelivered = json!({ "Type": "AWS::SQS::Queue", "DeletionPolicy": "Delete", "UpdateReplacePolicy": "Delete",
        "Properties": { "MessageRetentionPeriod": 1_209_600, "SqsManagedSseEnabled": true } });
    let undelivered_policy = json!({ "Type": "AWS::SQS::QueuePolicy", "Properties": {
        "Queues": [{ "Ref": "Undelivered" }], "PolicyDocument": policy(json!([to_queue])) } });
    [("StartRole", role), ("Undelivered", undelivered), ("UndeliveredPolicy", undelivered_policy)]
        .into_iter()
        .map(|(name, resource)| (name.to_owned(), resource))
        .collect()
}

/// A schedule whose moment, in UTC, is the key.
fn by_clock(file: &JobFile, timetable: &Timetable, catch_up: CatchUp) -> Result<Value, UsageError> {
    let refused = |reason: String| UsageError::NotOnAws { path: file.path.clone(), reason };
    let expression = timetable.to_aws().map_err(|error| refused(error.to_string()))?;
    let age = if catch_up == CatchUp::None { DELIVERED_FOR.1 } else { DELIVERED_FOR.0 };
    let comment = "Its input names a job and its source; EventBridge Scheduler encrypts it with a key of its own.";
    Ok(json!({
        "Type": "AWS::Scheduler::Schedule",
        "Metadata": { "checkov": { "skip": [{ "id": "CKV_AWS_297", "comment": comment }] } },
        "Properties": {
            "Description": format!("Starts an execution of {}.", file.job),
            "ScheduleExpression": expression,
            "ScheduleExpressionTimezone": timetable.timezone(),
            "FlexibleTimeWindow": { "Mode": "OFF" },
            "Target": {
                "Arn": { "Ref": "ScatterFunctionArn" },
                "RoleArn": { "Fn::GetAtt": ["StartRole", "Arn"] },
                "Input": with_key(&file.event, "<aws.scheduler.scheduled-time>").to_string(),
                "RetryPolicy": { "MaximumEventAgeInSeconds": age, "MaximumRetryAttempts": 185 },
                "DeadLetterConfig": { "Arn": { "Fn::GetAtt": ["Undelivered", "Arn"] } }
            }
        }
    }))
}

/// A rule on the completion event of the job before, whose key is passed on, and its permission.
fn after(file: &JobFile, parents: &[JobName], resources: &mut Map<String, Value>) -> Result<(), UsageError> {
    let refused = |reason: &str| UsageError::NotOnAws { path: file.path.clone(), reason: reason.to_owned() };
    let [parent] = parents else {
        return Err(refused(
            "it follows several jobs, and a rule on events knows of one event alone: let them follow each other",
        ));
    };
    let input = with_key(&file.event, "<key>").to_string();
    if input.matches(['<', '>']).count() > 2 {
        return Err(refused("its event has < or >, which a rule takes for a variable: leave them out"));
    }
    if input.len() > MAX_INPUT_TEMPLATE {
        return Err(refused(
            "its event is longer than the 8,192 characters of a rule's input: put a long list where workers can read it",
        ));
    }
    let name = logical_id("After", &file.job);
    let rule = json!({ "Type": "AWS::Events::Rule", "Properties": {
        "Description": format!("An execution of {} after each execution of {parent} that succeeded.", file.job),
        "EventBusName": { "Ref": "CompletionBusName" },
        "EventPattern": { "source": ["scatter-gather"], "detail-type": ["Execution Completed"],
            "detail": { "job": [parent], "status": ["SUCCEEDED"] } },
        "Targets": [{ "Id": "scatter", "Arn": { "Ref": "ScatterFunctionArn" },
            "DeadLetterConfig": { "Arn": { "Fn::GetAtt": ["Undelivered", "Arn"] } },
            "InputTransformer": { "InputPathsMap": { "key": "$.detail.key" }, "InputTemplate": input } }]
    } });
    let permission = json!({ "Type": "AWS::Lambda::Permission", "Properties": {
        "FunctionName": { "Ref": "ScatterFunctionArn" }, "Action": "lambda:InvokeFunction",
        "Principal": "events.amazonaws.com", "SourceArn": { "Fn::GetAtt": [name, "Arn"] } } });
    resources.insert(format!("{name}Permission"), permission);
    resources.insert(name, rule);
    Ok(())
}

fn with_key(event: &ScatterEvent, key: &str) -> Value {
    let mut event = json!(event);
    event["key"] = Value::from(key);
    event
}

/// A name of a resource: letters and digits, and the same for a job whatever other jobs there are.
fn logical_id(kind: &str, job: &JobName) -> String {
    let name: String = job.as_str().chars().filter(char::is_ascii_alphanumeric).collect();
    let digest = Sha256::digest(job.as_str());
    format!("{kind}{name}{:02x}{:02x}{:02x}", digest[0], digest[1], digest[2])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    const SOURCE: &str = "[source]\ntype = 'list'\ncodes = ['a']\n";

    fn files(jobs: &[(&str, &str)]) -> Result<Vec<JobFile>, UsageError> {
        let directory = tempfile::tempdir().unwrap();
        for (job, rest) in jobs {
            let text = format!("job = '{job}'\n{SOURCE}{rest}");
            std::fs::write(directory.path().join(format!("{job}.toml")), text).unwrap();
        }
        JobFile::all_in(directory.path(), At::Stack, false, "2026-11-24T00:00:00Z".parse().unwrap())
    }

    fn resources(jobs: &[(&str, &str)]) -> Result<Map<String, Value>, UsageError> {
        let files = files(jobs)?;
        agenda(Path::new("jobs"), &files)?;
        let mut resources = Map::new();
        for file in &files {
            match &file.schedule.as_ref().unwrap().trigger {
                Trigger::Times { timetable, catch_up } => {
                    resources.insert(file.job.to_string(), by_clock(file, timetable, *catch_up)?);
                }
                Trigger::After(parents) => after(file, parents, &mut resources)?,
            }
        }
        Ok(resources)
    }

    #[test]
    fn a_moment_and_a_key_before_are_the_key() {
        let load = ("load", "[schedule]\ncron = '30 2 * * MON-FRI'\ntimezone = 'Europe/Berlin'");
        let report = ("report-2", "[tags]\nteam = 'maps'\n[schedule]\nafter = ['load']");
        let made = resources(&[load, report]).unwrap();
        let schedule = &made["load"]["Properties"];
        assert_eq!(schedule["ScheduleExpression"], "cron(30 2 ? * 2-6 *)");
        assert_eq!(schedule["ScheduleExpressionTimezone"], "Europe/Berlin");
        let input: Value = serde_json::from_str(schedule["Target"]["Input"].as_str().unwrap()).unwrap();
        assert_eq!((&input["job"], &input["key"]), (&json!("load"), &json!("<aws.scheduler.scheduled-time>")));
        let name = logical_id("After", &"report-2".parse().unwrap());
        let transformer = &made[&name]["Properties"]["Targets"][0]["InputTransformer"];
        let input: Value = serde_json::from_str(transformer["InputTemplate"].as_str().unwrap()).unwrap();
        assert_eq!((&input["key"], &input["tags"]), (&json!("<key>"), &json!({"team": "maps"})));
        assert!(name.starts_with("Afterreport2") && made.contains_key(&format!("{name}Permission")), "{name}");
    }

    #[test]
    fn what_aws_does_not_have_is_refused_with_the_file() {
        let load = ("load", "[schedule]\ncron = '@daily'");
        let long = format!("[parameters]\nx = '{}'\n[schedule]\nafter = ['load']", "x".repeat(8_100));
        for (jobs, words) in [
            (vec![("a", "[schedule]\ncron = '0 0 13 * FRI'")], "make two jobs of it"),
            (
                vec![load, ("b", "[schedule]\ncron = '@daily'"), ("c", "[schedule]\nafter = ['load', 'b']")],
                "several jobs",
            ),
            (vec![load, ("c", "[parameters]\nx = '<y>'\n[schedule]\nafter = ['load']")], "< or >"),
            (vec![load, ("c", &long)], "8,192"),
            (vec![("a", "[parameters]\nwork = 'exec'\ncommand = 'ls'\n[schedule]\ncron = '@daily'")], "exec"),
        ] {
            let refused = resources(&jobs).unwrap_err().to_string();
            assert!(refused.contains(".toml: ") && refused.contains(words), "{words}: {refused}");
        }
    }
}
