"""A third stack, on an SQS queue: an execution on it, a message that is no segment's, what the queue holds afterwards, and an API that
only reads."""

import json

import api
import permissions
import settings
import stack
from checks import expect, say, wait_for
from cli import Scatterctl

STACK = "queued"
PARAMETERS = {"Architecture": "x86_64", "Transport": "SQS", "BatchSize": "5", "QueueMaximumConcurrency": "2",
              "DeletionProtection": "false", "HttpApi": "FunctionUrl", "HttpApiReadOnly": "true"}
SEGMENTS, RUN_SECONDS, EMPTY_SECONDS = 300, 120, 60
# SQS takes ten messages a request.
MESSAGES_MAX = 10
UNREADABLE = "no segment"
COUNTS = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]


def check(emulator, proxy, body, binary, deployed):
    made = stack.create(emulator, STACK, body, PARAMETERS)
    settings.as_the_template_says(STACK, made, body, PARAMETERS, deployed)
    permissions.let_batches(emulator, made)
    as_a_number(made, deployed)
    sqs, queue = emulator.client("sqs"), made.outputs["SegmentQueueUrl"]
    scatterctl = Scatterctl(binary, STACK, emulator)
    proxy.taken()
    sqs.send_message(QueueUrl=queue, MessageBody=UNREADABLE)
    arguments = ["--job", "queued", "--source", "range", "--from", "0", "--to", str(SEGMENTS), "--size", "1", "--work", "noop"]
    status = scatterctl("run", *arguments, seconds=RUN_SECONDS)
    expect("the execution on a queue", (status["status"], status["succeeded"], status["attempts"]),
           ("SUCCEEDED", SEGMENTS, SEGMENTS))
    exchanges = proxy.taken()
    permissions.none_missing(exchanges)
    of_scatter(exchanges, status["execution_id"])
    wait_for("the queue to be empty", EMPTY_SECONDS, lambda: counts(sqs, queue) == (0, 0))
    expect("messages that the queue gave up on", counts(sqs, made.outputs["WorkerFailuresUrl"]), (0, 0))
    dead_letters = wait_for("the dead letter", EMPTY_SECONDS, lambda: scatterctl.lines("dead-letters"))
    expect("dead letters on a queue", len(dead_letters), 1)
    api.refuses_changes(emulator, made, status["execution_id"])
    permissions.none_missing(proxy.taken())
    stack.delete(emulator, STACK)
    say(f"queue: {SEGMENTS} segments, each in one attempt, by {MESSAGES_MAX} messages a request at most; the queue is empty")


def as_a_number(made, deployed):
    """The emulator keeps the parameter as a text, and then cannot compare it with the number of its invocations."""
    concurrency = int(PARAMETERS["QueueMaximumConcurrency"])
    deployed.lambda_.update_event_source_mapping(
        UUID=made.resources["SegmentQueueMapping"], ScalingConfig={"MaximumConcurrency": concurrency})
    say("for the emulator alone: MaximumConcurrency of the queue's mapping is set once more, as a number")


def counts(sqs, queue):
    found = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=COUNTS)["Attributes"]
    return tuple(int(found[name]) for name in COUNTS)


def of_scatter(exchanges, execution_id):
    """The messages that scatter sent."""
    requests = [exchange.request["Entries"] for exchange in exchanges if exchange.operation == "SendMessageBatch"]
    entries = [entry for request in requests for entry in request]
    expect("messages of the execution", len(entries), SEGMENTS)
    expect("more messages a request than SQS takes", [len(request) for request in requests if len(request) > MESSAGES_MAX], [])
    expect("the groups of its messages", {entry["MessageGroupId"] for entry in entries}, {execution_id})
    expect("its segments", sorted(json.loads(entry["MessageBody"])["index"] for entry in entries), list(range(SEGMENTS)))
