//! A batch of puts in one transaction.
//!
//! dynoxide writes each item of a `BatchWriteItem` in a transaction of its own and prepares its statements each time: two thirds of what
//! an import spent (measured). `DynamoDB` says nothing of the order of a batch's writes, so a client cannot tell one transaction from 25.
//! Only batches that `DynamoDB` would take as they are go this way; about any other, dynoxide's own operation says what is wrong.

use std::collections::HashSet;

use dynoxide::actions::batch_write_item::{BatchWriteItemRequest, BatchWriteItemResponse, WriteRequest};
use dynoxide::types::{AttributeValue, Item, KeySchemaElement, MAX_ITEM_SIZE, item_size};
use dynoxide::{Database, ImportOptions};

/// Writes of a `BatchWriteItem` at most (quota).
const WRITES_MAX: usize = 25;

/// Puts the batch; `None` if it is not such a batch or something is wrong with it, and then nothing is written.
pub(super) fn put_together(database: &Database, request: BatchWriteItemRequest) -> Option<BatchWriteItemResponse> {
    let (table, items) = puts_into_one_table(request)?;
    let metadata = database.get_table_metadata(&table).ok()??;
    if metadata.stream_enabled || metadata.vector_index_definitions.is_some() {
        return None;
    }
    let schema: Vec<KeySchemaElement> = serde_json::from_str(&metadata.key_schema).ok()?;
    if !have_different_keys(&items, &schema) {
        return None;
    }
    database.import_items(&table, items, ImportOptions::default()).ok()?;
    Some(BatchWriteItemResponse::default())
}

/// The table and its items, if the batch has nothing but puts of items that `DynamoDB` takes, and asks for no figures.
fn puts_into_one_table(request: BatchWriteItemRequest) -> Option<(String, Vec<Item>)> {
    if request.return_consumed_capacity.is_some() || request.return_item_collection_metrics.is_some() {
        return None;
    }
    let mut tables = request.request_items.into_iter();
    let (table, writes) = tables.next()?;
    if tables.next().is_some() || writes.is_empty() || writes.len() > WRITES_MAX {
        return None;
    }
    let put = |write: WriteRequest| match (write.put_request, write.delete_request) {
        (Some(put), None) => Some(put.item).filter(is_taken),
        _ => None,
    };
    let items: Option<Vec<Item>> = writes.into_iter().map(put).collect();
    Some((table, items?))
}

/// What an import does not look at, since it trusts its file.
fn is_taken(item: &Item) -> bool {
    item_size(item) <= MAX_ITEM_SIZE && item.iter().all(|(name, value)| !name.is_empty() && has_names(value))
}

/// Whether every attribute inside the value has a name.
fn has_names(value: &AttributeValue) -> bool {
    match value {
        AttributeValue::M(map) => map.iter().all(|(name, value)| !name.is_empty() && has_names(value)),
        AttributeValue::L(list) => list.iter().all(has_names),
        _ => true,
    }
}

