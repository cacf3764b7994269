//! Lists of executions, newest first.

use chrono::{DateTime, Days, Utc};
use uuid::Uuid;

use crate::ControlTable;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::id::{ExecutionId, JobName};
use crate::rows::ExecutionRow;
use crate::store::About;

/// Days that a list of all jobs covers at most: it needs a query for each.
const MAX_DAYS: usize = 400;

/// Which executions to list.
#[derive(Debug, Clone)]
pub struct ListQuery {
    /// Only executions of this job; `None` for all jobs.
    pub job: Option<JobName>,
    /// Only executions that were opened at this moment or later.
    pub since: DateTime<Utc>,
    /// The present moment, where a list of all jobs begins.
    pub now: DateTime<Utc>,
    /// Only executions older than this one, the last of the previous page.
    pub before: Option<ExecutionId>,
    /// The size of a page.
    pub limit: u16,
}

impl ListQuery {
    /// Whether the list has this execution, apart from the limit. The meaning of what the `DynamoDB` store asks the indexes with
    /// [`Self::days`], [`Self::lowest`] and [`Self::highest`].
    pub(crate) fn takes(&self, row: &ExecutionRow) -> bool {
        self.job.as_ref().is_none_or(|job| *job == row.job)
            && opened_at(row.execution_id) >= self.since
            && self.before.is_none_or(|before| row.execution_id < before)
    }

    /// The lowest and the highest ID that the list may have.
    #[cfg(feature = "sqlite")]
    pub(crate) fn bounds(&self) -> (Uuid, Uuid) {
        let bound = |text: String| text.parse().unwrap_or_default();
        (bound(self.lowest()), bound(self.highest()))
    }

    /// The lowest ID that the list may have.
    pub(crate) fn lowest(&self) -> String {
        id_bound(self.since, 0x00)
    }

    /// The highest ID that the list may have. Without `before` it is the highest of all, not that of `now`: another machine
    /// whose clock is ahead may have opened an execution later than `now`.
    pub(crate) fn highest(&self) -> String {
        match self.before {
            Some(before) => Uuid::from_u128(before.uuid().as_u128().saturating_sub(1)).to_string(),
            None => Uuid::max().to_string(),
        }
    }

    /// The days on which the executions of a list of all jobs may have been opened, newest first, beginning with the day
    /// after `now`.
    pub(crate) fn days(&self) -> impl Iterator<Item = String> {
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

/// The lowest or highest ID of that millisecond, by the byte that fills its random part.
fn id_bound(time: DateTime<Utc>, fill: u8) -> String {
    let millis = u64::try_from(time.timestamp_millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &[fill; 10]).into_uuid().to_string()
}

impl ControlTable {
    /// Executions, newest first. If a page is full, the next one is read with `before` set to its last. The list lags behind
    /// the table by moments.
    pub async fn executions(&self, query: &ListQuery) -> Result<Vec<ExecutionRow>, Error> {
        let name = self.name();
        let about = About { operation: "list executions", subject: &name };
        let keys = self.store().list_executions(query).await?;
        let mut executions: Vec<ExecutionRow> = self.get_many(about, &keys).await?;
        executions.sort_by_key(|execution| std::cmp::Reverse(execution.execution_id));
        Ok(executions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    use crate::clock::Entropy;
    use crate::operation::testing::opened as opened_row;

    #[test]
    fn an_id_has_the_moment_of_its_execution() {
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

    /// An execution of that job, opened at that moment.
    fn execution(job: &str, opened: DateTime<Utc>, number: u8) -> ExecutionRow {
        let millis = u64::try_from(opened.timestamp_millis()).unwrap();
        let uuid = uuid::Builder::from_unix_timestamp_millis(millis, &[number; 10]).into_uuid();
        ExecutionRow {
            execution_id: ExecutionId::new(uuid),
            job: job.parse().unwrap(),
            day: opened.format("%Y-%m-%d").to_string(),
            ..opened_row().unwrap()
        }
    }

    /// What `DynamoDB` answers: the entries of an index in its order, as `store::dynamodb` asks for them.
    fn indexed(query: &ListQuery, rows: &[ExecutionRow]) -> Vec<ExecutionId> {
        let partition = |is_in: &dyn Fn(&ExecutionRow) -> bool| {
            let range = query.lowest()..=query.highest();
            let found = rows.iter().filter(|row| is_in(row)).map(|row| row.execution_id);
            let mut found: Vec<_> = found.filter(|id| range.contains(&id.to_string())).collect();
            found.sort_by_key(|id| std::cmp::Reverse(id.to_string()));
            found
        };
        let mut found = match &query.job {
            Some(job) => partition(&|row| row.job == *job),
            None => query.days().flat_map(|day| partition(&|row| row.day == day)).collect(),
        };
        found.truncate(query.limit.into());
        found
    }

    fn taken(query: &ListQuery, rows: &[ExecutionRow]) -> Vec<ExecutionId> {
        let mut found: Vec<_> = rows.iter().filter(|row| query.takes(row)).map(|row| row.execution_id).collect();
        found.sort_by_key(|id| std::cmp::Reverse(*id));
        found.truncate(query.limit.into());
        found
    }

    #[test]
    fn the_indexes_answer_with_what_a_query_takes() {
        let now = Timestamp::from_millis(1_795_478_400_000).to_datetime();
        // Every seven hours, until a few hours after `now`; some at the same millisecond.
        let moments = (0..14).map(|number| now - TimeDelta::hours(88) + TimeDelta::hours(7 * number));
        let rows: Vec<_> = moments
            .flat_map(|opened| [("a", 1), ("b", 2), ("a", 3)].map(|(job, number)| execution(job, opened, number)))
            .collect();
        let jobs = [None, Some("a"), Some("c")].map(|job| job.map(|job| job.parse().unwrap()));
        let befores = rows.iter().map(|row| Some(row.execution_id)).chain([None]);
        let mut listed = 0;
        for before in befores {
            for (job, hours) in jobs.iter().flat_map(|job| [1, 24, 88, 89, 500].map(|hours| (job.clone(), hours))) {
                for limit in [1, 4, 100] {
                    let query =
                        ListQuery { job: job.clone(), since: now - TimeDelta::hours(hours), now, before, limit };
                    let found = indexed(&query, &rows);
                    assert_eq!(found, taken(&query, &rows), "{query:?}");
                    listed += found.len();
                }
            }
        }
        assert!(listed > 1_000, "{listed}");
    }
}
