//! Lists of executions, newest first, page by page.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use uuid::Uuid;

use crate::ControlTable;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::id::{ExecutionId, ExecutionKey, JobName};
use crate::limits::MAX_TAGS;
use crate::rows::{ExecutionRow, ExecutionStatus, RowKey};
use crate::store::About;
use crate::tags::Tag;

/// Days that a page of a list of all jobs covers at most: it needs a query for each.
const MAX_DAYS: usize = 400;

/// The day before which no execution was opened, because this program was not there. Without it a list of all jobs since ever would go back
/// to 1970.
const FIRST_DAY: Option<NaiveDate> = NaiveDate::from_ymd_opt(2026, 1, 1);

/// Executions that are read at least at a time for a list with filters: one `BatchGetItem`.
const READ_AT_ONCE: u16 = 100;

/// Executions that a page of a list with filters reads at most. The indexes of `DynamoDB` have no status, key or tag, so those are looked
/// for in the rows: a thousand rows of 1 KB are 250 read units, and some tenths of a second.
const READ_FOR_A_PAGE: usize = 1_000;

/// Which executions to list. Every filter narrows the list.
#[derive(Debug, Clone)]
pub struct ListQuery {
    /// Only executions of this job; `None` for all jobs.
    pub job: Option<JobName>,
    /// Only executions with this key; of one job it is one execution, found without a search.
    pub key: Option<ExecutionKey>,
    /// Only executions with one of these statuses; empty for all.
    pub statuses: Vec<ExecutionStatus>,
    /// Only executions with all of these tags.
    pub tags: Vec<Tag>,
    /// Only executions that were opened at this moment or later.
    pub since: DateTime<Utc>,
    /// Only executions that were opened before this moment.
    pub until: Option<DateTime<Utc>>,
    /// The present moment, where a list of all jobs begins.
    pub now: DateTime<Utc>,
    /// Only executions older than this one: the `next` of the page before.
    pub before: Option<ExecutionId>,
    /// The size of a page.
    pub limit: u16,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct ExecutionPage {
    /// Executions, newest first, at most as many as were asked for.
    pub executions: Vec<ExecutionRow>,
    /// Where the list continues, for [`ListQuery::before`], if there may be more: a page of a list with filters may be short, or empty,
    /// and have a next one. It is a place in the order of IDs, and need not be the ID of an execution.
    pub next: Option<ExecutionId>,
}

/// A page of keys, as a store knows them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyPage {
    /// Keys of executions, newest first.
    pub keys: Vec<RowKey>,
    /// Where the list continues, if there may be more.
    pub next: Option<ExecutionId>,
}

impl KeyPage {
    /// The keys of a request that answers with at most `limit` of them.
    #[must_use]
    pub fn new(keys: Vec<RowKey>, limit: u16) -> Self {
        let last = keys.last().filter(|_| keys.len() >= usize::from(limit));
        let next = match last {
            Some(RowKey::Execution(execution_id)) => Some(*execution_id),
            _ => None,
        };
        Self { keys, next }
    }
}

impl ListQuery {
    /// Every execution that there is.
    #[must_use]
    pub const fn all(now: DateTime<Utc>, limit: u16) -> Self {
        Self {
            job: None,
            key: None,
            statuses: Vec::new(),
            tags: Vec::new(),
            since: DateTime::UNIX_EPOCH,
            until: None,
            now,
            before: None,
            limit,
        }
    }

    /// The same list, of executions that were opened on that day (UTC).
    #[must_use]
    pub fn on_day(self, day: NaiveDate) -> Self {
        let begin = |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc();
        Self { since: begin(day), until: day.succ_opt().map(begin), ..self }
    }

    /// Whether the list has this execution, apart from the limit. The meaning of what the stores search by.
    pub(crate) fn takes(&self, row: &ExecutionRow) -> bool {
        let opened_at = opened_at(row.execution_id);
        self.job.as_ref().is_none_or(|job| *job == row.job)
            && self.key.as_ref().is_none_or(|key| *key == row.key)
            && (self.statuses.is_empty() || self.statuses.contains(&row.status))
            && self.tags.iter().all(|tag| row.tags.have(tag))
            && opened_at >= self.since
            && self.until.is_none_or(|until| opened_at < until)
            && self.before.is_none_or(|before| row.execution_id < before)
    }

