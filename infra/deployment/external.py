"""An external execution whose segments wait for a slot: `open`, `add` twice with the same token, `seal`."""

import json

from checks import expect, say

SEGMENTS, AT_ONCE = 12, 2


def check(scatterctl, completions, directory):
    execution_id = scatterctl("open", "--job", "external", "--work", "noop", "--max-concurrency", str(AT_ONCE))["execution_id"]
    specs = directory / "specs.jsonl"
    specs.write_text("".join(json.dumps({"number": number}) + "\n" for number in range(SEGMENTS)))
    for _ in range(2):
        scatterctl("add", execution_id, "--file", str(specs), "--token", "once")
    ended = scatterctl("seal", execution_id)
    expect("the end of an external execution", (ended["status"], ended["succeeded"]), ("SUCCEEDED", SEGMENTS))
    expect("its event", completions.of(execution_id)["segments"], SEGMENTS)
    say(f"external: {SEGMENTS} segments added, with a limit of {AT_ONCE} in flight; the repeated add added none")
