//! Lists of executions, newest first: by job, or by day.

#![expect(clippy::disallowed_methods, reason = "this is the adapter: the protocol lives in this crate")]

use chrono::{DateTime, Days, Utc};
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::error::Error;
use crate::id::{ExecutionId, JobName};
use crate::item::{ExecutionRow, ItemKey};
use crate::table::{About, ControlTable};

use super::text;

/// The longest span that a list without a job walks through, a day at a time.
const MAX_DAYS: usize = 400;

/// Which executions to list.
#[derive(Debug, Clone)]
pub struct ListQuery {
    /// Only this job's; `None` for all jobs.
    pub job: Option<JobName>,
    /// Only those opened at this moment or later.
    pub since: DateTime<Utc>,
    /// The present moment, where a list of all jobs begins.
    pub now: DateTime<Utc>,
    /// Only those before this one: the last of the page before.
    pub before: Option<ExecutionId>,
    /// At most this many.
    pub limit: u16,
}

impl ListQuery {
    fn lowest(&self) -> String {
        id_bound(self.since, 0x00)
    }

    /// One past the ID the page before ended with, or the highest possible one. Clocks of two machines may differ by a
    /// little: an execution opened "tomorrow" is still listed.
    fn highest(&self) -> String {
        match self.before {
            Some(before) => Uuid::from_u128(before.uuid().as_u128().saturating_sub(1)).to_string(),
            None => Uuid::max().to_string(),
        }
    }

    fn days(&self) -> impl Iterator<Item = String> {
        let newest = self.before.map_or(self.now, |before| opened_at(before).max(self.since));
        let newest = newest.checked_add_days(Days::new(1)).unwrap_or(newest);
        let oldest = self.since.date_naive();
        std::iter::successors(Some(newest.date_naive()), move |day| day.pred_opt().filter(|day| *day >= oldest))
            .take(MAX_DAYS)
            .map(|day| day.format("%Y-%m-%d").to_string())
    }
}

/// The moment in an ID (the first 48 bits of a `UUIDv7` are milliseconds).
fn opened_at(execution_id: ExecutionId) -> DateTime<Utc> {
    let millis = execution_id.uuid().as_u128() >> 80;
    Timestamp::from_millis(i64::try_from(millis).unwrap_or(0)).to_datetime()
}

/// The lowest or highest ID of that millisecond.
fn id_bound(time: DateTime<Utc>, fill: u8) -> String {
    let millis = u64::try_from(time.timestamp_millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &[fill; 10]).into_uuid().to_string()
}

impl ControlTable {
    /// The index of executions by job.
    pub const JOB_INDEX: &str = "by-job";
    /// The index of executions by day.
    pub const DAY_INDEX: &str = "by-day";

    /// Executions, newest first: which ones from an index, what they are from the table. The indexes hold keys alone, so that a
    /// fold is no write of theirs. A page that is full may have another after it: ask with `before` set to its last.
    ///
    /// The indexes follow the table within moments.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn executions(&self, query: &ListQuery) -> Result<Vec<ExecutionRow>, Error> {
        let about = About { operation: "list executions", subject: &self.name };
        let keys = self.keys(about, query).await?;
        let mut executions: Vec<ExecutionRow> = self.batch_get(about, &keys).await?;
        executions.sort_by_key(|execution| std::cmp::Reverse(execution.execution_id));
        Ok(executions)
    }

    async fn keys(&self, about: About<'_>, query: &ListQuery) -> Result<Vec<ItemKey>, Error> {
        if let Some(job) = &query.job {
            return self.page(about, query, Self::JOB_INDEX, ("job", job.as_str()), query.limit).await;
        }
        let mut found = Vec::new();
        for day in query.days() {
            let left = query.limit.saturating_sub(u16::try_from(found.len()).unwrap_or(u16::MAX));
            if left == 0 {
                break;
            }
            found.extend(self.page(about, query, Self::DAY_INDEX, ("day", &day), left).await?);
        }
        Ok(found)
    }

    async fn page(
        &self,
        about: About<'_>,
        query: &ListQuery,
        index: &str,
        (name, value): (&str, &str),
        limit: u16,
    ) -> Result<Vec<ItemKey>, Error> {
        let pages = self
            .client
            .query()
            .table_name(&*self.name)
            .index_name(index)
            .key_condition_expression("#hash = :hash AND #pk BETWEEN :lowest AND :highest")
            .expression_attribute_names("#hash", name)
            .expression_attribute_names("#pk", crate::item::PK)
            .expression_attribute_values(":hash", text(value))
            .expression_attribute_values(":lowest", text(query.lowest()))
            .expression_attribute_values(":highest", text(query.highest()))
            .scan_index_forward(false)
            .limit(i32::from(limit))
            .send()
            .await
            .map_err(|error| self.sdk_error(about, error))?;
        Ok(pages.items.unwrap_or_default().iter().map(ItemKey::of).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Entropy;

    #[test]
    fn an_id_tells_when_it_was_minted() {
        let now = Timestamp::from_millis(1_795_478_400_123).to_datetime();
        let id = ExecutionId::new(Entropy::from_seed(3).uuid_v7(now));
        assert_eq!(opened_at(id), now);
        assert!(id_bound(now, 0) <= id.to_string());
    }

    #[test]
    fn the_days_go_back_to_the_first_one_asked_for() {
        let now = Timestamp::from_millis(1_795_478_400_000).to_datetime();
        let since = now - Days::new(2);
        let query = ListQuery { job: None, since, now, before: None, limit: 5 };
        let days: Vec<_> = query.days().collect();
        assert_eq!(days, ["2026-11-25", "2026-11-24", "2026-11-23", "2026-11-22"]);
    }
}
