"""What only the sweeper mends, by its own schedule: records that were lost, and a segment that waits for its next attempt."""

import subprocess
import time

from checks import Failed, expect, say, wait_for
from cities import INDEX, TABLE
from faults import REFUSALS

LOST, SEGMENTS = "lost", 3
REFUSED, COUNTRY = "refused", "MC"
# A tick is a minute away at most; then an invocation, and the segments. The rest is for a busy machine.
MENDED_SECONDS = 300
# The sweeper probes the stream at a tick, if records were put.
PROBED_SECONDS = 180
# A shard, as control-table/src/limits.rs has it.
PROBES = 64
# Longer than the sweeper's patience with an execution that stands still, which is five minutes.
AGE_MS = 10 * 60 * 1000


class Sweeps:
    def __init__(self, scatterctl, dynamodb, table, stream):
        self.scatterctl, self.dynamodb, self.table, self.stream = scatterctl, dynamodb, table, stream

    def begin(self):
        range_ = ["--source", "range", "--from", "0", "--to", str(SEGMENTS), "--size", "1"]
        list_ = ["--source", "list", "--codes", COUNTRY]
        work = ["--work", "sum", "--attribute", "population", "--table", TABLE, "--index", INDEX]
        self.runs = {LOST: self.scatterctl.start("run", "--job", LOST, *range_, "--work", "noop"),
                     REFUSED: self.scatterctl.start("run", "--job", REFUSED, *list_, *work)}
        self.ids = {job: wait_for(f"the execution of {job}", MENDED_SECONDS, lambda job=job: self.open_run(job)) for job in self.runs}
        # Before that the sweeper cannot know that the records do not wait in the stream, and looks again after five minutes.
        wait_for("the probes of the stream to be read", PROBED_SECONDS, self.is_probed)
        self.age(self.ids[LOST])

    def is_probed(self):
        """Whether workers have noted every probe of the one shard."""
        watermarks = self.dynamodb.query(
            TableName=self.table, KeyConditionExpression="pk = :stream AND begins_with(sk, :shard)",
            ExpressionAttributeValues={":stream": {"S": f"WATERMARK#{self.stream}"}, ":shard": {"S": "shardId-"}})["Items"]
        return watermarks and PROBES == len([name for name in watermarks[0] if name.startswith("probe_")])

    def open_run(self, job):
        runs = self.scatterctl("list", "--job", job)["executions"]
        return runs[0]["execution_id"] if runs and runs[0]["status"] == "RUNNING" else None

    def age(self, execution_id):
        """As if it had begun long ago, and the sweeper had seen it stand still since: the one thing here that is not left to take
        its time."""
        now = int(time.time() * 1000)
        self.dynamodb.update_item(
            TableName=self.table, Key={"pk": {"S": execution_id}, "sk": {"S": "EXECUTION"}},
            ConditionExpression="#status = :running",
            UpdateExpression="SET created_at = created_at - :age, started_at = started_at - :age, sealed_at = sealed_at - :age,"
                             " progress_seen = :seen, progress_at = :then, due_at = :now",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={
                ":running": {"S": "RUNNING"},
                ":age": {"N": str(AGE_MS)},
                # Outcomes, segments, folded groups, and one.
                ":seen": {"N": str(0 + SEGMENTS + 0 + 1)},
                ":then": {"N": str(now - AGE_MS)},
                ":now": {"N": str(now)},
            })
        # A record counts as lost some time after its put, once the stream was read past that.
        self.dynamodb.update_item(
            TableName=self.table, Key={"pk": {"S": f"{execution_id}#0"}, "sk": {"S": "TALLY"}},
            UpdateExpression="SET put_at = put_at - :age", ExpressionAttributeValues={":age": {"N": str(AGE_MS)}})

    def ended(self):
        for job, process in self.runs.items():
            try:
                out, err = process.communicate(timeout=MENDED_SECONDS)
            except subprocess.TimeoutExpired as late:
                raise Failed(f"the sweeper has not mended the execution of {job} in {MENDED_SECONDS} s") from late
            expect(f"the execution of {job}, which said {out}{err},", process.returncode, 0)

    def check(self, completions, faults, records_put):
        """Nothing in this test invokes the sweeper, so what it did was its schedule's doing."""
        expect("records lost, reads refused", (faults.lost, faults.refused), (SEGMENTS, REFUSALS))
        expect("records that the sweeper put", records_put, SEGMENTS + 1)
        lost, refused = (completions.of(self.ids[job]) for job in (LOST, REFUSED))
        expect("the execution without records", (lost["status"], lost["succeeded"], lost["attempts"]),
               ("SUCCEEDED", SEGMENTS, SEGMENTS))
        expect("the execution that was refused", (refused["status"], refused["succeeded"], refused["attempts"]), ("SUCCEEDED", 1, 2))
        say(f"sweeper: by its schedule alone it put {SEGMENTS} lost records again, and a segment whose first attempt was refused")

    def stop(self):
        for process in getattr(self, "runs", {}).values():
            process.kill()
