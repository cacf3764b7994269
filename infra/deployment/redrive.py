"""An execution with segments that fail, and its redrive: generation 2, with an event of its own."""

from checks import expect, say
from cities import INDEX, TABLE

# No country has it. The row's population is a word at first, so adding it up fails, and no retry would help.
COUNTRY = "XX"
SOUND = ["AD", "LI", "SM"]
FIXED = 41


def check(scatterctl, completions, dynamodb):
    sound = sum(population(dynamodb, country) for country in SOUND)
    key = {"geoname_id": {"S": "on-purpose"}}
    dynamodb.put_item(TableName=TABLE, Item={**key, "country": {"S": COUNTRY}, "population": {"S": "many"}})
    arguments = ["--job", "redriven", "--source", "list", "--codes", ",".join([*SOUND, COUNTRY]), "--finish-anyway"]
    work = ["--work", "sum", "--attribute", "population", "--table", TABLE, "--index", INDEX]
    failed = scatterctl("run", *arguments, *work, code=1)
    execution_id = failed["execution_id"]
    expect("the execution's end", (failed["status"], failed["succeeded"], failed["failed"]), ("FAILED", len(SOUND), 1))
    first = completions.of(execution_id)
    expect("the first event", (first["status"], first["counters"]), ("FAILED", {"population": sound}))
    failures = scatterctl("failures", execution_id)
    expect("failed segments", [failure["examples"] for failure in failures["failures"]], [[len(SOUND)]])

    dynamodb.put_item(TableName=TABLE, Item={**key, "country": {"S": COUNTRY}, "population": {"N": str(FIXED)}})
    again = scatterctl("redrive", execution_id)
    expect("the redrive's end", (again["status"], again["generation"], again["failed"]), ("SUCCEEDED", 2, 0))
    second = completions.of(execution_id, generation=2)
    expect("the second event", (second["status"], second["succeeded"], second["counters"]),
           ("SUCCEEDED", len(SOUND) + 1, {"population": sound + FIXED}))
    expect("the events' IDs", first["event_id"] != second["event_id"], True)
    dynamodb.delete_item(TableName=TABLE, Key=key)
    say(f"redrive: 1 of {len(SOUND) + 1} segments failed; it alone was run again, in generation 2; an event each")


def population(dynamodb, country):
    found = dynamodb.query(TableName=TABLE, IndexName=INDEX, KeyConditionExpression="country = :country",
                           ExpressionAttributeValues={":country": {"S": country}})["Items"]
    return sum(int(city["population"]["N"]) for city in found)
