//! Which execution a person means: a full ID, its beginning, its end, `JOB/KEY`, or `latest`.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};

use super::ListQuery;
use super::executions::opened_at;
use crate::ControlTable;
use crate::error::Error;
use crate::id::{ExecutionId, ExecutionKey, JobName};
use crate::rows::{ExecutionRow, RowKey};
use crate::store::About;

/// The reference to the newest execution.
const LATEST: &str = "latest";

/// Executions that an ambiguous reference is answered with.
const CANDIDATES: u16 = 5;

/// Keys of a page, where the end of an ID is looked for.
const KEYS_AT_ONCE: u16 = 1_000;

/// Executions among which the end of an ID is looked for: no index is ordered by it. Their keys in `DynamoDB` are some 100 read units.
const ENDS_READ: usize = 10_000;

/// Pages in which the end of an ID is looked for, however few executions they have.
const PAGES_READ: usize = 10;

/// No execution is meant, or more than one, or the table cannot say.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// There is none at all.
    #[error("{} no executions here yet", .job.as_ref().map_or_else(|| "there are".to_owned(), |job| format!("the job {job} has")))]
    NoExecutions {
        /// Of which job, if one was named.
        job: Option<JobName>,
    },
    /// None has that ID.
    #[error("there is no execution {0} here: `list` shows those there are")]
    NotFound(String),
    /// No ID among the newest ones ends so.
    #[error("none of the newest {read} executions has an ID that ends in {end:?}: give the whole ID, or its beginning")]
    NotAmongNewest {
        /// What was given.
        end: String,
        /// Executions that were looked at.
        read: usize,
    },
    /// No execution of the job has that key.
    #[error("the job {job} has no execution with the key {key} here: `list --job {job}` shows those it has")]
    NoKey {
        /// The job.
        job: JobName,
        /// The key.
        key: ExecutionKey,
    },
    /// The execution is one of another job than was named.
    #[error("the execution {execution_id} is not of the job {asked}, but of {job}")]
    OtherJob {
        /// The execution.
        execution_id: ExecutionId,
        /// Its job.
        job: JobName,
        /// The job that was named.
        asked: JobName,
    },
    /// Not a reference.
    #[error("{0:?} is no execution: give its ID, the beginning or the end of it, JOB/KEY, or `latest`")]
    NotAReference(String),
    /// Several have such an ID.
    #[error("{part:?} could be {}: give more of it", list(candidates))]
    Ambiguous {
        /// What was given.
        part: String,
        /// Some of the executions whose IDs begin or end so, newest first.
        candidates: Vec<Candidate>,
    },
    /// The table could not be read.
    #[error(transparent)]
    Table(#[from] Error),
}

impl FindError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Table(error) if error.is_retryable())
    }
}

/// An execution that may be meant.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Candidate {
    pub execution_id: ExecutionId,
    pub job: JobName,
    pub key: ExecutionKey,
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { execution_id, job, key } = self;
        // A key that was made up for its execution says nothing about it.
        let is_made_up =
            key.as_str().len() == execution_id.to_string().len() && uuid::Uuid::try_parse(key.as_str()).is_ok();
        if is_made_up { write!(f, "{execution_id} ({job})") } else { write!(f, "{execution_id} ({job}/{key})") }
    }
}

