"""The jobs of a folder as schedules of a stack: `scatterctl schedules`, deployed; one by the clock, one after it."""

import json

import stack
from checks import expect, say, wait_for
from events import EVENT_SECONDS

BY_CLOCK = '[schedule]\ncron = "30 2 * * MON-FRI"\ntimezone = "Europe/Berlin"\n'
AFTER = '[schedule]\nafter = ["loaded"]\n'
JOB = '''job = "{job}"
[tags]
team = "maps"
[source]
type = "range"
from = 0
to = 2
size = 1
[parameters]
work = "noop"
{schedule}'''


def check(emulator, scatterctl, completions, main):
    folder = emulator.directory / "jobs"
    folder.mkdir()
    for job, schedule in (("loaded", BY_CLOCK), ("reported", AFTER)):
        (folder / f"{job}.toml").write_text(JOB.format(job=job, schedule=schedule))
    body = json.dumps(scatterctl("schedules", str(folder)))
    made = stack.create(emulator, "scheduled-jobs", body, {"ScatterFunctionArn": main.outputs["ScatterFunctionArn"]})

    name = next(made.resources[resource] for resource in made.resources if resource.startswith("Atloaded"))
    schedule = emulator.client("scheduler").get_schedule(Name=name.split("/")[-1])
    # The emulator does not keep the time zone of a template's schedule.
    expect("the schedule", schedule["ScheduleExpression"], "cron(30 2 ? * 2-6 *)")
    event = json.loads(schedule["Target"]["Input"])
    expect("its input", (event["job"], event["key"], event["tags"]),
           ("loaded", "<aws.scheduler.scheduled-time>", {"team": "maps"}))

    key = "2026-11-27T01:30:00Z"
    first = scatterctl("run", str(folder / "loaded.toml"), "--key", key)
    expect("the first job", first["status"], "SUCCEEDED")

    def second():
        return scatterctl("list", "--job", "reported", "--key", key)["executions"]

    found = wait_for("the job after it", EVENT_SECONDS, second)
    ended = completions.of(found[0]["execution_id"])
    expect("the job after it", (ended["status"], ended["key"], ended["tags"]), ("SUCCEEDED", key, {"team": "maps"}))
    say("schedules: a folder's template is deployed; the job after another started once, with its key")
