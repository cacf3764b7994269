"""The example of what may come next: a message to a topic, and a second execution whose key is the ID of the first one's event."""

import stack
from checks import expect, say, wait_for
from events import EVENT_SECONDS, Listener, queue

FIRST, SECOND = "first", "second"
SEGMENTS = 3


class Chain:
    def __init__(self, emulator, body, main):
        self.emulator = emulator
        self.stack = stack.create(emulator, "after", body, {
            "ScatterFunctionArn": main.outputs["ScatterFunctionArn"], "FirstJob": FIRST, "SecondJob": SECOND,
            "SecondParameters": '{"work":"noop"}'})
        url, arn = queue(emulator, "topic-listener", "sns.amazonaws.com")
        topic = self.stack.outputs["TopicArn"]
        emulator.client("sns").subscribe(
            TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
        self.listener = Listener(emulator, url)

    def check(self, scatterctl, completions):
        range_ = ["--source", "range", "--from", "0", "--to", str(SEGMENTS), "--size", "1"]
        first = scatterctl("run", "--job", FIRST, *range_, "--work", "noop")["execution_id"]
        event = completions.of(first)
        said = f"{FIRST}: SUCCEEDED, {SEGMENTS} of {SEGMENTS} segments, execution {first}"
        wait_for("the message to the topic", EVENT_SECONDS, lambda: said in self.listener.all())
        expect("messages to the topic about the first execution", self.listener.messages.count(said), 1)

        def second():
            runs = scatterctl("list", "--job", SECOND)["executions"]
            return [run for run in runs if run["key"] == event["event_id"]]

        found = wait_for("the second execution", EVENT_SECONDS, second)
        expect("second runs with the event's ID as their key", len(found), 1)
        ended = completions.of(found[0]["execution_id"])
        expect("the second execution's end", (ended["status"], ended["key"]), ("SUCCEEDED", event["event_id"]))
        messages = self.emulator.client("sqs").get_queue_attributes(
            QueueUrl=self.stack.outputs["UndeliveredUrl"], AttributeNames=["ApproximateNumberOfMessages"])
        expect("events that were not delivered", messages["Attributes"]["ApproximateNumberOfMessages"], "0")
        say("chain: the topic had one message, and the second execution has the event's ID as its key; it succeeded")