fn list(candidates: &[Candidate]) -> String {
    candidates.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl ControlTable {
    /// Finds the execution that a person means by `text`; `job` narrows what may be meant to one job. The case of an ID does not matter.
    ///
    /// # Errors
    /// When no execution is meant, or more than one.
    pub async fn find(&self, text: &str, job: Option<&JobName>, now: DateTime<Utc>) -> Result<ExecutionId, FindError> {
        if text == LATEST {
            return self.newest(job, now).await;
        }
        if let Some((name, key)) = text.split_once('/') {
            return self.with_key(text, job, name, key).await;
        }
        let lower = text.to_ascii_lowercase();
        if let Ok(execution_id) = lower.parse::<ExecutionId>() {
            let row = self.execution(execution_id).await?.ok_or_else(|| FindError::NotFound(text.to_owned()))?;
            return of_job(row.execution_id, row.job, job);
        }
        let part = Part::parse(&lower).ok_or_else(|| FindError::NotAReference(text.to_owned()))?;
        let asked = ListQuery { job: job.cloned(), ..ListQuery::all(now, CANDIDATES) };
        let (keys, unread) = self.with_part(&part, &asked).await?;
        match self.that_exist(&keys).await?.as_slice() {
            [] => Err(match unread {
                Some(read) => FindError::NotAmongNewest { end: text.to_owned(), read },
                None => FindError::NotFound(text.to_owned()),
            }),
            [one] => Ok(one.execution_id),
            many => Err(FindError::Ambiguous { part: text.to_owned(), candidates: many.to_vec() }),
        }
    }

    async fn newest(&self, job: Option<&JobName>, now: DateTime<Utc>) -> Result<ExecutionId, FindError> {
        let query = ListQuery { job: job.cloned(), ..ListQuery::all(now, 1) };
        let newest = self.executions(&query).await?.executions;
        newest.first().map(|row| row.execution_id).ok_or_else(|| FindError::NoExecutions { job: job.cloned() })
    }

    async fn with_key(
        &self,
        text: &str,
        asked: Option<&JobName>,
        name: &str,
        key: &str,
    ) -> Result<ExecutionId, FindError> {
        let not_a_reference = |_| FindError::NotAReference(text.to_owned());
        let job: JobName = name.parse().map_err(not_a_reference)?;
        let key: ExecutionKey = key.parse().map_err(not_a_reference)?;
        match self.execution_of_key(&job, &key).await? {
            Some(execution_id) => of_job(execution_id, job, asked),
            None => Err(FindError::NoKey { job, key }),
        }
    }

    /// The executions whose IDs begin or end so, newest first, at most [`CANDIDATES`]; and the number of executions that were looked at,
    /// if there are older ones.
    async fn with_part(&self, part: &Part, asked: &ListQuery) -> Result<(Vec<RowKey>, Option<usize>), FindError> {
        let mut found = Vec::new();
        if let Some(range) = part.beginning {
            found = self.list_keys(&range.within(asked)).await?.keys;
            found.retain(|key| id_of(key).is_some_and(|id| range.contains(id)));
        }
        let mut unread = None;
        if let Some(end) = &part.end {
            let (ending, left) = self.ending(end, asked).await?;
            found.extend(ending);
            unread = left;
        }
        found.sort_by_key(|key| std::cmp::Reverse(id_of(key)));
        found.dedup();
        found.truncate(CANDIDATES.into());
        Ok((found, unread))
    }

    /// The newest executions whose IDs end so, and how many were looked at, if not all.
    async fn ending(&self, end: &str, asked: &ListQuery) -> Result<(Vec<RowKey>, Option<usize>), FindError> {
        let mut query = ListQuery { limit: KEYS_AT_ONCE, ..asked.clone() };
        let (mut found, mut read) = (Vec::new(), 0);
        for _ in 0..PAGES_READ {
            let page = self.list_keys(&query).await?;
            read += page.keys.len();
            let ends_so = |key: &RowKey| id_of(key).is_some_and(|id| id.to_string().ends_with(end));
            found.extend(page.keys.into_iter().filter(ends_so));
            query.before = page.next;
            if page.next.is_none() || read >= ENDS_READ || found.len() >= CANDIDATES.into() {
                break;
            }
        }
        Ok((found, query.before.map(|_| read)))
    }

    /// Those of the executions that exist: an index lags behind the table.
    async fn that_exist(&self, keys: &[RowKey]) -> Result<Vec<Candidate>, FindError> {
        let name = self.name();
        let about = About { operation: "find execution", subject: &name };
        let rows: Vec<ExecutionRow> = self.get_many(about, keys).await?;
        let candidate = |row: ExecutionRow| Candidate { execution_id: row.execution_id, job: row.job, key: row.key };
        let mut candidates: Vec<_> = rows.into_iter().map(candidate).collect();
        candidates.sort_by_key(|candidate| std::cmp::Reverse(candidate.execution_id));
        Ok(candidates)
    }
}

/// The execution, if it is of the job that was named.
fn of_job(execution_id: ExecutionId, job: JobName, asked: Option<&JobName>) -> Result<ExecutionId, FindError> {
    match asked.filter(|asked| **asked != job) {
        Some(asked) => Err(FindError::OtherJob { execution_id, job, asked: asked.clone() }),
        None => Ok(execution_id),
    }
}

const fn id_of(key: &RowKey) -> Option<ExecutionId> {
    match key {
        RowKey::Execution(execution_id) => Some(*execution_id),
        _ => None,
    }
}

/// A part of an ID. Its hyphens say which part it is; up to eight digits may be either.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    beginning: Option<Range>,
    end: Option<String>,
}

impl Part {
    /// `None` if no ID has such a part.
    fn parse(text: &str) -> Option<Self> {
        let digits: String = text.chars().filter(|&c| c != '-').collect();
        if digits.is_empty() || digits.len() > 32 {
            return None;
        }
        let beginning = spelled(&format!("{digits:0<32}")).filter(|id| id.starts_with(text));
        let beginning = beginning.and_then(|_| Range::of(&digits));
        let end = spelled(&format!("{digits:0>32}")).filter(|id| id.ends_with(text)).map(|_| text.to_owned());
        (beginning.is_some() || end.is_some()).then_some(Self { beginning, end })
    }
}

/// The IDs that begin with some digits. An ID begins with its time, so they are a span of time, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    lowest: ExecutionId,
    highest: ExecutionId,
}

impl Range {
    fn of(digits: &str) -> Option<Self> {
        let id =
            |digits: String| Some(ExecutionId::new(u128::from_str_radix(&digits, 16).map(uuid::Uuid::from_u128).ok()?));
        Some(Self { lowest: id(format!("{digits:0<32}"))?, highest: id(format!("{digits:f<32}"))? })
    }

    fn contains(self, execution_id: ExecutionId) -> bool {
        (self.lowest..=self.highest).contains(&execution_id)
    }

    /// The query, within this range.
    fn within(self, asked: &ListQuery) -> ListQuery {
        // A list goes back a day at a time from its upper end, so that one should not be in a far future.
        let newest = asked.now.checked_add_signed(TimeDelta::days(1)).unwrap_or(asked.now);
        let after = self.highest.uuid().as_u128().saturating_add(1);
        let before = (opened_at(self.highest) < newest).then(|| ExecutionId::new(uuid::Uuid::from_u128(after)));
        ListQuery { since: opened_at(self.lowest), before, ..asked.clone() }
    }
}

/// Thirty-two digits in an ID's spelling.
fn spelled(digits: &str) -> Option<String> {
    let is_hex = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let uuid = u128::from_str_radix(digits, 16).ok().filter(|_| is_hex)?;
    Some(uuid::Uuid::from_u128(uuid).to_string())
}

#[cfg(test)]
mod tests;
