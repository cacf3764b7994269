"""The other verbs of `scatterctl`, and a record on the stream that no worker can read."""

import base64

from checks import expect, say, wait_for

CODES = ["a", "b"]
UNREADABLE = b"no segment"
DEAD_LETTER_SECONDS = 60


def check(scatterctl, completions, emulator, stream):
    emulator.client("kinesis").put_record(StreamName=stream, PartitionKey="any", Data=UNREADABLE)
    arguments = ["--job", "verbs", "--source", "list", "--codes", ",".join(CODES), "--work", "noop"]
    execution_id = scatterctl("run", *arguments)["execution_id"]
    completions.of(execution_id)
    dead_letters = wait_for("the dead letter", DEAD_LETTER_SECONDS, lambda: scatterctl.lines("dead-letters"))
    expect("the dead letters", [letter["payload"] for letter in dead_letters], [base64.b64encode(UNREADABLE).decode()])

    segments = scatterctl.lines("segments", execution_id)
    expect("the segments", [(segment["index"], segment["spec"]["code"], segment["status"]) for segment in segments],
           [(index, code, "SUCCEEDED") for index, code in enumerate(CODES)])
    expect("the results", [result["item_count"] for result in scatterctl.lines("results", execution_id)], [1, 1])
    expect("what watch ends with", scatterctl("watch", execution_id)["status"], "SUCCEEDED")
    expect("what set changed", scatterctl("set", execution_id, "--tolerated-failures", "1")["tolerated_failures"], 1)
    expect("the latest execution", scatterctl("status", "latest")["execution_id"], execution_id)
    # It asks the sweeper for a sweep, and there is nothing to wait for.
    scatterctl("resume")
    say("verbs: segments, results, watch, set, status, resume, and dead-letters, which shows the record that is not a segment's")
