"""A long run is cancelled while it is worked on."""

from checks import expect, say, wait_for

SEGMENTS, SLEEP_MS = 150, 200
BEGUN_SECONDS, END_SECONDS = 60, 120


def check(scatterctl, completions):
    range_ = ["--source", "range", "--from", "0", "--to", str(SEGMENTS), "--size", "1"]
    process = scatterctl.start("run", "--job", "cancelled", *range_, "--work", "noop", "--sleep-ms", str(SLEEP_MS))

    def at_work():
        runs = scatterctl("list", "--job", "cancelled")["executions"]
        status = scatterctl("status", runs[0]["execution_id"]) if runs else {"succeeded": 0}
        return status if status["succeeded"] else None

    try:
        execution_id = wait_for("the first segments of the long run", BEGUN_SECONDS, at_work)["execution_id"]
        ended = scatterctl("cancel", execution_id, seconds=END_SECONDS)
        process.communicate(timeout=END_SECONDS)
    finally:
        process.kill()
    expect("the cancelled run's end", (ended["status"], process.returncode), ("CANCELLED", 1))
    event = completions.of(execution_id)
    expect("the cancelled run's event", (event["status"], event["failed"], event["succeeded"] + event["cancelled"]),
           ("CANCELLED", 0, SEGMENTS))
    expect("whether it was stopped in time", event["cancelled"] > 0, True)
    say(f"cancel: {event['succeeded']} of {SEGMENTS} segments had succeeded, {event['cancelled']} were cancelled; its event is out")
