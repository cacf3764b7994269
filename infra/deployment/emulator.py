"""The emulator: a process of our own on a free port of this machine, in a directory of its own."""

import http.client
import os
import pathlib
import signal
import socket
import subprocess
import sys

import boto3
from botocore.config import Config

from checks import Failed, wait_for

REGION = "us-east-1"
# The emulator takes this key for the account's root, and signs nothing of it.
ROOT_KEY = "test"
START_SECONDS = 60
# Its functions end with it; they get the signal too.
STOP_SECONDS = 15
# An invocation of scatter may take long, and one that is repeated would hide what it tests.
CLIENT = Config(region_name=REGION, read_timeout=600, retries={"total_max_attempts": 1})


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Emulator:
    """`functions_endpoint` is where the functions in it find AWS; without one, they find the emulator."""

    def __init__(self, directory, port, functions_endpoint):
        self.directory = pathlib.Path(directory)
        self.endpoint = f"http://127.0.0.1:{port}"
        self.log = self.directory / "emulator.log"
        temporary = self.directory / "tmp"
        temporary.mkdir()
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.directory),
            "TMPDIR": str(temporary),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "MINISTACK_REGION": REGION,
            "AWS_ENDPOINT_URL": functions_endpoint,
            # Requests are checked against the policies of the role that signs them.
            "AUTH": "true",
            "LOG_LEVEL": "INFO",
            # Ports that are of no use here.
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
        }
        self.port = port
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [str(pathlib.Path(sys.executable).parent / "ministack")], cwd=self.directory, env=environment,
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)

    def __enter__(self):
        try:
            wait_for("the emulator to answer", START_SECONDS, self.answers)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def answers(self):
        if self.process.poll() is not None:
            raise Failed(f"the emulator ended with {self.process.returncode}: {self.tail()}")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/_ministack/ready")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def client(self, service):
        return boto3.client(service, endpoint_url=self.endpoint, config=CLIENT,
                            aws_access_key_id=ROOT_KEY, aws_secret_access_key=ROOT_KEY)

    def tail(self):
        return self.log.read_text(errors="replace")[-4000:]

    def stop(self):
        """Ends it and what it started: they are a group of processes of their own."""
        for sign in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, sign)
                self.process.wait(STOP_SECONDS)
            except ProcessLookupError:
                return
            except subprocess.TimeoutExpired:
                continue
