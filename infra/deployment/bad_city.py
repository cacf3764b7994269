"""A city whose population is a word at first: adding it up fails, and no retry helps until the row is mended."""

from cities import TABLE

# No city of the data is there.
COUNTRY = "XX"
MENDED = 41
KEY = {"geoname_id": {"S": "on-purpose"}}


class BadCity:
    """In the table from its beginning to its end."""

    def __init__(self, dynamodb):
        self.dynamodb = dynamodb

    def __enter__(self):
        self._put({"S": "many"})
        return self

    def __exit__(self, *_):
        self.dynamodb.delete_item(TableName=TABLE, Key=KEY)

    def mend(self):
        self._put({"N": str(MENDED)})

    def _put(self, population):
        self.dynamodb.put_item(TableName=TABLE, Item={**KEY, "country": {"S": COUNTRY}, "population": population})
