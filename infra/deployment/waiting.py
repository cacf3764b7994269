"""The example with Step Functions: a state machine starts an execution with its task token as a tag, and gets the completion event as its
answer."""

import json

import stack
from checks import expect, say, wait_for

ANSWER_SECONDS = 60
SEGMENTS = 3


class Waiting:
    def __init__(self, emulator, body, main):
        self.emulator = emulator
        self.stack = stack.create(emulator, "waiting", body, {"ScatterFunctionArn": main.outputs["ScatterFunctionArn"]})

    def check(self, scatterctl, completions):
        succeeded = self.ended("good", {"work": "noop"})
        expect("the end of the state machine", succeeded["status"], "SUCCEEDED")
        event = json.loads(succeeded["output"])
        execution = scatterctl("status", "waiting/good")
        expect("what the state machine got", event, completions.of(execution["execution_id"]))
        expect("the execution that it waited for", (execution["status"], execution["succeeded"]), ("SUCCEEDED", SEGMENTS))
        found = scatterctl("list", "--tag", "state_machine=waiting", "--status", "succeeded")["executions"]
        expect("the list by its tag", [run["execution_id"] for run in found], [execution["execution_id"]])

        # The built-in worker knows no such work: the execution fails, and so does the state that waits for it.
        failed = self.ended("bad", {"work": "unknown"})
        expect("the other end", (failed["status"], failed["error"]), ("FAILED", "Execution.FAILED"))
        expect("the cause", json.loads(failed["cause"])["failed"] > 0, True)
        messages = self.emulator.client("sqs").get_queue_attributes(
            QueueUrl=self.stack.outputs["UndeliveredUrl"], AttributeNames=["ApproximateNumberOfMessages"])
        expect("events that were not delivered", messages["Attributes"]["ApproximateNumberOfMessages"], "0")
        say("waiting: a state machine went on with the completion event of an execution that succeeded, and failed with one that failed")

    def ended(self, name, parameters):
        """A run of the state machine, over."""
        states = self.emulator.client("stepfunctions")
        source = {"type": "range", "from": 0, "to": SEGMENTS, "size": 1}
        arn = states.start_execution(
            stateMachineArn=self.stack.outputs["BatchArn"], name=name,
            input=json.dumps({"job": "waiting", "source": source, "parameters": parameters}))["executionArn"]

        def over():
            found = states.describe_execution(executionArn=arn)
            return None if found["status"] == "RUNNING" else found

        return wait_for(f"the end of the state machine's {name} run", ANSWER_SECONDS, over)
