"""The test of what was deployed: every setting that the services tell is the template's, and a wrong one would be noticed."""

import json

from checks import Failed, expect, say
from comparison import compare, split
from expansion import Expansion


def as_the_template_says(name, stack, body, parameters, deployed):
    """Prints what was read back, and what could not be."""
    expansion = Expansion(body, parameters, stack, deployed.arn_of)
    equal, different = compare(expansion, deployed)
    lost, wrong = split(different)
    if wrong:
        raise Failed(f"stack {name} is not as its template says, expected and found: {wrong}")
    expect(f"resources of stack {name}", set(stack.resources), set(expansion.resources()))
    say(f"stack {name}: {len(stack.resources)} resources, {len(equal)} settings read back as the template says")
    for setting, (wanted, _) in sorted(lost.items()):
        say(f"  from the template as SAM expands it, because the emulator does not keep it: {setting} = {wanted}")
    return expansion


def would_be_noticed(stack, expansion, deployed):
    """Alters the deployment, and the expectation, and looks for the difference."""
    mapping = {"UUID": stack.resources["SegmentStreamMapping"]}
    factor = int(expansion.parameters["ParallelizationFactor"])
    deployed.lambda_.update_event_source_mapping(**mapping, ParallelizationFactor=factor - 1)
    noticed({"SegmentStreamMapping.ParallelizationFactor"}, expansion, deployed)
    deployed.lambda_.update_event_source_mapping(**mapping, ParallelizationFactor=factor)

    role = {"RoleName": stack.resources["GatherRole"], "PolicyName": "more"}
    allow = {"Effect": "Allow", "Action": "dynamodb:DeleteItem", "Resource": "*"}
    deployed.iam.put_role_policy(**role, PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow]}))
    noticed({"GatherRole.Policies"}, expansion, deployed)
    deployed.iam.delete_role_policy(**role)

    properties = expansion.template["Resources"]
    altered = [
        ("GatherFunctionControlTableStream", "FilterCriteria", {"Filters": []}),
        ("GatherFunctionControlTableStream", "BatchSize", 99),
        ("SegmentStreamMapping", "MaximumRetryAttempts", -1),
        ("SegmentStreamMapping", "BisectBatchOnFunctionError", False),
        ("SegmentStreamMapping", "FunctionResponseTypes", []),
        ("SegmentStreamMapping", "DestinationConfig", {"OnFailure": {"Destination": "nowhere"}}),
        ("ControlTable", "StreamSpecification", {"StreamViewType": "KEYS_ONLY"}),
        ("WorkerFunction", "MemorySize", 513),
        ("WorkerFunction", "Timeout", 899),
        ("GatherFunction", "Environment", {"Variables": {"CONTROL_TABLE": "another"}}),
        ("WorkerLogs", "RetentionInDays", 31),
        ("SweeperFunctionTick", "ScheduleExpression", "rate(2 minutes)"),
    ]
    for resource, setting, value in altered:
        kept = properties[resource]["Properties"][setting]
        properties[resource]["Properties"][setting] = value
        noticed({f"{resource}.{setting}"}, expansion, deployed)
        properties[resource]["Properties"][setting] = kept
    noticed(set(), expansion, deployed)
    say(f"noticed, as it must be: 2 changes of the deployment, and {len(altered)} other expectations")


def noticed(settings, expansion, deployed):
    expect("what is different", set(split(compare(expansion, deployed)[1])[1]), settings)
