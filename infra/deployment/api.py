"""The HTTP API of the stack, by its function URL: who may call it, what it shows beside `scatterctl`, what it changes, what it refuses."""

import datetime

import function_url
import permissions
from bad_city import COUNTRY, BadCity
from checks import Failed, expect, say, wait_for
from cities import INDEX, TABLE
from function_url import MAY_CALL, Caller, FunctionUrl

JOB, KEY, SOUND = "by-api", "2026-11-28", ["AD", "LI"]
END_SECONDS = 60
# Small, so that lists have several pages.
PAGE, PAGE_OF_SEGMENTS = 3, 100
PROBLEM = "application/problem+json"
# What is at least this was not the caller's fault.
SERVER_FAILED = 500
EVENT = {"job": JOB, "source": {"type": "list", "codes": ["a"]}, "parameters": {"work": "noop"}}
# What cannot be meant, the request, and how the answer names it.
BAD = [
    ("an unknown condition", ("GET", "executions", {"colour": "red"}), 400, "bad_request"),
    ("a page of none", ("GET", "executions", {"limit": "0"}), 400, "bad_request"),
    ("a cursor of nothing", ("GET", "executions", {"cursor": "!"}), 400, "bad_request"),
    ("a body that is no JSON", ("POST", "executions", None, "{"), 400, "bad_request"),
    ("an event without a source", ("POST", "executions", None, {"job": JOB}), 400, "bad_request"),
    ("an execution that is not there", ("GET", "executions/00000000-0000-7000-8000-000000000000"), 404, "not_found"),
    ("a path that is not there", ("GET", "nothing"), 404, "not_found"),
    ("a method that is not there", ("DELETE", "executions"), 405, "method_not_allowed"),
]


class Api:
    """The API of one stack, and a caller who may use it."""

    def __init__(self, emulator, made):
        self.emulator, self.made = emulator, made
        self.url = FunctionUrl(emulator, made.outputs["ApiUrl"])
        self.caller = Caller(self.url, self.user("caller", MAY_CALL))

    def user(self, name, actions):
        arn = self.emulator.client("lambda").get_function(FunctionName=self.made.resources["ApiFunction"])
        return function_url.user(self.emulator, f"{self.made.name}-{name}", arn["Configuration"]["FunctionArn"], actions)


def check(emulator, made, proxy, scatterctl, completions, dynamodb, execution_id):
    """`execution_id` is an execution of several pages of segments that is over."""
    api = Api(emulator, made)
    callers_are_checked(api)
    role_is_checked(api, proxy, execution_id)
    describes_itself(api.caller, made)
    shows(api.caller, scatterctl, execution_id)
    with BadCity(dynamodb) as city:
        changes(api.caller, scatterctl, completions, city)
    refuses(api.caller)


def callers_are_checked(api):
    """By AWS, or here by the emulator, before the function is invoked."""
    for who, caller in (("an unsigned request", Caller(api.url)),
                        ("a user who may not call it", Caller(api.url, api.user("stranger", [])))):
        expect(f"the answer to {who}", caller("GET", "health").status, 403)
    expect("the answer to a caller who may", api.caller("GET", "health").body, {"status": "ok"})


def role_is_checked(api, proxy, execution_id):
    """What the function asks AWS for is checked against its role: otherwise it would show nothing that nothing is refused."""
    shown, start = ("GET", f"executions/{execution_id}"), ("POST", "executions", None, {**EVENT, "job": "denied"})
    refused_without(api, proxy, "dynamodb:GetItem", shown)
    refused_without(api, proxy, "lambda:InvokeFunction", start)
    expect("its answer with the permission", api.caller(*shown).status, 200)


def refused_without(api, proxy, action, request):
    permissions.none_missing(proxy.taken())
    iam, policy = api.emulator.client("iam"), {"RoleName": api.made.resources["ApiRole"], "PolicyName": "denied"}
    iam.put_role_policy(**policy, PolicyDocument=permissions.document("Deny", action))
    answer = api.caller(*request)
    iam.delete_role_policy(**policy)
    expect(f"whether {request[0]} without {action} is a failure with problem details",
           (answer.media_type, answer.status >= SERVER_FAILED), (PROBLEM, True))
    refused = permissions.missing(proxy.taken())
    if not refused or not all(action in message and policy["RoleName"] in message for message in refused):
        raise Failed(f"{action} was to be refused to {policy['RoleName']}, and nothing else: {refused}")


def describes_itself(caller, made):
    description = caller("GET", "openapi.json").body
    expect("the version of OpenAPI", description["openapi"].rpartition(".")[0], "3.1")
    expect("paths that are described", {"/executions", "/executions/{id}/redrive"} - description["paths"].keys(), set())
    me = caller("GET", "me").body
    expect("what the API serves", (me["stack"], me["read_only"]), (made.name, False))


