//! Lists of executions, newest first, by job or by day.

#![expect(clippy::disallowed_methods, reason = "this is the adapter: the protocol lives in this crate")]

use super::{About, DynamoDbStore, text};
use crate::error::Error;
use crate::read::{KeyPage, ListQuery};
use crate::rows::{Item, PK, RowKey};

/// The index of executions by job.
pub const JOB_INDEX: &str = "by-job";
/// The index of executions by day.
pub const DAY_INDEX: &str = "by-day";

impl DynamoDbStore {
    /// Keys of executions, from an index. The indexes hold keys only, so that a fold does not write to them: they know an execution's
    /// job and time, and no other filter.
    pub(super) async fn query_executions(&self, query: &ListQuery) -> Result<KeyPage, Error> {
        let about = About { operation: "list executions", subject: &self.table };
        if let Some(job) = &query.job {
            let found = self.page(about, query, JOB_INDEX, ("job", job.as_str()), query.limit).await?;
            return Ok(KeyPage::new(found, query.limit));
        }
        let (mut found, mut oldest) = (Vec::new(), None);
        for day in query.days() {
            let left = query.limit.saturating_sub(u16::try_from(found.len()).unwrap_or(u16::MAX));
            if left == 0 {
                break;
            }
            found.extend(self.page(about, query, DAY_INDEX, ("day", &day.to_string()), left).await?);
            oldest = Some(day);
        }
        if found.len() < query.limit.into() {
            let next = oldest.and_then(|day| query.after_day(day));
            return Ok(KeyPage { keys: found, next });
        }
        Ok(KeyPage::new(found, query.limit))
    }

    async fn page(
        &self,
        about: About<'_>,
        query: &ListQuery,
        index: &str,
        (name, value): (&str, &str),
        limit: u16,
    ) -> Result<Vec<RowKey>, Error> {
        let query = self
            .client
            .query()
            .table_name(&*self.table)
            .index_name(index)
            .key_condition_expression("#hash = :hash AND #pk BETWEEN :lowest AND :highest")
            .expression_attribute_names("#hash", name)
            .expression_attribute_names("#pk", PK)
            .expression_attribute_values(":hash", text(value))
            .expression_attribute_values(":lowest", text(query.lowest()))
            .expression_attribute_values(":highest", text(query.highest()))
            .scan_index_forward(false)
            .limit(i32::from(limit));
        let sent = self.when_free(|| query.clone().send()).await;
        let pages = sent.map_err(|error| self.sdk_error(about, error))?;
        let ids = pages.items.unwrap_or_default();
        Ok(ids.iter().filter_map(execution_key).collect())
    }
}

/// The execution that an entry of an index stands for; `None` if the entry cannot be read.
fn execution_key(item: &Item) -> Option<RowKey> {
    item.get(PK)?.as_s().ok()?.parse().ok().map(RowKey::Execution)
}
