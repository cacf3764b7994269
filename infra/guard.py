"""What cfn-lint and the security scan let through: limits of event-source mappings, and this project's own rules.

Usage: guard.py TEMPLATE...   Prints one line a finding, `FILE: RULE: what is wrong`, and exits 1 if there is one.
"""

import json
import pathlib
import re
import sys

from cfnlint.decode import decode

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Lambda's own limits of a stream's mapping.
RANGES = {"BatchSize": (1, 10_000), "ParallelizationFactor": (1, 10), "MaximumRetryAttempts": (0, 10_000)}
SAME = ["StartingPosition", "BatchSize", "ParallelizationFactor", "FunctionResponseTypes", "BisectBatchOnFunctionError",
        "MaximumRetryAttempts", "FilterCriteria"]
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
    mappings = dict(event_source_mappings(resources))
    for name, mapping in mappings.items():
        found += mapping_findings(name, mapping, template.get("Parameters", {}))
    found += same_mapping(mappings)
    for name, resource in resources.items():
        kind, properties = resource["Type"], resource.get("Properties", {})
        if kind in POLICY_HOLDERS:
            found += policy_findings(name, kind, properties)
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
    if "ReportBatchItemFailures" not in mapping.get("FunctionResponseTypes", []):
        yield f"partial: {name} does not take ReportBatchItemFailures, so one record fails its whole batch"
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


def same_mapping(mappings):
    """A worker of the user's gets its records just as the built-in one does."""
    own, built_in = mappings.get("OwnWorkerSegments"), mappings.get("WorkerFunction/Segments")
    if own and built_in:
        for setting in SAME:
            if own.get(setting) != built_in.get(setting):
                yield f"same: OwnWorkerSegments and WorkerFunction/Segments differ in {setting}"


def policy_findings(name, kind, properties):
    if kind == "AWS::Serverless::Function" and "Role" not in properties:
        yield f"role: {name} has no Role, and SAM would give it one that reads every stream and writes every log group"
    for arn in properties.get("ManagedPolicyArns", []) if kind == "AWS::IAM::Role" else []:
        if not isinstance(arn, dict) or "Ref" not in arn:
            yield f"role: {name} takes in {arn}; write out what it needs"
    for statement in statements(properties):
        for key in ("Action", "Resource"):
            for value in listed(statement.get(key, [])):
                if value == "*" or (key == "Action" and "*" in str(value)):
                    yield f"wildcard: {name}: {key} {value} of {statement.get('Sid', 'a statement')}"


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
        "deleting the stack keeps it": resource.get("DeletionPolicy") == "Retain",
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
        yield f"alarm: {name} tells nobody"


def dashboard_findings(name, properties):
    body = properties["DashboardBody"].get("Fn::Sub")
    try:
        json.loads(re.sub(r"\$\{[^}]+\}", "x", body[0] if isinstance(body, list) else body))
    except ValueError as error:
        yield f"dashboard: {name}: {error}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
