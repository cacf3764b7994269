"""Between the deployed functions and the emulator: notes every request, and loses or refuses what a test wants lost or refused.

Only the functions are told of this endpoint, so what it notes is what the functions asked for.
"""

import dataclasses
import http.client
import http.server
import json
import re
import sys
import threading
import time

# The services by the first part of X-Amz-Target.
SERVICES = {"DynamoDB": "dynamodb", "Kinesis": "kinesis", "AWSEvents": "events", "AmazonSQS": "sqs"}
# Lambda alone says what is asked for by the path.
INVOKE = re.compile(r"/2015-03-31/functions/[^/]+/invocations")
# Not passed on: they are about one connection.
OF_A_CONNECTION = {"connection", "transfer-encoding", "keep-alive", "content-length"}


@dataclasses.dataclass
class Exchange:
    """One request and its answer. `access_key` is the role's that signed it."""

    service: str
    operation: str
    access_key: str
    request: dict
    status: int
    answer: dict


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A function that ends, or is ended, leaves its connections as they are."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Proxy:
    def __init__(self, port):
        self.exchanges = []
        self._last = time.monotonic()
        # A fault takes a service, an operation and a request, and returns an answer instead of the emulator's, or nothing.
        self.fault = lambda service, operation, request: None
        self._lock = threading.Lock()
        self._emulator = port
        self._server = Server(("127.0.0.1", 0), self._handler())
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def taken(self):
        """What was noted since the last call."""
        with self._lock:
            noted, self.exchanges = self.exchanges, []
        return noted

    def note(self, exchange):
        with self._lock:
            self.exchanges.append(exchange)
            self._last = time.monotonic()

    def silent_for(self):
        """Seconds since the last answer."""
        with self._lock:
            return time.monotonic() - self._last

    def _handler(self):
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Small answers go out at once.
            disable_nagle_algorithm = True
            wbufsize = -1

            def setup(self):
                super().setup()
                self.emulator = http.client.HTTPConnection("127.0.0.1", proxy._emulator)

            def finish(self):
                self.emulator.close()
                super().finish()

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                service, operation = asked(self.path, self.headers)
                request = json.loads(body)
                fault = proxy.fault(service, operation, request)
                if fault is None:
                    status, headers, answer = self.pass_on(body)
                else:
                    status, answer = fault[0], json.dumps(fault[1]).encode()
                    headers = [("Content-Type", "application/x-amz-json-1.0")]
                noted = json.loads(answer or b"{}")
                proxy.note(Exchange(service, operation, access_key(self.headers), request, status, noted))
                self.send_response(status)
                for name, value in headers:
                    if name.lower() not in OF_A_CONNECTION:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)
                self.wfile.flush()

            def pass_on(self, body):
                """With the headers as they are: they are signed."""
                headers = {name: value for name, value in self.headers.items() if name.lower() not in OF_A_CONNECTION}
                for attempt in range(2):
                    try:
                        self.emulator.request("POST", self.path, body, headers)
                        answer = self.emulator.getresponse()
                        return answer.status, answer.getheaders(), answer.read()
                    except (http.client.RemoteDisconnected, ConnectionError):
                        # The emulator ends connections that were idle; nothing of this request has reached it.
                        self.emulator.close()
                        if attempt:
                            raise
                raise AssertionError("unreachable")

        return Handler


def asked(path, headers):
    """Service and operation of a request."""
    if INVOKE.fullmatch(path):
        return "lambda", "Invoke"
    target, _, operation = headers.get("X-Amz-Target", "").partition(".")
    return SERVICES.get(target.partition("_")[0], target), operation


def access_key(headers):
    """`Authorization: AWS4-HMAC-SHA256 Credential=KEY/20261124/…`"""
    return headers.get("Authorization", "").partition("Credential=")[2].partition("/")[0]
