"""`scatterctl`, told of the stack in the emulator."""

import json
import os
import subprocess

from checks import Failed
from emulator import REGION, ROOT_KEY


class Scatterctl:
    def __init__(self, binary, stack, emulator):
        self.command = [str(binary), "--stack", stack, "--json", "--quiet"]
        self.environment = {
            "PATH": os.environ["PATH"],
            # No profile, cache or data directory of whoever runs this.
            "HOME": str(emulator.directory),
            "AWS_ENDPOINT_URL": emulator.endpoint,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": ROOT_KEY,
            "AWS_SECRET_ACCESS_KEY": ROOT_KEY,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def __call__(self, *arguments, seconds=60, code=0):
        """What a verb prints, read as one JSON value; it must end with that exit status, in so many seconds."""
        lines = self.lines(*arguments, seconds=seconds, code=code)
        if len(lines) > 1:
            raise Failed(f"scatterctl {' '.join(arguments)}: {len(lines)} values instead of one: {lines}")
        return lines[0] if lines else None

    def lines(self, *arguments, seconds=60, code=0):
        """What a verb prints: a JSON value a line."""
        process = self.start(*arguments)
        try:
            out, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired as late:
            process.kill()
            _, err = process.communicate()
            raise Failed(f"scatterctl {' '.join(arguments)}: not done after {seconds} s: {err}") from late
        if process.returncode != code:
            raise Failed(f"scatterctl {' '.join(arguments)}: exit status {process.returncode}, and not {code}: {out}{err}")
        try:
            return [json.loads(line) for line in out.splitlines()]
        except ValueError as no_json:
            raise Failed(f"scatterctl {' '.join(arguments)}: no JSON: {out}") from no_json

    def start(self, *arguments):
        """The process, at work."""
        return subprocess.Popen([*self.command, *arguments], env=self.environment, text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
