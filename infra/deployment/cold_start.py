#!/usr/bin/env python3
"""How long a function takes from its start to its readiness: until it asks the Lambda runtime for its first event.

    cold_start.py [--runs N] [--limit-ms M] [--json] ZIP_OR_BOOTSTRAP...

Each file is started N times, one at a time, against a stub of the runtime's API, in the environment that infra/template.yaml
gives it and nothing else. What Lambda adds, fetching the archive and making the sandbox, is not in it. A median over the
limit fails. Only the standard library is needed.
"""

import argparse
import json
import os
import pathlib
import queue
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NEXT = "/2018-06-01/runtime/invocation/next"
# Lambda gives up on an initialisation after this long.
INIT_SECONDS = 10


class Failed(Exception):
    """The function did not become ready."""


class Runtime(ThreadingHTTPServer):
    """Answers nothing: it only notes when something was asked for."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Asked)
        self.asked = queue.Queue()
        # Who waits for an event is let go when the measurement is over.
        self.over = threading.Event()


class Asked(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.put((time.perf_counter(), self.path))
        self.server.over.wait(INIT_SECONDS)

    do_POST = do_GET

    def log_message(self, *_):
        pass


def environment(name: str, port: int) -> dict[str, str]:
    """What the template sets, and what Lambda does. The credentials are nobody's: nothing is called before readiness."""
    return {
        "CONTROL_TABLE": "control-table",
        "SEGMENT_STREAM": "segment-stream",
        "COMPLETION_BUS": "default",
        "METRICS_STACK": "cold-start",
        "SCATTER_FUNCTION": "scatter",
        "SWEEPER_FUNCTION": "sweeper",
        "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        "AWS_SESSION_TOKEN": "none",
        "AWS_EXECUTION_ENV": "AWS_Lambda_provided.al2023",
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_FORMAT": "JSON",
        "AWS_LAMBDA_LOG_LEVEL": "INFO",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": "cold-start",
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
        "LAMBDA_TASK_ROOT": "/var/task",
        "LANG": "en_US.UTF-8",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "TZ": ":UTC",
        "_HANDLER": "bootstrap",
    }


def start(bootstrap: str, name: str) -> tuple[float, float, float]:
    """One start: milliseconds until it asks for an event; of a processor, milliseconds; and its peak of memory then, in MB."""
    runtime = Runtime()
    threading.Thread(target=runtime.serve_forever, daemon=True).start()
    with tempfile.TemporaryFile() as said:
        began = time.perf_counter()
        process = subprocess.Popen([bootstrap], env=environment(name, runtime.server_port), stdout=said, stderr=said)
        # Ended by its own exit, or by us when it is ready; then the queue has the reason.
        status = {}

        def wait():
            _, code, usage = os.wait4(process.pid, 0)
            status.update(code=code, cpu=(usage.ru_utime + usage.ru_stime) * 1000, peak=usage.ru_maxrss / 1024)
            runtime.asked.put((time.perf_counter(), "exit"))

        waiting = threading.Thread(target=wait)
        waiting.start()
        try:
            asked, what = runtime.asked.get(timeout=INIT_SECONDS)
        except queue.Empty:
            asked, what = began, f"nothing in {INIT_SECONDS} s"
        if what != "exit":
            process.kill()
        waiting.join()
        # Already waited for; it must not be waited for again.
        process.returncode = status["code"]
        runtime.over.set()
        runtime.shutdown()
        runtime.server_close()
        if what != NEXT:
            said.seek(0)
            words = said.read().decode(errors="replace").strip()
            raise Failed(f"{name} is not ready ({what}, status {status['code']}): {words}")
    return (asked - began) * 1000, status["cpu"], status["peak"]


def unpacked(path: pathlib.Path, directory: pathlib.Path) -> tuple[str, pathlib.Path]:
    """The function's name and its executable. An archive's is the file's name, a bootstrap's that of its folder."""
    if path.suffix != ".zip":
        return path.parent.name if path.name == "bootstrap" else path.name, path.resolve()
    target = directory / path.stem
    with zipfile.ZipFile(path) as archive:
        archive.extract("bootstrap", target)
    (target / "bootstrap").chmod(0o755)
    return path.stem, target / "bootstrap"


def measure(path: pathlib.Path, runs: int) -> dict:
    with tempfile.TemporaryDirectory() as directory:
        name, bootstrap = unpacked(path, pathlib.Path(directory))
        # The first one brings the file into the page cache, which is the disk's time and not the function's.
        start(str(bootstrap), name)
        times, processor, peaks = zip(*(start(str(bootstrap), name) for _ in range(runs)))
        return {
            "function": name,
            "runs": runs,
            "median_ms": round(statistics.median(times), 2),
            "min_ms": round(min(times), 2),
            "max_ms": round(max(times), 2),
            # What other programs on the machine disturb less.
            "median_cpu_ms": round(statistics.median(processor), 2),
            "peak_mb": round(statistics.median(peaks), 1),
            "binary_bytes": bootstrap.stat().st_size,
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=pathlib.Path, metavar="ZIP_OR_BOOTSTRAP")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--limit-ms", type=float, help="fail if a median is more")
    parser.add_argument("--json", action="store_true", help="a JSON line for each")
    arguments = parser.parse_args()
    slow = []
    for path in arguments.files:
        try:
            result = measure(path, arguments.runs)
        except (Failed, OSError, KeyError, zipfile.BadZipFile) as failed:
            sys.exit(f"cold_start.py: {path}: {failed}")
        if arguments.json:
            print(json.dumps(result))
        else:
            times = "{function}: {median_ms} ms until ready (median of {runs}; {min_ms} to {max_ms}), {median_cpu_ms} ms of CPU"
            print((times + ", {peak_mb} MB").format(**result))
        if arguments.limit_ms is not None and result["median_ms"] > arguments.limit_ms:
            slow.append(result["function"])
    if slow:
        sys.exit(f"cold_start.py: over {arguments.limit_ms} ms: {', '.join(slow)}")


if __name__ == "__main__":
    main()
