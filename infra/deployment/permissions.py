"""The roles: what they do not allow is refused."""

import json

from checks import Failed, say


def are_checked(emulator, made):
    """A role that is denied what it needs is refused; otherwise it would show nothing that nothing is refused."""
    iam = emulator.client("iam")
    policy = {"RoleName": made.resources["ScatterRole"], "PolicyName": "denied"}
    iam.put_role_policy(**policy, PolicyDocument=document("Deny", "dynamodb:GetItem"))
    event = {"job": "denied", "source": {"type": "list", "codes": ["a"]}}
    answer = emulator.client("lambda").invoke(FunctionName=made.resources["ScatterFunction"], Payload=json.dumps(event))
    said = answer["Payload"].read().decode()
    if "FunctionError" not in answer or "AccessDenied" not in said:
        raise Failed(f"a role that may not read the control table was not refused: {said}")
    iam.delete_role_policy(**policy)
    say("permissions: the emulator checks the functions' requests against their roles")


# The requests of many items or messages that each role makes: ministack takes their names for permissions. AWS has none of these
# names: it asks for `dynamodb:PartiQLInsert` and `sqs:SendMessage`, which the template gives.
BATCHES = {"ScatterRole": ["dynamodb:BatchExecuteStatement", "sqs:SendMessageBatch"],
           "GatherRole": ["sqs:SendMessageBatch"],
           "SweeperRole": ["dynamodb:BatchExecuteStatement", "sqs:SendMessageBatch"],
           "WorkerRole": ["sqs:ChangeMessageVisibilityBatch"]}


def let_batches(emulator, made):
    for role, actions in BATCHES.items():
        emulator.client("iam").put_role_policy(
            RoleName=made.resources[role], PolicyName="emulator", PolicyDocument=document("Allow", actions))
    say(f"for the emulator alone, permissions that AWS does not have: {BATCHES}")


def document(effect, action):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": effect, "Action": action, "Resource": "*"}]})


# Of Lambda alone the answer's body does not say what was wrong.
FORBIDDEN = 403


def missing(exchanges):
    """What functions asked for that their roles do not allow, in the services' words."""
    return {exchange.answer.get("message", exchange.answer.get("Message")) for exchange in exchanges
            if exchange.status == FORBIDDEN or "AccessDenied" in str(exchange.answer.get("__type"))}


def none_missing(exchanges):
    if found := missing(exchanges):
        raise Failed(f"requests without permission: {found}")
