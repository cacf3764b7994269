"""The completion events: a queue of our own that a rule on the bus fills, and one that listens to the example's topic."""

import json

from checks import Failed, expect, wait_for

# An event follows its run's end by milliseconds; the emulator may be busy.
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
        """The one event of that generation, once it is there."""
        def there():
            return [event["detail"] for event in self.listener.all()
                    if event["detail"]["execution_id"] == execution_id and event["detail"]["generation"] == generation]

        found = wait_for(f"the event of {execution_id} in generation {generation}", EVENT_SECONDS, there)
        expect(f"events of {execution_id} in generation {generation}", len(found), 1)
        return found[0]

    def exactly_one_each(self):
        """Whether any generation of any run has had more than one; how many there were."""
        keys = [(event["detail"]["execution_id"], event["detail"]["generation"]) for event in self.listener.all()]
        for key in set(keys):
            if keys.count(key) > 1:
                raise Failed(f"{keys.count(key)} events of {key[0]} in generation {key[1]}")
        return len(keys)
