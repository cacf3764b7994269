"""Deploys the stack on the emulator, has it do its work, and reads back what was deployed.

    main.py --packages DIR --scatterctl FILE

DIR has a zip for each function.
"""

import argparse
import base64
import json
import pathlib
import signal
import sys
import tempfile
import time

import api
import cancel
import cities
import costs
import logs
import external
import package
import permissions
import queued
import redrive
import schedule
import scheduled_jobs
import settings
import stack
import verbs
from chain import Chain
from checks import Failed, expect, say, wait_for
from cli import Scatterctl
from deployed import Deployed
from emulator import Emulator, free_port
from events import Completions
from faults import Faults
from proxy import Proxy
from sweeps import COUNTRY, LOST, Sweeps
from waiting import Waiting

INFRA = pathlib.Path(__file__).resolve().parent.parent
STACK = "scatter-gather"
PARAMETERS = {"Architecture": "x86_64", "SourceTableName": cities.TABLE, "HttpApi": "FunctionUrl"}
# What another installation could choose; BatchSize and the rest of it are read back, and nothing is run on it.
OTHER = {"Architecture": "x86_64", "StreamMode": "ON_DEMAND", "CreateCompletionBus": "true", "CompletionBusName": "runs",
         "ScheduleExpression": "rate(1 day)", "ScheduledSource": '{"type":"list","codes":["a"]}', "BatchSize": "10",
         "ParallelizationFactor": "4", "GatherReservedConcurrency": "2", "LogRetentionDays": "7", "ApplicationLogLevel": "WARN",
         "KmsKeyArn": "arn:aws:kms:us-east-1:000000000000:key/own", "SubnetIds": "subnet-1,subnet-2", "SecurityGroupIds": "sg-1",
         "RolePath": "/team/", "PermissionsBoundaryArn": "arn:aws:iam::000000000000:policy/boundary", "Tracing": "Active"}
# Quiet for so long, the functions have nothing left to do.
QUIET_SECONDS, QUIET_AFTER_SECONDS = 2, 60


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packages", type=pathlib.Path, required=True)
    parser.add_argument("--scatterctl", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    # So that what was begun is ended then, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("deployment: terminated"))
    port = free_port()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="deployment-") as directory, Proxy(port) as proxy:
        with Emulator(directory, port, proxy.endpoint) as emulator:
            try:
                check(emulator, proxy, arguments)
            except BaseException:
                print(emulator.tail(), *permissions.missing(proxy.taken()), sep="\n", file=sys.stderr)
                raise
    say(f"in order, {time.monotonic() - began:.0f} s")


def check(emulator, proxy, arguments):
    packages = {path.stem: path.read_bytes() for path in sorted(arguments.packages.glob("*.zip"))}
    body = package.packaged((INFRA / "template.yaml").read_text(), packages, emulator.client("s3"))
    main_stack, deployed = deploy(emulator, body)
    functions = costs.functions_by_key(emulator, main_stack)
    table = costs.Table(emulator, main_stack.outputs["ControlTableName"])
    permissions.are_checked(emulator, main_stack)
    permissions.let_batches(emulator, main_stack)

    scatterctl = Scatterctl(arguments.scatterctl, STACK, emulator)
    completions = Completions(emulator, main_stack.outputs["CompletionBusName"])
    chain = Chain(emulator, (INFRA / "examples" / "downstream.yaml").read_text(), main_stack)
    waiting = Waiting(emulator, (INFRA / "examples" / "step-functions.yaml").read_text(), main_stack)
    dynamodb = emulator.client("dynamodb")
    queued.check(emulator, proxy, body, arguments.scatterctl, deployed)
    cities.load(scatterctl)

    schedule.check(scatterctl, completions)
    verbs.check(scatterctl, completions, emulator, main_stack.outputs["SegmentStreamName"])

    faults = proxy.fault = Faults(LOST, COUNTRY)
    sweeps = Sweeps(scatterctl, dynamodb, table.name, main_stack.outputs["SegmentStreamName"])
    try:
        proxy.taken()
        sweeps.begin()
        redrive.check(scatterctl, completions, dynamodb)
        chain.check(scatterctl, completions)
        waiting.check(scatterctl, completions)
        scheduled_jobs.check(emulator, scatterctl, completions, main_stack)
        external.check(scatterctl, completions, emulator.directory)
        cancel.check(scatterctl, completions)
        sweeps.ended()
        sweeps.check(completions, faults, records_put(noted(proxy), functions))
    finally:
        sweeps.stop()

    for job in (cities.count, cities.population):
        quiet(proxy)
        noted(proxy)
        execution_id = job(scatterctl, completions)
        quiet(proxy)
        completions.once(execution_id)
        segments = cities.SCAN_SEGMENTS if job is cities.count else cities.COUNTRIES
        each = costs.report(noted(proxy), functions, segments, table, execution_id)
        print(json.dumps({"job": job.__name__, **each}), flush=True)
        # Claim, finish, tally; nothing is read.
        expect(f"the worker's updates for a segment of {job.__name__}", each["by_function"]["worker"]["dynamodb.UpdateItem"],
               {"requests": 3.0, "write_units": 3.0})
    api.check(emulator, main_stack, proxy, scatterctl, completions, dynamodb, execution_id)
    quiet(proxy)
    noted(proxy)
    generations, repeats = completions.one_each()
    say(f"{generations} completion events, one for each generation of each execution; {repeats} of them came again")
    logs.check(emulator, main_stack, execution_id)
    nothing_given_up(emulator, main_stack)


