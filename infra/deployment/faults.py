"""What goes wrong on purpose, between the functions and the services."""

import base64
import json

# As often as the SDK asks by itself; then the segment's attempt has failed.
REFUSALS = 3


class Faults:
    """Loses the records of one job, once; and refuses to read for one country, a few times."""

    def __init__(self, lost_job, refused_country):
        self.lost_job, self.refused_country = lost_job, refused_country
        self.lost, self.refused = 0, 0

    def __call__(self, service, operation, request):
        if (service, operation) == ("kinesis", "PutRecords") and not self.lost and self.is_of_lost_job(request):
            self.lost = len(request["Records"])
            record = {"SequenceNumber": "1", "ShardId": "shardId-000000000000"}
            return 200, {"FailedRecordCount": 0, "Records": [record] * self.lost}
        if (service, operation) == ("dynamodb", "Query") and self.refused < REFUSALS and self.is_refused(request):
            self.refused += 1
            return 400, {"__type": "com.amazonaws.dynamodb.v20120810#ThrottlingException", "message": "on purpose"}
        return None

    def is_of_lost_job(self, request):
        return any(json.loads(base64.b64decode(record["Data"])).get("job") == self.lost_job for record in request["Records"])

    def is_refused(self, request):
        return {"S": self.refused_country} in request.get("ExpressionAttributeValues", {}).values()
