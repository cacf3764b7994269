"""Deploys the stack on the emulator, has it do its work, and reads back what was deployed.

    main.py --packages DIR --scatterctl FILE

DIR has a zip for each function.
"""

import argparse
import json
import pathlib
import sys
import tempfile
import time

import cancel
import cities
import costs
import package
import redrive
import settings
import stack
from chain import Chain
from checks import Failed, expect, say, wait_for
from cli import Scatterctl
from deployed import Deployed
from emulator import Emulator, free_port
from events import Completions
from faults import Faults
from proxy import Proxy
from sweeps import COUNTRY, LOST, Sweeps

INFRA = pathlib.Path(__file__).resolve().parent.parent
STACK = "scatter-gather"
PARAMETERS = {"Architecture": "x86_64", "SourceTableName": cities.TABLE}
# What another installation could choose; BatchSize and the rest of it are read back, and nothing is run on it.
OTHER = {"Architecture": "x86_64", "StreamMode": "ON_DEMAND", "CreateCompletionBus": "true", "CompletionBusName": "runs",
         "ScheduleExpression": "rate(1 day)", "ScheduledSource": '{"type":"list","codes":["a"]}', "BatchSize": "10",
         "ParallelizationFactor": "4", "GatherReservedConcurrency": "2", "LogRetentionDays": "7"}
# Quiet for so long, the functions have nothing left to do.
QUIET_SECONDS, QUIET_AFTER_SECONDS = 2, 60


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packages", type=pathlib.Path, required=True)
    parser.add_argument("--scatterctl", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    port = free_port()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="deployment-") as directory, Proxy(port) as proxy:
        with Emulator(directory, port, proxy.endpoint) as emulator:
            try:
                check(emulator, proxy, arguments)
            except BaseException:
                print(emulator.tail(), file=sys.stderr)
                raise
    say(f"in order, {time.monotonic() - began:.0f} s")


def check(emulator, proxy, arguments):
    packages = {path.stem: path.read_bytes() for path in sorted(arguments.packages.glob("*.zip"))}
    body = package.packaged((INFRA / "template.yaml").read_text(), packages, emulator.client("s3"))
    main_stack = deploy(emulator, body)
    functions = costs.functions_by_key(emulator, main_stack)
    table = costs.Table(emulator, main_stack.outputs["ControlTableName"])
    let_partiql(emulator, main_stack)

    scatterctl = Scatterctl(arguments.scatterctl, STACK, emulator)
    completions = Completions(emulator, main_stack.outputs["CompletionBusName"])
    chain = Chain(emulator, (INFRA / "examples" / "downstream.yaml").read_text(), main_stack)
    dynamodb = emulator.client("dynamodb")
    cities.load(scatterctl)

    faults = proxy.fault = Faults(LOST, COUNTRY)
    sweeps = Sweeps(scatterctl, dynamodb, table.name)
    try:
        sweeps.begin()
        redrive.check(scatterctl, completions, dynamodb)
        chain.check(scatterctl, completions)
        cancel.check(scatterctl, completions)
        sweeps.check(completions, faults)
    finally:
        sweeps.stop()

    for job in (cities.count, cities.population):
        quiet(proxy)
        noted(proxy)
        execution_id = job(scatterctl, completions)
        quiet(proxy)
        segments = cities.SCAN_SEGMENTS if job is cities.count else cities.COUNTRIES
        each = costs.report(noted(proxy), functions, segments, table, execution_id)
        print(json.dumps({"requests of one segment": job.__name__, **each}, indent=1))
    say(f"{completions.exactly_one_each()} completion events, one for each generation of each run")
    nothing_given_up(emulator, main_stack)


def deploy(emulator, body):
    deployed = Deployed(emulator)
    made = stack.create(emulator, STACK, body, PARAMETERS)
    expansion = settings.as_the_template_says(STACK, made, body, PARAMETERS, deployed)
    settings.would_be_noticed(made, expansion, deployed)
    own_worker = deployed.arn_of("AWS::Lambda::Function", made.resources["WorkerFunction"], "Arn")
    parameters = {**OTHER, "WorkerFunctionArn": own_worker}
    other = stack.create(emulator, "other", body, parameters)
    settings.as_the_template_says("other", other, body, parameters, deployed)
    stack.delete(emulator, "other")
    stack.refused(emulator, "no-source", body, {"ScheduleExpression": "rate(1 day)"}, "A schedule needs a ScheduledSource")
    return made


def let_partiql(emulator, made):
    """The emulator takes a request for the name of its permission, and `dynamodb:BatchExecuteStatement` is none on AWS: there
    it needs `dynamodb:PartiQLInsert`, which the template gives."""
    allow = {"Effect": "Allow", "Action": "dynamodb:BatchExecuteStatement", "Resource": "*"}
    for role in ("ScatterRole", "SweeperRole"):
        emulator.client("iam").put_role_policy(
            RoleName=made.resources[role], PolicyName="emulator",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow]}))
    say("for the emulator alone: ScatterRole and SweeperRole may dynamodb:BatchExecuteStatement, which is no permission on AWS")


def quiet(proxy):
    """Waits until no function has asked for anything for a while."""
    def is_quiet():
        return proxy.silent_for() > QUIET_SECONDS

    wait_for("the functions to be quiet", QUIET_AFTER_SECONDS, is_quiet)


def noted(proxy):
    """What the functions asked for; none of it may have been refused for lack of a permission."""
    exchanges = proxy.taken()
    denied = [exchange.answer for exchange in exchanges if "AccessDenied" in str(exchange.answer.get("__type"))]
    expect("requests without permission", denied, [])
    return exchanges


def nothing_given_up(emulator, made):
    sqs = emulator.client("sqs")
    for output in ("ScatterFailuresUrl", "WorkerFailuresUrl", "GatherFailuresUrl"):
        found = sqs.get_queue_attributes(QueueUrl=made.outputs[output], AttributeNames=["ApproximateNumberOfMessages"])
        expect(output, found["Attributes"]["ApproximateNumberOfMessages"], "0")


if __name__ == "__main__":
    try:
        main()
    except Failed as failed:
        sys.exit(f"deployment: {failed}")
