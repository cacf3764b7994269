"""Packs a bootstrap for Lambda, after a look at whether it would start there.

    bootstrap.py BOOTSTRAP x86_64|arm64 ZIP
"""

import os
import re
import sys
import zipfile

# provided.al2023 has the C library of Amazon Linux 2023; a binary that was linked against a newer one does not start there.
NEWEST_GLIBC = (2, 34)
# A function is fetched before it starts, so its size is a part of a cold start. Lambda itself would take 50 MB.
LARGEST_ZIP = 8 * 1024 * 1024
# `e_machine` of the ELF header.
MACHINES = {"x86_64": 62, "arm64": 183}
# The moment in every archive, the first that a zip can name: equal binaries give equal archives, so a deployment changes
# nothing where nothing changed.
EPOCH = (1980, 1, 1, 0, 0, 0)


class Refused(Exception):
    """The file is no bootstrap for that runtime."""


def check(binary: bytes, architecture: str) -> tuple[int, int]:
    """The newest version of the C library that the binary asks for; `Refused` if it cannot start."""
    if binary[:6] != b"\x7fELF\x02\x01":
        raise Refused("it is no 64-bit little-endian ELF file")
    machine = int.from_bytes(binary[18:20], "little")
    if machine != MACHINES[architecture]:
        raise Refused(f"it is for ELF machine {machine}, and {architecture} is {MACHINES[architecture]}")
    # The versions it needs are strings of the dynamic section, each with a zero on both sides.
    needed = [tuple(map(int, version)) for version in re.findall(rb"\0GLIBC_(\d+)\.(\d+)(?:\.\d+)?(?=\0)", binary)]
    if not needed:
        raise Refused("it names no version of the C library: is it linked dynamically?")
    newest = max(needed)
    if newest > NEWEST_GLIBC:
        found, allowed = (".".join(map(str, version)) for version in (newest, NEWEST_GLIBC))
        raise Refused(f"it needs GLIBC {found}, and provided.al2023 has {allowed}: let cargo-lambda link it, with zig")
    return newest


def pack(binary: bytes, path: str) -> int:
    """Writes the archive, and returns its size in bytes; `Refused` if that is too much."""
    entry = zipfile.ZipInfo("bootstrap", EPOCH)
    # A regular file that all may run, as Unix sees it; and it is Unix that wrote it.
    entry.external_attr = 0o100755 << 16
    entry.create_system = 3
    entry.compress_type = zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(entry, binary, compresslevel=9)
    size = os.path.getsize(path)
    if size > LARGEST_ZIP:
        os.remove(path)
        raise Refused(f"{size:,} bytes zipped are more than {LARGEST_ZIP:,}: cargo bloat shows what grew")
    return size


def main() -> None:
    source, architecture, target = sys.argv[1:]
    with open(source, "rb") as file:
        binary = file.read()
    try:
        glibc = check(binary, architecture)
        size = pack(binary, target)
    except Refused as refused:
        sys.exit(f"{source}: {refused}")
    print(f"{target}: {size:,} bytes, {len(binary):,} unpacked; needs GLIBC {glibc[0]}.{glibc[1]}")


if __name__ == "__main__":
    main()