    /// Whether the list asks for what is in no index of `DynamoDB`.
    const fn has_filters(&self) -> bool {
        self.key.is_some() || !self.statuses.is_empty() || !self.tags.is_empty()
    }

    /// The lowest and the highest ID that the list may have.
    #[cfg(feature = "sqlite")]
    pub(crate) fn bounds(&self) -> (Uuid, Uuid) {
        let bound = |text: String| text.parse().unwrap_or_default();
        (bound(self.lowest()), bound(self.highest()))
    }

    /// The lowest ID that the list may have.
    pub(crate) fn lowest(&self) -> String {
        id_bound(self.since, 0x00).to_string()
    }

    /// The highest ID that the list may have. Without `before` and `until` it is the highest of all, not that of `now`: another machine
    /// whose clock is ahead may have opened an execution later than `now`.
    pub(crate) fn highest(&self) -> String {
        let before = self.before.into_iter().chain(self.until.map(|until| id_bound(until, 0x00))).min();
        let highest = before.map(|before| Uuid::from_u128(before.uuid().as_u128().saturating_sub(1)));
        highest.unwrap_or(Uuid::max()).to_string()
    }

    /// The days on which the executions of a list of all jobs may have been opened, newest first, beginning with the day
    /// after `now`.
    pub(crate) fn days(&self) -> impl Iterator<Item = NaiveDate> {
        let newest = self.before.map_or(self.now, |before| opened_at(before).max(self.since));
        let newest = newest.checked_add_days(Days::new(1)).unwrap_or(newest);
        let newest = self.until.map_or(newest, |until| newest.min(until));
        let oldest = self.oldest_day();
        std::iter::successors(Some(newest.date_naive()), move |day| day.pred_opt().filter(|day| *day >= oldest))
            .take(MAX_DAYS)
    }

    /// Where a list continues that has read every day down to this one; `None` if there is nothing older in it.
    pub(crate) fn after_day(&self, day: NaiveDate) -> Option<ExecutionId> {
        (day > self.oldest_day()).then(|| id_bound(day.and_time(NaiveTime::MIN).and_utc(), 0x00))
    }

    fn oldest_day(&self) -> NaiveDate {
        let since = self.since.date_naive();
        FIRST_DAY.map_or(since, |first| since.max(first))
    }
}

/// The moment in an ID (the first 48 bits of a `UUIDv7` are milliseconds).
pub(super) fn opened_at(execution_id: ExecutionId) -> DateTime<Utc> {
    let millis = execution_id.uuid().as_u128() >> 80;
    Timestamp::from_millis(i64::try_from(millis).unwrap_or(0)).to_datetime()
}

/// The lowest or highest ID of that millisecond, by the byte that fills its random part.
fn id_bound(time: DateTime<Utc>, fill: u8) -> ExecutionId {
    let millis = u64::try_from(time.timestamp_millis()).unwrap_or(0);
    ExecutionId::new(uuid::Builder::from_unix_timestamp_millis(millis, &[fill; 10]).into_uuid())
}

