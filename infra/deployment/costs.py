"""What an execution asked of AWS: requests of the functions, and write units of the control table.

The emulator does not meter. Requests are those that passed the proxy; their write units are worked out by DynamoDB's rule, a unit
for each started kilobyte of the item and two in a transaction, with the item's size in the request, or, for an update, at
the end of the execution. Entries of an index are a unit each time they come, go or move (two), as the table's stream tells it.
"""

import collections
import json
import hashlib
import math
import re

UNIT_BYTES = 1024
# `{'pk': ?, 'sk': ?}` of a PartiQL INSERT.
NAMES = re.compile(r"'(\w+)': \?")
# Decimal places of a figure for one segment.
PLACES = 4


def functions_by_key(emulator, stack):
    """Which function signs with which access key: ministack derives it of function and role."""
    lambda_ = emulator.client("lambda")
    found = {}
    for name in ("Scatter", "Worker", "Gather", "Sweeper", "Api"):
        configuration = lambda_.get_function(FunctionName=stack.resources[f"{name}Function"])["Configuration"]
        text = f"{configuration['FunctionArn']}:{configuration['Role']}"
        found[f"ASIA{hashlib.sha256(text.encode()).hexdigest()[:16].upper()}"] = name.lower()
    return found


class Table:
    """The control table's items at the end, their sizes, and the writes of its indexes."""

    def __init__(self, emulator, name):
        self.name = name
        self.dynamodb = emulator.client("dynamodb")
        self.streams = emulator.client("dynamodbstreams")
        description = self.dynamodb.describe_table(TableName=name)["Table"]
        self.stream = description["LatestStreamArn"]
        self.indexes = [[key["AttributeName"] for key in index["KeySchema"]] for index in description["GlobalSecondaryIndexes"]]

    def sizes(self):
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=self.name)
        return {key_of(item): item_bytes(item) for page in pages for item in page["Items"]}

    def index_units(self, execution_id):
        """Write units of the indexes for the items of one execution."""
        before, units = {}, 0
        for image in self.images():
            if not image["pk"]["S"].startswith(execution_id):
                continue
            last = before.get(key_of(image), {})
            units += sum(moved(index, last, image) for index in self.indexes)
            before[key_of(image)] = image
        return units

    def images(self):
        shards = self.streams.describe_stream(StreamArn=self.stream)["StreamDescription"]["Shards"]
        for shard in shards:
            iterator = self.streams.get_shard_iterator(
                StreamArn=self.stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
            while iterator:
                page = self.streams.get_records(ShardIterator=iterator, Limit=1000)
                yield from (record["dynamodb"]["NewImage"] for record in page["Records"] if "NewImage" in record["dynamodb"])
                iterator = page.get("NextShardIterator") if page["Records"] else None


def moved(index, before, after):
    """Every index has the keys only, so an entry changes when a key of its own does."""
    entries = [tuple(str(item[name]) for name in index) if all(name in item for name in index) else None
               for item in (before, after)]
    if entries[0] == entries[1]:
        return 0
    return 1 if None in entries else 2


def key_of(item):
    return item["pk"]["S"], item["sk"]["S"]


def item_bytes(item):
    """Names and values, as the developer guide of DynamoDB has it under "item sizes and formats"."""
    return sum(len(name.encode()) + value_bytes(value) for name, value in item.items())


def value_bytes(value):
    (kind, content), = value.items()
    if kind == "S":
        return len(content.encode())
    if kind == "N":
        return number_bytes(content)
    if kind in ("BOOL", "NULL"):
        return 1
    if kind == "M":
        return 3 + sum(1 + len(name.encode()) + value_bytes(item) for name, item in content.items())
    if kind == "L":
        return 3 + sum(1 + value_bytes(item) for item in content)
    if kind == "NS":
        return sum(map(number_bytes, content))
    if kind == "SS":
        return sum(len(text.encode()) for text in content)
    return len(content)


def number_bytes(text):
    digits = text.lstrip("-").replace(".", "").strip("0")
    return math.ceil(len(digits) / 2) + 1 + text.startswith("-")


def units(size):
    return max(1, math.ceil(size / UNIT_BYTES))


def write_units(exchange, table, sizes):
    """Of one request to that table; none if it reads, or is about another."""
    request = exchange.request
    if exchange.operation == "TransactWriteItems":
        actions = [action for item in request["TransactItems"] for action in item.values() if action["TableName"] == table]
        return sum(2 * units(written(action, sizes)) for action in actions)
    if exchange.operation == "BatchExecuteStatement":
        rows = [dict(zip(NAMES.findall(statement["Statement"]), statement["Parameters"])) for statement in request["Statements"]]
        return sum(units(item_bytes(row)) for row in rows)
    if exchange.operation in ("UpdateItem", "PutItem") and request["TableName"] == table:
        return units(written(request, sizes))
    return 0


def written(action, sizes):
    return item_bytes(action["Item"]) if "Item" in action else sizes.get(key_of(action["Key"]), 0)


def is_of_many(exchange):
    """Whether an update is not one segment's: it notes a probe of the stream, or the names of an execution's counters, once a worker."""
    if exchange.operation != "UpdateItem":
        return False
    key = exchange.request["Key"].get("pk", {}).get("S", "")
    return key.startswith("WATERMARK#") or "counters_registered" in json.dumps(exchange.request)


def report(exchanges, functions, segments, table, execution_id):
    """An execution's costs for one segment. Without the sweeper: it looks every minute, whatever runs."""
    sizes = table.sizes()
    requests, spent = collections.Counter(), collections.Counter()
    for exchange in exchanges:
        function = functions.get(exchange.access_key, "unknown")
        if function == "sweeper" or is_of_many(exchange):
            continue
        name = (function, f"{exchange.service}.{exchange.operation}")
        requests[name] += 1
        spent[name] += write_units(exchange, table.name, sizes) if exchange.service == "dynamodb" else 0
    of_indexes = table.index_units(execution_id)
    each = {"segments": segments, "by_function": {}}
    for function, operation in sorted(requests):
        name = (function, operation)
        entry = {"requests": round(requests[name] / segments, PLACES)}
        if spent[name]:
            entry["write_units"] = round(spent[name] / segments, PLACES)
        each["by_function"].setdefault(function, {})[operation] = entry
    each["requests"] = round(requests.total() / segments, PLACES)
    each["write_units_of_the_table"] = round(spent.total() / segments, PLACES)
    each["write_units_of_its_indexes"] = round(of_indexes / segments, PLACES)
    return each
