"""The functions' logs: in their own groups, readable by machines, with the metrics that the alarms and the dashboard read."""

import json

from checks import Failed, expect, say

NAMESPACE = "ScatterGather"
# Of every function that is invoked in this test; sweeps that find nothing due say nothing.
FUNCTIONS = ["Scatter", "Worker", "Gather", "Sweeper", "Api"]


def check(emulator, made, execution_id):
    logs = {name: list(events(emulator, made.resources[f"{name}Logs"])) for name in FUNCTIONS}
    published = [event for event in logs["Gather"]
                 if event.get("message") == "published" and event.get("execution_id") == execution_id]
    expect(f"log lines of the publication of {execution_id}", len(published), 1)
    if not any(event.get("level") == "ERROR" for event in logs["Api"]):
        raise Failed("the API's log does not have what was refused to its role")
    metrics = {name: sorted({metric for event in found for metric in metrics_of(event, made.name)})
               for name, found in logs.items()}
    for function, metric in (("Worker", "SegmentsSucceeded"), ("Gather", "ExecutionsSucceeded")):
        if metric not in metrics[function]:
            raise Failed(f"no metric {metric} of stack {made.name} in the logs of {function}: {metrics[function]}")
    say(f"logs: in their own groups, in JSON; metrics {metrics}")


def events(emulator, group):
    """What a function said, and not what Lambda says of its invocations."""
    pages = emulator.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
    for page in pages:
        for event in page["events"]:
            if event["message"].startswith("{"):
                yield json.loads(event["message"])


def metrics_of(event, stack):
    if event.get("Stack") != stack:
        return
    for directive in event.get("_aws", {}).get("CloudWatchMetrics", []):
        if directive["Namespace"] == NAMESPACE:
            yield from (metric["Name"] for metric in directive["Metrics"])
