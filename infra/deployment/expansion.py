"""What a stack should have, by its template: SAM's own translator expands it, and references become the names that were given."""

import logging
import os
import re

from checks import Failed
from emulator import REGION

# The translator asks boto3 for the partition of a region.
os.environ.setdefault("AWS_DEFAULT_REGION", REGION)

from samtranslator.translator.transform import transform  # noqa: E402
from samtranslator.yaml_helper import yaml_parse  # noqa: E402

# It warns of metrics about itself that nobody collects.
logging.getLogger("samtranslator").setLevel(logging.ERROR)
ACCOUNT = "000000000000"
NOTHING = object()


class NoManagedPolicies:
    """The template names none."""

    def load(self):
        return {}


class Expansion:
    """Of one stack with those parameters; `arn_of` tells the ARN of what the stack has, by type, name and attribute."""

    def __init__(self, body, parameters, stack, arn_of):
        self.template = transform(yaml_parse(body), parameters, NoManagedPolicies())
        self.stack, self.arn_of = stack, arn_of
        defaults = {name: parameter.get("Default") for name, parameter in self.template["Parameters"].items()}
        self.parameters = {**defaults, **parameters}

    def resources(self):
        """Logical IDs of the resources that the parameters ask for, with their types and properties."""
        return {name: (resource["Type"], self.value(resource.get("Properties", {})))
                for name, resource in self.template["Resources"].items()
                if "Condition" not in resource or self.condition(resource["Condition"])}

    def condition(self, name):
        return self.value(self.template["Conditions"][name])

    def value(self, node):
        if isinstance(node, list):
            return [value for value in map(self.value, node) if value is not NOTHING]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            (function, argument), = node.items()
            if function == "Ref":
                return self.reference(argument)
            if function == "Condition" and isinstance(argument, str):
                return self.condition(argument)
            if function.startswith("Fn::"):
                return self.function(function, argument)
        found = {key: self.value(value) for key, value in node.items()}
        return {key: value for key, value in found.items() if value is not NOTHING}

    def reference(self, name):
        pseudo = {"AWS::NoValue": NOTHING, "AWS::StackName": self.stack.name, "AWS::Region": REGION,
                  "AWS::AccountId": ACCOUNT, "AWS::Partition": "aws"}
        if name in pseudo:
            return pseudo[name]
        if name in self.parameters:
            return self.parameters[name]
        return self.stack.resources[name]

    def function(self, function, argument):
        if function == "Fn::If":
            return self.value(argument[1] if self.condition(argument[0]) else argument[2])
        if function == "Fn::Equals":
            first, second = map(self.value, argument)
            return str(first) == str(second)
        if function == "Fn::Not":
            return not self.value(argument[0])
        if function == "Fn::And":
            return all(map(self.value, argument))
        if function == "Fn::Or":
            return any(map(self.value, argument))
        if function == "Fn::GetAtt":
            return self.attribute(*argument)
        if function == "Fn::Sub":
            return self.substituted(argument)
        if function == "Fn::Select":
            return listed(self.value(argument[1]))[int(argument[0])]
        if function == "Fn::Split":
            return self.value(argument[1]).split(argument[0])
        raise Failed(f"the template uses {function}, which this test cannot work out")

    def attribute(self, name, attribute):
        if attribute == "QueueName":
            return self.stack.resources[name].rsplit("/", 1)[-1]
        return self.arn_of(self.template["Resources"][name]["Type"], self.stack.resources[name], attribute)

    def substituted(self, argument):
        text, own = (argument, {}) if isinstance(argument, str) else argument

        def known(found):
            name, _, attribute = found[1].partition(".")
            if name in own:
                return str(self.value(own[name]))
            return str(self.attribute(name, attribute) if attribute else self.reference(name))

        return re.sub(r"\$\{([^}!]+)\}", known, text)


def listed(value):
    """A parameter of a list is a text with commas."""
    return value.split(",") if isinstance(value, str) else value