def shows(caller, scatterctl, execution_id):
    of_command = in_list(scatterctl)
    # Without a beginning a list of all jobs asks for executions of every day of the year.
    since = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)
    of_api = caller.pages("executions", "executions", PAGE, since=f"{since:%Y-%m-%dT%H:%M:%SZ}")
    expect("executions by pages", [view["execution_id"] for view in of_api[0]], of_command)
    expect("whether these are several pages", of_api[1] > 1, True)

    status = scatterctl("status", execution_id)
    expect("an execution", caller("GET", f"executions/{execution_id}").body, status)
    expect("the same by its key", caller("GET", f"jobs/{status['job']}/keys/{status['key']}").body, status)

    segments, pages = caller.pages(f"executions/{execution_id}/segments", "segments", PAGE_OF_SEGMENTS)
    expect("its segments", segments, scatterctl.lines("segments", execution_id))
    say(f"api: {len(of_command)} executions in {of_api[1]} pages, one with {len(segments)} segments in {pages}, all as scatterctl shows them")


def in_list(scatterctl):
    """The IDs of all executions, by the command line."""
    found = scatterctl("list", "--limit", "1000")
    return [execution["execution_id"] for execution in found["executions"]]


def changes(caller, scatterctl, completions, city):
    event = {"job": JOB, "key": KEY, "source": {"type": "list", "codes": [*SOUND, COUNTRY]},
             "policy": {"on_too_many_failures": "finish"},
             "parameters": {"work": "sum", "attribute": "population", "table": TABLE, "index": INDEX}}
    first, again = caller("POST", "executions", body=event), caller("POST", "executions", body=event)
    expect("whether a start is safe to repeat", (first.status, again.status, again.body), (201, 200, {**first.body, "opened": False}))
    execution_id = first.body["execution_id"]
    path = f"executions/{execution_id}"
    expect("where it is", first.headers["location"], f"/api/v1/{path}")
    expect("its first end", ended(caller, path, 1)["status"], "FAILED")
    first_event = completions.of(execution_id)
    expect("its failures", caller("GET", f"{path}/failures").body, scatterctl("failures", execution_id))
    failed, _ = caller.pages(f"{path}/segments", "segments", 1, status="FAILED")
    expect("its failed segments", [segment["index"] for segment in failed], [len(SOUND)])

    limits = caller("PATCH", path, body={"tolerated_failures": 2})
    expect("limits that were changed", (limits.status, limits.body["tolerated_failures"]), (200, 2))
    city.mend()
    redriven = wait_for("the redrive to be taken", END_SECONDS, lambda: redrive(caller, path))
    expect("the redrive", (redriven.status, redriven.body["generation"], redriven.body["segments"]), (200, 2, 1))
    expect("its second end", ended(caller, path, 2)["status"], "SUCCEEDED")
    second_event = completions.of(execution_id, generation=2)
    expect("the events", (first_event["failed"], second_event["failed"], second_event["succeeded"]), (1, 0, len(SOUND) + 1))
    expect("what a repair would change", caller("POST", f"{path}/repair", body={"dry_run": True}).body["differences"], [])
    of_another_source(caller, event)
    say("api: an execution started, its limits changed, one segment of it redriven; an event for each generation")


def of_another_source(caller, event):
    """A key belongs to what it was first used for."""
    other = {**event, "source": {"type": "list", "codes": ["DE"]}}
    problem_of("the same key with another source", caller("POST", "executions", body=other), 409, "conflict")


def redrive(caller, path):
    """The answer; none while the event of the first end is out and not yet marked as such, which passes."""
    answer = caller("POST", f"{path}/redrive", body={"failed": True})
    return None if answer.status == 409 and answer.body["retryable"] else answer


def ended(caller, path, generation):
    """The execution, once that generation of it is complete."""
    def over():
        found = caller("GET", path).body
        return found if found["generation"] == generation and found["finished_at"] else None

    return wait_for(f"the end of generation {generation}, by the API", END_SECONDS, over)


def refuses(caller):
    for what, request, status, code in BAD:
        problem_of(what, caller(*request), status, code)
    problem_of("a body that is no JSON by its type",
               caller("POST", "executions", body="{}", **{"Content-Type": "text/plain"}), 415, "unsupported_media_type")
    say(f"api: {len(BAD) + 1} requests that cannot be meant refused with problem details, unsigned and foreign ones before the function")


def refuses_changes(emulator, made, execution_id):
    """Of a stack with HttpApiReadOnly."""
    caller = Api(emulator, made).caller
    path = f"executions/{execution_id}"
    shown = caller("GET", path)
    expect("what the API shows that only reads", (shown.status, shown.body["execution_id"]), (200, execution_id))
    for method, what, body in (("PATCH", path, {"tolerated_failures": 2}), ("POST", f"{path}/redrive", {}),
                               ("POST", "executions", EVENT)):
        problem_of(f"{method} {what}, read-only", caller(method, what, body=body), 403, "read_only")
    expect("the execution after it", caller("GET", path).body, shown.body)
    say("api: with HttpApiReadOnly it shows executions, and refuses to start, to redrive and to change one")


def problem_of(what, answer, status, code):
    """Refused with problem details (RFC 9457)."""
    if answer.media_type != PROBLEM:
        raise Failed(f"the answer to {what} is no problem: {answer}")
    expect(f"the answer to {what}", (answer.status, answer.body["status"], answer.body["code"]), (status, status, code))
