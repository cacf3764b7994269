//! Lists of executions: every filter is a column, or a table of its own, with an index.

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::Failure;
use super::reads::execution_id;
use crate::read::{KeyPage, ListQuery};
use crate::rows::RowKey;

/// The conditions of a query, and their values in the same order.
#[derive(Default)]
struct Search {
    conditions: Vec<String>,
    values: Vec<Value>,
}

impl Search {
    fn and(&mut self, condition: impl Into<String>, values: impl IntoIterator<Item = Value>) {
        self.conditions.push(condition.into());
        self.values.extend(values);
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn search(query: &ListQuery) -> Search {
    let mut search = Search::default();
    let (lowest, highest) = query.bounds();
    let blob = |id: uuid::Uuid| Value::Blob(id.into_bytes().to_vec());
    search.and("execution BETWEEN ? AND ?", [blob(lowest), blob(highest)]);
    if let Some(job) = &query.job {
        search.and("job = ?", [text(job.as_str())]);
    }
    if let Some(key) = &query.key {
        search.and("key = ?", [text(key.as_str())]);
    }
    if !query.statuses.is_empty() {
        let places = vec!["?"; query.statuses.len()].join(", ");
        search.and(format!("status IN ({places})"), query.statuses.iter().map(|status| text(status.as_str())));
    }
    for tag in &query.tags {
        let tagged = "execution IN (SELECT execution FROM tag_rows WHERE name = ? AND value = ?)";
        search.and(tagged, [text(tag.name()), text(tag.value())]);
    }
    search
}

pub(super) fn list(connection: &Connection, query: &ListQuery) -> Result<KeyPage, Failure> {
    let Search { conditions, mut values } = search(query);
    values.push(Value::Integer(query.limit.into()));
    let mut statement = connection.prepare_cached(&format!(
        "SELECT execution FROM execution_rows WHERE {} ORDER BY execution DESC LIMIT ?",
        conditions.join(" AND ")
    ))?;
    let found = statement.query_map(params_from_iter(values), |row| execution_id(row, 0).map(RowKey::Execution))?;
    Ok(KeyPage::new(found.collect::<Result<_, _>>()?, query.limit))
}