def deploy(emulator, body):
    deployed = Deployed(emulator)
    wanted = {**PARAMETERS, **schedule.parameters()}
    made = stack.create(emulator, STACK, body, wanted)
    expansion = settings.as_the_template_says(STACK, made, body, wanted, deployed)
    settings.would_be_noticed(made, expansion, deployed)
    own_worker = deployed.arn_of("AWS::Lambda::Function", made.resources["WorkerFunction"], "Arn")
    parameters = {**OTHER, "WorkerFunctionArn": own_worker}
    other = stack.create(emulator, "other", body, parameters)
    settings.as_the_template_says("other", other, body, parameters, deployed)
    stack.delete(emulator, "other")
    expect("the state of a deleted stack's table", deployed.table(other.resources["ControlTable"])["TableStatus"], "ACTIVE")
    stack.refused(emulator, "no-source", body, {"ScheduleExpression": "rate(1 day)"}, "A schedule needs a ScheduledSource")
    stack.refused(emulator, "large-batch", body, {"Transport": "SQS", "BatchSize": "11"}, "BatchSize is at most 10")
    return made, deployed


def quiet(proxy):
    """Waits until no function has asked for anything for a while."""
    def is_quiet():
        return proxy.silent_for() > QUIET_SECONDS

    wait_for("the functions to be quiet", QUIET_AFTER_SECONDS, is_quiet)


def noted(proxy):
    """What the functions asked for; none of it may have been refused for lack of a permission."""
    exchanges = proxy.taken()
    permissions.none_missing(exchanges)
    return exchanges


def records_put(exchanges, functions):
    """Records of segments that the sweeper put: its probes of the stream are others."""
    return sum(len([record for record in exchange.request["Records"] if b'"probe"' not in base64.b64decode(record["Data"])])
               for exchange in exchanges
               if exchange.operation == "PutRecords" and functions.get(exchange.access_key) == "sweeper")


def nothing_given_up(emulator, made):
    sqs = emulator.client("sqs")
    for output in ("ScatterFailuresUrl", "WorkerFailuresUrl", "GatherFailuresUrl"):
        found = sqs.get_queue_attributes(QueueUrl=made.outputs[output], AttributeNames=["ApproximateNumberOfMessages"])
        expect(output, found["Attributes"]["ApproximateNumberOfMessages"], "0")
    # The emulator has no end of trying a batch again, and says so in its log alone.
    failed = [line for line in emulator.log.read_text(errors="replace").splitlines() if " failed processing " in line]
    expect("invocations that failed", failed, [])


if __name__ == "__main__":
    try:
        main()
    except Failed as failed:
        sys.exit(f"deployment: {failed}")
