"""The main job on real data: 135,233 cities are counted by scan segments, and their population is summed by country."""

import pathlib
import time

from checks import expect, say

JOBS = pathlib.Path(__file__).resolve().parent.parent.parent / "examples" / "cities"
TABLE, INDEX = "cities", "country"
CITIES, POPULATION = 135_233, 3_133_032_118
SCAN_SEGMENTS, COUNTRIES = 136, 246
# The emulator reads the whole table for each scan segment, and does one invocation after the other.
IMPORT_SECONDS, RUN_SECONDS = 240, 600


def load(scatterctl):
    began = time.monotonic()
    scatterctl("import", str(JOBS / "cities.csv.gz"), "--table", TABLE, "--index", INDEX, seconds=IMPORT_SECONDS)
    say(f"cities: {CITIES:,} rows imported in {time.monotonic() - began:.0f} s")


def count(scatterctl, completions):
    return run(scatterctl, completions, "count", SCAN_SEGMENTS, {})


def population(scatterctl, completions):
    return run(scatterctl, completions, "population", COUNTRIES, {"population": POPULATION})


def run(scatterctl, completions, job, segments, counters):
    """The execution's ID, when its status, its segments and its event say what the data says."""
    began = time.monotonic()
    status = scatterctl("run", str(JOBS / f"{job}.toml"), seconds=RUN_SECONDS)
    execution_id = status["execution_id"]
    event = completions.of(execution_id)
    for what, found in ((f"the status of {job}", status), (f"the event of {job}", event)):
        expect(what, found["status"], "SUCCEEDED")
        expect(f"segments in {what}", found["segments"], segments)
        expect(f"succeeded in {what}", found["succeeded"], segments)
        expect(f"attempts in {what}", found["attempts"], segments)
        expect(f"items in {what}", found["item_count"], CITIES)
        expect(f"counters in {what}", found["counters"], counters)
    repaired = scatterctl("repair", execution_id, "--dry-run")
    say(f"cities: {job}: {segments} segments, {CITIES:,} items, {counters or 'no counters'}, one event,"
        f" {time.monotonic() - began:.0f} s; repair: {repaired}")
    return execution_id
