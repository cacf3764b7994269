"""Reads CSV and JSON lines with Python's own modules, for the test beside this file.

Each line of standard input is a request, {"kind": "csv" or "json", "delimiter": ",", "bytes": [the file's bytes]}; each answer is a line,
{"rows": ...} or {"error": ...}. Numbers and names stay as they are written.
"""

import csv
import gzip
import io
import json
import sys

# What separates nothing but white space, as Rust's `trim` sees it.
BLANK = " \t\x0b\x0c\r\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))

csv.field_size_limit(1 << 24)


def refuse(text):
    raise ValueError(text)


def pairs(entries):
    names = [name for name, _ in entries]
    if len(set(names)) < len(names):
        refuse("a name comes twice")
    return Object(["o", [[name, tagged(value)] for name, value in entries]])


class Object(list):
    """An object, tagged."""


class Number(str):
    """A number, as it is written."""


def tagged(value):
    if isinstance(value, Number):
        return ["n", value]
    if isinstance(value, str):
        return ["s", value]
    if isinstance(value, list) and not isinstance(value, Object):
        return ["a", [tagged(inner) for inner in value]]
    return value


def read_csv(text, delimiter):
    lines = io.StringIO(text, newline="")
    return [row for row in csv.reader(lines, delimiter=delimiter, strict=True) if row]


def read_json(text):
    rows = []
    for line in text.split("\n"):
        line = line.removesuffix("\r")
        if line.strip(BLANK):
            value = json.loads(
                line, object_pairs_hook=pairs, parse_int=Number, parse_float=Number, parse_constant=refuse
            )
            rows.append(tagged(value))
    # A string with half of a surrogate pair is no text.
    json.dumps(rows, ensure_ascii=False).encode()
    return rows


def answer(request):
    data = bytes(request["bytes"])
    if data.startswith(b"\x1f\x8b"):
        data = gzip.decompress(data)
    text = data.decode("utf-8-sig")
    return read_csv(text, request["delimiter"]) if request["kind"] == "csv" else read_json(text)


for line in sys.stdin:
    try:
        print(json.dumps({"rows": answer(json.loads(line))}), flush=True)
    except (ValueError, csv.Error, EOFError, OSError, RecursionError) as error:
        print(json.dumps({"error": str(error)}), flush=True)
