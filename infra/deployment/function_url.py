"""A function's URL in the emulator, and callers who sign their requests to it, or do not."""

import dataclasses
import http.client
import json
import urllib.parse

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from checks import Failed
from emulator import REGION

# The API waits up to 25 s for an operation.
ANSWER_SECONDS = 40
# AWS asks a caller for both (https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html); the emulator asks for the first.
MAY_CALL = ["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"]


@dataclasses.dataclass
class Answer:
    status: int
    media_type: str
    headers: dict
    body: object


class FunctionUrl:
    """The address is AWS's; what is sent to it goes to the emulator, under that name."""

    def __init__(self, emulator, url):
        self.port, self.host = emulator.port, urllib.parse.urlsplit(url).hostname

    def send(self, method, target, headers, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_SECONDS)
        try:
            connection.request(method, target, body, {**headers, "Host": self.host})
            answer = connection.getresponse()
            said, media_type = answer.read(), answer.getheader("Content-Type", "").partition(";")[0]
            read = json.loads(said) if media_type.endswith("json") else said
            return Answer(answer.status, media_type, {name.lower(): value for name, value in answer.getheaders()}, read)
        finally:
            connection.close()


class Caller:
    """Calls the API with `credentials`, or unsigned without."""

    def __init__(self, url, credentials=None):
        self.url, self.credentials = url, credentials

    def __call__(self, method, path, query=None, body=None, **headers):
        """`path` is below `/api/v1/`. A body that is no text is sent as JSON."""
        text = body if body is None or isinstance(body, str) else json.dumps(body)
        if text is not None:
            headers.setdefault("Content-Type", "application/json")
        asked = f"?{urllib.parse.urlencode(query, quote_via=urllib.parse.quote)}" if query else ""
        target = f"/api/v1/{path}{asked}"
        request = AWSRequest(method, f"https://{self.url.host}{target}", headers, text)
        if self.credentials:
            SigV4Auth(self.credentials, "lambda", REGION).add_auth(request)
        return self.url.send(method, target, dict(request.headers), text)

    def pages(self, path, name, limit, **query):
        """The entries of all pages of a list, and how many pages these were."""
        entries, count, cursor = [], 0, {}
        while True:
            answer = self("GET", path, {**query, "limit": limit, **cursor})
            if answer.status != 200:
                raise Failed(f"GET {path}: {answer}")
            page = answer.body
            entries, count = entries + page[name], count + 1
            if page["next"] is None:
                return entries, count
            cursor = {"cursor": page["next"]}


def user(emulator, name, function_arn, actions):
    """Credentials of a new user, who may do that with the function, and nothing else."""
    iam = emulator.client("iam")
    iam.create_user(UserName=name)
    if actions:
        statement = {"Effect": "Allow", "Action": actions, "Resource": function_arn}
        iam.put_user_policy(UserName=name, PolicyName="api",
                            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return Credentials(key["AccessKeyId"], key["SecretAccessKey"])
