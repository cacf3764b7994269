"""Puts the functions' code where the template says that it is, as `sam package` does."""

import io
import pathlib
import re
import zipfile

from checks import Failed

BUCKET = "code"
CODE_URI = re.compile(r"^( +CodeUri: )\.\./functions/([a-z]+)$", re.MULTILINE)
# A zip's entry: a regular file that may be executed.
EXECUTABLE = 0o100755 << 16
# The same file gives the same zip.
LONG_AGO = (1980, 1, 1, 0, 0, 0)


def zipped(bootstrap):
    """The deployment package of a bootstrap, in bytes."""
    buffer = io.BytesIO()
    entry = zipfile.ZipInfo("bootstrap", LONG_AGO)
    entry.external_attr = EXECUTABLE
    entry.create_system = 3
    with zipfile.ZipFile(buffer, "w") as package:
        package.writestr(entry, pathlib.Path(bootstrap).read_bytes(), zipfile.ZIP_DEFLATED, 6)
    return buffer.getvalue()


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
    return text
