"""The template's schedule starts an execution."""

import datetime

from checks import expect, say, wait_for

JOB = "scheduled"
# Late enough for the stack to be there first.
AHEAD_SECONDS, LATE_SECONDS = 20, 60


def parameters():
    """A schedule of one moment, which is no other to the template than one that recurs."""
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=AHEAD_SECONDS)
    return {"ScheduleExpression": f"at({moment:%Y-%m-%dT%H:%M:%S})", "ScheduledJob": JOB,
            "ScheduledSource": '{"type":"list","codes":["a","b"]}', "ScheduledParameters": '{"work":"noop"}'}


def check(scatterctl, completions):
    runs = wait_for("the scheduled run", LATE_SECONDS, lambda: scatterctl("list", "--job", JOB)["executions"])
    expect("scheduled runs", len(runs), 1)
    event = completions.of(runs[0]["execution_id"])
    expect("the scheduled run's end", (event["status"], event["segments"]), ("SUCCEEDED", 2))
    say(f"schedule: it started one execution, which succeeded; its key is {event['key']}")