impl ControlTable {
    /// A page of executions, newest first. The list lags behind the table by moments.
    ///
    /// A page is full, or has the rest of the list, or has read so much that it ends early: see [`ExecutionPage::next`].
    pub async fn executions(&self, query: &ListQuery) -> Result<ExecutionPage, Error> {
        if query.tags.len() > MAX_TAGS {
            return Ok(ExecutionPage { executions: Vec::new(), next: None });
        }
        if let (Some(job), Some(key)) = (&query.job, &query.key) {
            return self.execution_with(query, job, key).await;
        }
        let limit = usize::from(query.limit);
        let at_once = if query.has_filters() { query.limit.max(READ_AT_ONCE) } else { query.limit };
        let mut step = ListQuery { limit: at_once, ..query.clone() };
        let (mut executions, mut read) = (Vec::new(), 0);
        loop {
            let (rows, page) = self.read_step(&step).await?;
            read += page.keys.len();
            executions.extend(rows.into_iter().filter(|row| query.takes(row)));
            if executions.len() > limit {
                executions.truncate(limit);
                let next = executions.last().map(|row| row.execution_id);
                return Ok(ExecutionPage { executions, next });
            }
            // A step that was not full has read as many days as a page may.
            let is_over = executions.len() == limit || read >= READ_FOR_A_PAGE || page.keys.len() < at_once.into();
            match page.next.filter(|_| !is_over) {
                Some(next) => step.before = Some(next),
                None => return Ok(ExecutionPage { executions, next: page.next }),
            }
        }
    }

    /// The executions of a step, newest first, and the page of their keys.
    async fn read_step(&self, step: &ListQuery) -> Result<(Vec<ExecutionRow>, KeyPage), Error> {
        let name = self.name();
        let page = self.list_keys(step).await?;
        let about = About { operation: "list executions", subject: &name };
        let mut rows: Vec<ExecutionRow> = self.get_many(about, &page.keys).await?;
        rows.sort_by_key(|execution| std::cmp::Reverse(execution.execution_id));
        Ok((rows, page))
    }

    /// A page of keys. It may have executions that the list's filters exclude, if the store has no index for them.
    pub(super) async fn list_keys(&self, query: &ListQuery) -> Result<KeyPage, Error> {
        // `DynamoDB` refuses a range whose end is before its beginning.
        if query.lowest() > query.highest() {
            Ok(KeyPage::default())
        } else {
            self.store().list_executions(query).await
        }
    }

    /// The execution that has this key of the job, if the list has it.
    async fn execution_with(
        &self,
        query: &ListQuery,
        job: &JobName,
        key: &ExecutionKey,
    ) -> Result<ExecutionPage, Error> {
        let found = match self.execution_of_key(job, key).await? {
            Some(execution_id) => self.execution(execution_id).await?,
            None => None,
        };
        let executions = found.into_iter().filter(|row| query.takes(row)).take(query.limit.into()).collect();
        Ok(ExecutionPage { executions, next: None })
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
        assert!(id_bound(now, 0) <= id);
    }

    #[test]
    fn the_days_go_back_to_the_first_one_asked_for() {
        let now = Timestamp::from_millis(1_795_478_400_000).to_datetime();
        let since = now - Days::new(2);
        let query = ListQuery { since, ..ListQuery::all(now, 5) };
        let days = |query: &ListQuery| query.days().map(|day| day.to_string()).collect::<Vec<_>>();
        assert_eq!(days(&query), ["2026-11-25", "2026-11-24", "2026-11-23", "2026-11-22"]);
        let until = ListQuery { until: Some(now - TimeDelta::hours(30)), ..query.clone() };
        assert_eq!(days(&until), ["2026-11-22"]);
        let one = query.on_day("2026-11-23".parse().unwrap());
        // Midnight itself is not in it, but a query of the day after it costs little.
        assert_eq!(days(&one), ["2026-11-24", "2026-11-23"]);
        let all = ListQuery::all(now, 5);
        assert_eq!(days(&all).last().unwrap(), "2026-01-01");
        assert_eq!(all.after_day(FIRST_DAY.unwrap()), None);
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
            None => query.days().flat_map(|day| partition(&|row| row.day == day.to_string())).collect(),
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
                for (limit, until) in [(1, None), (4, Some(now - TimeDelta::hours(30))), (100, None)] {
                    let (job, since) = (job.clone(), now - TimeDelta::hours(hours));
                    let query = ListQuery { job, since, until, before, ..ListQuery::all(now, limit) };
                    let found = indexed(&query, &rows);
                    assert_eq!(found, taken(&query, &rows), "{query:?}");
                    listed += found.len();
                }
            }
        }
        assert!(listed > 1_000, "{listed}");
    }
}
