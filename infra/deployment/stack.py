"""Creates a stack and waits for it."""

import dataclasses

from checks import Failed, wait_for
from package import BUCKET

CREATE_SECONDS = 120


@dataclasses.dataclass
class Stack:
    name: str
    outputs: dict
    # Physical IDs by logical ones.
    resources: dict


def create(emulator, name, body, parameters):
    """A stack whose creation is complete, with its outputs and resources."""
    cloudformation = emulator.client("cloudformation")
    cloudformation.create_stack(
        StackName=name, TemplateURL=uploaded(emulator, name, body), Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()])

    def settled():
        stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        return None if stack["StackStatus"].endswith("IN_PROGRESS") else stack

    stack = wait_for(f"stack {name}", CREATE_SECONDS, settled)
    if stack["StackStatus"] != "CREATE_COMPLETE":
        raise Failed(f"stack {name} is {stack['StackStatus']}: {stack.get('StackStatusReason')}\n{reasons(cloudformation, name)}")
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
    resources = cloudformation.describe_stack_resources(StackName=name)["StackResources"]
    return Stack(name, outputs, {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in resources})


def uploaded(emulator, name, body):
    """CloudFormation takes a template of more than 51,200 bytes from S3 alone."""
    emulator.client("s3").put_object(Bucket=BUCKET, Key=f"{name}.yaml", Body=body.encode())
    return f"{emulator.endpoint}/{BUCKET}/{name}.yaml"


def delete(emulator, name):
    """Deletes a stack and waits until it is gone."""
    cloudformation = emulator.client("cloudformation")
    arn = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
    cloudformation.delete_stack(StackName=name)

    def gone():
        stack = cloudformation.describe_stacks(StackName=arn)["Stacks"][0]
        if stack["StackStatus"] == "DELETE_FAILED":
            raise Failed(f"stack {name} cannot be deleted: {reasons(cloudformation, arn)}")
        return stack["StackStatus"] == "DELETE_COMPLETE"

    wait_for(f"the end of stack {name}", CREATE_SECONDS, gone)


def refused(emulator, name, body, parameters, words):
    """Creating that stack must be refused, for that reason."""
    try:
        create(emulator, name, body, parameters)
    except Exception as error:  # Of the client's many, or a stack that failed.
        if words in str(error):
            return
        raise
    raise Failed(f"stack {name} was created, and must be refused: {words}")


def reasons(cloudformation, name):
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    return "\n".join(f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason')}"
                     for event in events if event["ResourceStatus"].endswith("FAILED"))
