"""What cfn-lint and the security scan let through: limits of event-source mappings, and this project's own rules.

Usage: guard.py TEMPLATE...   Prints one line a finding, `FILE: RULE: what is wrong`, and exits 1 if there is one.
"""

import json
import pathlib
import re
import sys

from cfnlint.decode import decode

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Lambda's own limits of a mapping.
RANGES = {"BatchSize": (1, 10_000), "ParallelizationFactor": (1, 10), "MaximumRetryAttempts": (0, 10_000)}
# What takes no narrower resource than all of them.
EVERYWHERE = {"Network": "ec2:", "Traces": "xray:"}
# AWS: a queue's visibility timeout is at least six times its function's timeout, and a message is received at least five times
# before it is a dead letter (https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html).
VISIBILITY_TIMES, RECEIVES_MIN = 6, 5
# What SAM takes in an event of a stream. The linter passes over what it does not know there.
KNOWN = {"BatchSize", "BisectBatchOnFunctionError", "DestinationConfig", "Enabled", "EventSourceArn", "FilterCriteria",
         "FunctionName", "FunctionResponseTypes", "KmsKeyArn", "MaximumBatchingWindowInSeconds", "MaximumRecordAgeInSeconds",
         "MaximumRetryAttempts", "MetricsConfig", "ParallelizationFactor", "StartingPosition", "StartingPositionTimestamp",
         "Stream", "TumblingWindowInSeconds"}
POLICY_HOLDERS = ("AWS::IAM::Role", "AWS::IAM::ManagedPolicy", "AWS::IAM::Policy", "AWS::Serverless::Function")


def main(paths):
    findings = [f"{path}: {finding}" for path in paths for finding in guard(path)]
    for finding in findings:
        print(finding)
    return 1 if findings else 0


def guard(path):
    template, errors = decode(path)
    if errors:
        return [f"yaml: {error.message}" for error in errors]
    template = json.loads(json.dumps(template))
    resources = template["Resources"]
    found = []
    parameters = template.get("Parameters", {})
    for name, mapping in event_source_mappings(resources):
        found += mapping_findings(name, mapping, parameters)
    for name, resource in resources.items():
        kind, properties = resource["Type"], resource.get("Properties", {})
        if kind in POLICY_HOLDERS:
            found += policy_findings(name, kind, properties)
        if kind == "AWS::IAM::Role":
            found += account_findings(name, properties)
        if kind == "AWS::Serverless::Function":
            found += log_findings(name, properties)
        if kind == "AWS::KMS::Key":
            found += key_findings(name, properties)
        if kind == "AWS::SQS::Queue":
            found += queue_findings(name, properties, parameters)
        if kind == "AWS::DynamoDB::Table":
            found += table_findings(name, resource, properties)
        if kind == "AWS::CloudWatch::Alarm":
            found += alarm_findings(name, properties)
        if kind == "AWS::CloudWatch::Dashboard":
            found += dashboard_findings(name, properties)
    return found


def event_source_mappings(resources):
    for name, resource in resources.items():
        if resource["Type"] == "AWS::Lambda::EventSourceMapping":
            yield name, resource["Properties"]
        if resource["Type"] == "AWS::Serverless::Function":
            for event, definition in resource["Properties"].get("Events", {}).items():
                if definition["Type"] in ("Kinesis", "DynamoDB"):
                    yield f"{name}/{event}", definition["Properties"]


def mapping_findings(name, mapping, parameters):
    if "ReportBatchItemFailures" not in mapping.get("FunctionResponseTypes", []):
        yield f"partial: {name} does not take ReportBatchItemFailures, so one record fails its whole batch"
    if mapping.get("StartingPosition"):
        yield from stream_findings(name, mapping, parameters)
    elif "MaximumConcurrency" not in mapping.get("ScalingConfig", {}):
        yield f"concurrency: {name} reads a queue without ScalingConfig.MaximumConcurrency, so throttles use up its messages' receives"


def stream_findings(name, mapping, parameters):
    for setting in sorted(set(mapping) - KNOWN):
        yield f"unknown: {name}: {setting} is no setting of a stream's mapping"
    for setting, (low, high) in RANGES.items():
        value = mapping.get(setting)
        if value is None:
            if setting == "MaximumRetryAttempts":
                yield f"retries: {name} tries a batch again until it expires; bound MaximumRetryAttempts"
            continue
        for number, said in values(value, parameters):
            if not isinstance(number, int) or not low <= number <= high:
                rule = "retries" if setting == "MaximumRetryAttempts" else "range"
                yield f"{rule}: {name}: {setting} is {number}{said}, and must be {low} to {high}"
    if not mapping.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination"):
        yield f"failures: {name} has no place for batches that it gives up on"
    for pattern in mapping.get("FilterCriteria", {}).get("Filters", []):
        try:
            json.loads(pattern["Pattern"])
        except ValueError as error:
            yield f"filter: {name}: {error} in {pattern['Pattern']}"


def values(value, parameters):
    """A literal, or the default and the bounds of the parameter that is referred to."""
    if not (isinstance(value, dict) and "Ref" in value):
        return [(value, "")]
    parameter = parameters.get(value["Ref"], {})
    of = f" by {value['Ref']}'s "
    return [(parameter.get(key), of + key) for key in ("Default", "MinValue", "MaxValue")]


