"""A run that is filled from outside, with segments that wait for a slot: `open`, `add` twice with the same mark, `seal`."""

import json

from checks import expect, say

SEGMENTS, AT_ONCE = 12, 2


def check(scatterctl, completions, directory):
    execution_id = scatterctl("open", "--job", "outside", "--work", "noop", "--max-concurrency", str(AT_ONCE))["execution_id"]
    specs = directory / "specs.jsonl"
    specs.write_text("".join(json.dumps({"number": number}) + "\n" for number in range(SEGMENTS)))
    for _ in range(2):
        scatterctl("add", execution_id, "--file", str(specs), "--token", "once")
    ended = scatterctl("seal", execution_id)
    expect("the end of a run filled from outside", (ended["status"], ended["succeeded"]), ("SUCCEEDED", SEGMENTS))
    expect("its event", completions.of(execution_id)["segments"], SEGMENTS)
    say(f"outside: {SEGMENTS} segments added, with a limit of {AT_ONCE} in flight; the repeated add added none")
