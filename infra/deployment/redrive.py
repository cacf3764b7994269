"""An execution with segments that fail, and its redrive: generation 2, with an event of its own."""

from bad_city import COUNTRY, MENDED, BadCity
from checks import expect, say
from cities import INDEX, TABLE

SOUND = ["AD", "LI", "SM"]


def check(scatterctl, completions, dynamodb):
    with BadCity(dynamodb) as city:
        redriven(scatterctl, completions, city, sum(population(dynamodb, country) for country in SOUND))
    say(f"redrive: 1 of {len(SOUND) + 1} segments failed; it alone was run again, in generation 2; an event each")


def redriven(scatterctl, completions, city, sound):
    arguments = ["--job", "redriven", "--source", "list", "--codes", ",".join([*SOUND, COUNTRY]), "--finish-anyway"]
    work = ["--work", "sum", "--attribute", "population", "--table", TABLE, "--index", INDEX]
    failed = scatterctl("run", *arguments, *work, code=1)
    execution_id = failed["execution_id"]
    expect("the execution's end", (failed["status"], failed["succeeded"], failed["failed"]), ("FAILED", len(SOUND), 1))
    first = completions.of(execution_id)
    expect("the first event", (first["status"], first["counters"]), ("FAILED", {"population": sound}))
    failures = scatterctl("failures", execution_id)
    expect("failed segments", [failure["examples"] for failure in failures["failures"]], [[len(SOUND)]])

    city.mend()
    again = scatterctl("redrive", execution_id)
    expect("the redrive's end", (again["status"], again["generation"], again["failed"]), ("SUCCEEDED", 2, 0))
    second = completions.of(execution_id, generation=2)
    expect("the second event", (second["status"], second["succeeded"], second["counters"]),
           ("SUCCEEDED", len(SOUND) + 1, {"population": sound + MENDED}))
    expect("the events' IDs", first["event_id"] != second["event_id"], True)


def population(dynamodb, country):
    found = dynamodb.query(TableName=TABLE, IndexName=INDEX, KeyConditionExpression="country = :country",
                           ExpressionAttributeValues={":country": {"S": country}})["Items"]
    return sum(int(city["population"]["N"]) for city in found)
