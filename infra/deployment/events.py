"""The completion events: a queue of our own that a rule on the bus fills, and one that listens to the example's topic."""

import json

from checks import Failed, expect, wait_for

# An event follows its execution's end by milliseconds; the emulator may be busy.
EVENT_SECONDS = 30


def queue(emulator, name, service):
    """A queue that the service may send to: its URL and its ARN."""
    sqs = emulator.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    return url, arn


class Listener:
    """Keeps every message that a queue got."""

    def __init__(self, emulator, url):
        self.sqs, self.url, self.messages = emulator.client("sqs"), url, []

    def all(self):
        while True:
            found = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages", [])
            if not found:
                return self.messages
            for message in found:
                self.messages.append(json.loads(message["Body"]))
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])


class Completions:
    """The completion events as the bus delivers them."""

    def __init__(self, emulator, bus):
        url, arn = queue(emulator, "completions", "events.amazonaws.com")
        pattern = {"source": ["scatter-gather"], "detail-type": ["Execution Completed"]}
        events = emulator.client("events")
        events.put_rule(Name="completions", EventBusName=bus, EventPattern=json.dumps(pattern))
        events.put_targets(Rule="completions", EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])
        self.listener = Listener(emulator, url)

    def of(self, execution_id, generation=1):
        """The event of that generation, once it is there."""
        def there():
            return self.by_generation().get((execution_id, generation))

        return wait_for(f"the event of {execution_id} in generation {generation}", EVENT_SECONDS, there)[0]

    def once(self, execution_id):
        """Whether it came once: nobody but gather had a hand in that execution."""
        found = [len(events) for (of, _), events in self.by_generation().items() if of == execution_id]
        expect(f"events of {execution_id}", found, [1])

    def one_each(self):
        """How many generations have an event, and how many events came again. A cancel by an operator publishes too, so gather and
        it may both do it; then it is the same event, with the same ID."""
        found = self.by_generation()
        for (execution_id, generation), events in found.items():
            if any(event != events[0] for event in events):
                raise Failed(f"different events of {execution_id} in generation {generation}: {events}")
        ids = {events[0]["event_id"] for events in found.values()}
        expect("different IDs of events", len(ids), len(found))
        return len(found), sum(map(len, found.values())) - len(found)

    def by_generation(self):
        found = {}
        for event in self.listener.all():
            detail = event["detail"]
            found.setdefault((detail["execution_id"], detail["generation"]), []).append(detail)
        return found
