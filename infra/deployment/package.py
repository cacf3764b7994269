"""Puts the functions' code where the template says that it is, as `sam package` does, and leaves out what the emulator refuses."""

import re

from checks import Failed, say

BUCKET = "code"
METRIC_MATH = "WorkerSilentAlarm"
CODE_URI = re.compile(r"^( +CodeUri: )\.\./functions/([a-z]+)$", re.MULTILINE)


def packaged(template, packages, s3):
    """The template's text with each `CodeUri` in S3, and otherwise as it is."""
    s3.create_bucket(Bucket=BUCKET)

    def uploaded(found):
        function = found[2]
        if function not in packages:
            raise Failed(f"the template has a function {function!r} that was not built")
        s3.put_object(Bucket=BUCKET, Key=f"{function}.zip", Body=packages[function])
        return f"{found[1]}s3://{BUCKET}/{function}.zip"

    text, count = CODE_URI.subn(uploaded, template)
    if count != len(packages):
        raise Failed(f"{count} functions of the template have code to deploy, and {len(packages)} were built")
    return without(text, METRIC_MATH)


def without(text, name):
    """The template without that resource: with it the emulator creates no stack."""
    text, count = re.subn(rf"^  {name}:\n(?:    .*\n|\n)+", "", text, flags=re.MULTILINE)
    if count != 1:
        raise Failed(f"the template has {count} resources {name}, and the test expects one")
    say(f"left out, because the emulator knows no metric math: {name}")
    return text
