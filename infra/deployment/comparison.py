"""Compares a stack with its template, setting by setting."""

import re

from deployed import plain

# Types that are not read back: a bus has no setting but its name, and a dashboard is a text.
NOT_READ = {"AWS::Events::EventBus", "AWS::CloudWatch::Dashboard"}
# Settings that say nothing: texts, and where the code came from.
PASSED_OVER = {"Code", "Tags", "Description"}
# What the emulator keeps none of, although the template asks for it.
NOT_KEPT = {"TimeToLiveSpecification", "PointInTimeRecoverySpecification", "SSESpecification", "StreamEncryption",
            "ReservedConcurrentExecutions", "OnDemandThroughput", "WarmThroughput",
            "PermissionsBoundary", "VpcConfig"}


def compare(expansion, deployed):
    """(equal, different): settings as `Resource.Setting`, the latter with what the template says and what is deployed."""
    equal, different = [], {}
    for name, (kind, properties) in expansion.resources().items():
        if kind in NOT_READ:
            continue
        found = deployed.of[kind](expansion.stack.resources[name])
        for setting in properties.keys() - PASSED_OVER:
            wanted, there = plain(properties[setting]), plain(found.get(setting))
            if setting == "FunctionName":
                wanted, there = bare(wanted), bare(there)
            if contains(there, wanted):
                equal.append(f"{name}.{setting}")
            else:
                different[f"{name}.{setting}"] = (wanted, there)
    return equal, different


def contains(found, wanted):
    """Whether all that is wanted is there; a service may tell more, such as defaults."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(contains(found.get(key), value) for key, value in wanted.items())
    return found == wanted


def bare(function):
    """A function's name may be given as its ARN."""
    return re.sub(r"^arn:.*:function:", "", function)


def split(different):
    """What the emulator does not keep, and what is really wrong."""
    def is_lost(setting):
        return setting.partition(".")[2] in NOT_KEPT

    return ({setting: values for setting, values in different.items() if is_lost(setting)},
            {setting: values for setting, values in different.items() if not is_lost(setting)})