def account_findings(name, properties):
    """Some accounts refuse a role without a boundary, or outside a path."""
    return [f"account: {name} has no {setting}" for setting in ("Path", "PermissionsBoundary") if setting not in properties]


def log_findings(name, properties):
    """Without the settings Lambda keeps two lines of its own for every invocation, and no parameter lowers that."""
    logging = properties.get("LoggingConfig", {})
    return [f"logs: {name} has no {setting}" for setting in ("ApplicationLogLevel", "SystemLogLevel") if setting not in logging]


def key_findings(name, properties):
    """SNS passes no source to a key's policy for EventBridge
    (https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html), so such a condition refuses every message."""
    for statement in properties["KeyPolicy"]["Statement"]:
        conditions = json.dumps(statement.get("Condition", {}))
        if "events.amazonaws.com" in json.dumps(statement.get("Principal")) and "aws:Source" in conditions:
            yield f"key: {name}: {statement.get('Sid', 'a statement')} refuses EventBridge, which passes no aws:Source…"


def queue_findings(name, properties, parameters):
    """Of a queue that a function reads: one with dead letters."""
    redrive = properties.get("RedrivePolicy")
    if not redrive:
        return
    if redrive["maxReceiveCount"] < RECEIVES_MIN:
        yield f"receives: {name}: maxReceiveCount is {redrive['maxReceiveCount']}, and must be {RECEIVES_MIN} or more"
    timeout = parameters.get("WorkerTimeoutSeconds", {}).get("Default", 0)
    visible, said = values(properties.get("VisibilityTimeout", 30), parameters)[0]
    if visible < VISIBILITY_TIMES * timeout:
        yield f"visibility: {name}: VisibilityTimeout is {visible}{said}, and must be {VISIBILITY_TIMES * timeout} or more"


def policy_findings(name, kind, properties):
    if kind == "AWS::Serverless::Function" and "Role" not in properties:
        yield f"role: {name} has no Role, and SAM would give it one that reads every stream and writes every log group"
    for arn in written_out(properties.get("ManagedPolicyArns", [])) if kind == "AWS::IAM::Role" else []:
        yield f"role: {name} takes in {arn}; write out what it needs"
    for statement in statements(properties):
        for key in ("Action", "Resource"):
            for value in listed(statement.get(key, [])):
                if value == "*" and key == "Resource" and is_everywhere(statement):
                    continue
                if value == "*" or (key == "Action" and "*" in str(value)):
                    yield f"wildcard: {name}: {key} {value} of {statement.get('Sid', 'a statement')}"


def written_out(arns):
    """The policies that a role takes in and that are not of its template."""
    if isinstance(arns, dict):
        return [] if "Ref" in arns else written_out(arns["Fn::If"][1:])
    return [arns] if isinstance(arns, str) else [arn for each in arns for arn in written_out(each)]


def is_everywhere(statement):
    prefix = EVERYWHERE.get(statement.get("Sid"))
    return prefix is not None and all(action.startswith(prefix) for action in listed(statement["Action"]))


def statements(node):
    if isinstance(node, dict):
        if "Effect" in node and "Action" in node and "Principal" not in node:
            yield node
        for value in node.values():
            yield from statements(value)
    elif isinstance(node, list):
        for value in node:
            yield from statements(value)


def listed(value):
    return value if isinstance(value, list) else [value]


def table_findings(name, resource, properties):
    expected = {
        "deleting the stack keeps it": resource.get("DeletionPolicy") == "RetainExceptOnCreate",
        "it is encrypted": properties.get("SSESpecification", {}).get("SSEEnabled") is True,
        "it can be restored to a moment":
            properties.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled") is True,
        "its stream has new images": properties.get("StreamSpecification", {}).get("StreamViewType") == "NEW_IMAGE",
        "rows expire by expires_at":
            properties.get("TimeToLiveSpecification") == {"AttributeName": "expires_at", "Enabled": True},
        "it is billed by request": properties.get("BillingMode") == "PAY_PER_REQUEST",
    }
    return [f"table: {name}: not so: {what}" for what, so in expected.items() if not so]


def alarm_findings(name, properties):
    if not re.search(rf"^### .*\b{name}\b", (ROOT / "docs" / "operations.md").read_text(), re.MULTILINE):
        yield f"alarm: {name} has no entry in docs/operations.md"
    if "AlarmActions" not in properties:
        yield f"alarm: {name} has no action"


def dashboard_findings(name, properties):
    for body in texts(properties["DashboardBody"]):
        try:
            json.loads(re.sub(r"\$\{[^}]+\}", "x", body))
        except ValueError as error:
            yield f"dashboard: {name}: {error}"


def texts(node):
    """What a text may be, whatever its conditions are."""
    if isinstance(node, str):
        return [node]
    if "Fn::If" in node:
        return [text for choice in node["Fn::If"][1:] for text in texts(choice)]
    if "Fn::Sub" not in node:
        return ["x"]
    body, variables = node["Fn::Sub"] if isinstance(node["Fn::Sub"], list) else (node["Fn::Sub"], {})
    found = [body]
    for variable, value in variables.items():
        found = [text.replace(f"${{{variable}}}", choice) for text in found for choice in texts(value)]
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