/// Whether each item has a key, and another one than every other item.
fn have_different_keys(items: &[Item], schema: &[KeySchemaElement]) -> bool {
    let key = |item: &Item| -> Option<Vec<String>> {
        schema.iter().map(|element| item.get(&element.attribute_name)?.to_key_string()).collect()
    };
    let keys: Option<HashSet<Vec<String>>> = items.iter().map(key).collect();
    keys.is_some_and(|keys| keys.len() == items.len())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A database with a table of cities by country.
    fn cities() -> Database {
        let database = Database::memory().expect("a database");
        create(&database, "cities", &json!({}));
        database
    }

    fn create(database: &Database, table: &str, more: &Value) {
        let mut request = json!({
            "TableName": table,
            "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "AttributeDefinitions": [
                {"AttributeName": "id", "AttributeType": "N"},
                {"AttributeName": "country", "AttributeType": "S"},
            ],
            "GlobalSecondaryIndexes": [{
                "IndexName": "by-country",
                "KeySchema": [{"AttributeName": "country", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }],
        });
        let more = more.as_object().expect("an object").clone();
        request.as_object_mut().expect("an object").extend(more);
        database.create_table(serde_json::from_value(request).expect("a request")).expect("a table");
    }

    fn city(id: &str, country: &str) -> Value {
        json!({"PutRequest": {"Item": {"id": {"N": id}, "country": {"S": country}, "twins": {"SS": ["b", "a"]}}}})
    }

    fn batch(table: &str, writes: &[Value]) -> BatchWriteItemRequest {
        serde_json::from_value(json!({"RequestItems": {table: writes}})).expect("a request")
    }

    fn is_put(database: &Database, writes: &[Value]) -> bool {
        put_together(database, batch("cities", writes)).is_some()
    }

    /// All rows of the table and of its index.
    fn rows(database: &Database) -> [Value; 2] {
        let scan = |mut request: Value| {
            request["TableName"] = json!("cities");
            let answer = database.scan(serde_json::from_value(request).expect("a request")).expect("an answer");
            serde_json::to_value(answer).expect("JSON")["Items"].clone()
        };
        [scan(json!({})), scan(json!({"IndexName": "by-country"}))]
    }

    #[test]
    fn the_rows_are_those_that_dynoxide_writes_one_by_one() {
        let (together, one_by_one) = (cities(), cities());
        // The second batch replaces two cities, one of which moves to another country.
        let batches =
            [vec![city("1", "NO"), city("2", "SE"), city("3.50", "FI")], vec![city("2", "NO"), city("3.5", "FI")]];
        for writes in batches {
            assert!(is_put(&together, &writes));
            one_by_one.batch_write_item(batch("cities", &writes)).expect("an answer");
            assert_eq!(rows(&together), rows(&one_by_one));
        }
        let size = |database: &Database| {
            database.table_stats().expect("figures").iter().map(|table| table.size_bytes).sum::<u64>()
        };
        assert_eq!(size(&together), size(&one_by_one));
    }

    #[test]
    fn a_batch_that_dynamodb_refuses_is_left_to_dynoxide() {
        let database = cities();
        let padded =
            |bytes: usize| json!({"PutRequest": {"Item": {"id": {"N": "1"}, "text": {"S": "x".repeat(bytes)}}}});
        let nameless = json!({"PutRequest": {"Item": {"id": {"N": "1"}, "map": {"M": {"": {"S": "x"}}}}}});
        let wrong_index_key = json!({"PutRequest": {"Item": {"id": {"N": "1"}, "country": {"N": "47"}}}});
        let too_many: Vec<Value> = (0..26).map(|id| city(&id.to_string(), "NO")).collect();
        for writes in [
            vec![],
            too_many,
            vec![city("1", "NO"), city("1.0", "SE")],
            vec![city("2", "NO"), padded(MAX_ITEM_SIZE)],
            vec![city("2", "NO"), nameless],
            vec![city("2", "NO"), wrong_index_key],
            vec![city("2", "NO"), json!({"PutRequest": {"Item": {"id": {"S": "no number"}}}})],
            vec![city("2", "NO"), json!({"PutRequest": {"Item": {"country": {"S": "no key"}}}})],
        ] {
            assert!(!is_put(&database, &writes), "{writes:?}");
            assert_eq!(rows(&database), [json!([]), json!([])]);
            database.batch_write_item(batch("cities", &writes)).expect_err("DynamoDB refuses it, too");
        }
        assert!(put_together(&database, batch("none", &[city("1", "NO")])).is_none());
    }

    #[test]
    fn what_is_more_than_puts_is_left_to_dynoxide() {
        let database = cities();
        let delete = json!({"DeleteRequest": {"Key": {"id": {"N": "1"}}}});
        assert!(!is_put(&database, &[city("1", "NO"), delete]));
        let asking = BatchWriteItemRequest {
            return_consumed_capacity: Some("TOTAL".to_owned()),
            ..batch("cities", &[city("1", "NO")])
        };
        assert!(put_together(&database, asking).is_none());
        let stream = json!({"StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_IMAGE"}});
        create(&database, "streamed", &stream);
        assert!(put_together(&database, batch("streamed", &[city("1", "NO")])).is_none(), "its records are dynoxide's");
    }
}
