//! The key row: the execution that has an idempotency key of a job.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ItemKey;
use crate::id::{ExecutionId, ExecutionKey, InvalidId, JobName};

/// The key item. Written once, by [`crate::operation::Open`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRow {
    /// Job and key; the item's `pk`.
    #[serde(rename = "pk")]
    of: JobAndKey,
    /// The execution that has the key.
    pub execution_id: ExecutionId,
}

/// A job and one of its keys, spelled `KEY#<job>#<key>`. A job name contains no `#`, so no two pairs have the same spelling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct JobAndKey {
    job: JobName,
    key: ExecutionKey,
}

impl fmt::Display for JobAndKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KEY#{}#{}", self.job, self.key)
    }
}

impl FromStr for JobAndKey {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let parts = text.strip_prefix("KEY#").and_then(|rest| rest.split_once('#'));
        let (job, key) = parts.ok_or_else(|| InvalidId::Item(text.to_owned()))?;
        Ok(Self { job: job.parse()?, key: key.parse()? })
    }
}

impl From<JobAndKey> for String {
    fn from(of: JobAndKey) -> Self {
        of.to_string()
    }
}

impl TryFrom<String> for JobAndKey {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl KeyRow {
    /// The sort key of every key item.
    pub const SK: &str = "KEY";

    /// The row by which the execution has this key of the job.
    #[must_use]
    pub fn new(job: &JobName, key: &ExecutionKey, execution_id: ExecutionId) -> Self {
        let of = JobAndKey { job: job.clone(), key: key.clone() };
        Self { of, execution_id }
    }

    /// The job that the key is of.
    #[must_use]
    pub const fn job(&self) -> &JobName {
        &self.of.job
    }

    /// The idempotency key.
    #[must_use]
    pub const fn key(&self) -> &ExecutionKey {
        &self.of.key
    }

    /// The item key of that job and key.
    #[must_use]
    pub fn key_of(job: &JobName, key: &ExecutionKey) -> ItemKey {
        let of = JobAndKey { job: job.clone(), key: key.clone() };
        ItemKey { pk: of.to_string(), sk: Self::SK.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::{from_item, to_item};

    fn row(job: &str, key: &str) -> KeyRow {
        let id = ExecutionId::new(uuid::Uuid::from_u128(5));
        KeyRow::new(&job.parse().unwrap(), &key.parse().unwrap(), id)
    }

    #[test]
    fn a_key_reads_back_what_it_writes_whatever_is_in_it() {
        for key in ["2026-11-24", "#", "a#b#", "KEY#a#b", "\u{1F30D} \u{e9}"] {
            let row = row("nightly", key);
            let item = to_item(&row).unwrap();
            assert_eq!(item["pk"].as_s().unwrap(), &format!("KEY#nightly#{key}"));
            assert_eq!(item["sk"].as_s().unwrap(), KeyRow::SK);
            let read: KeyRow = from_item(item).unwrap();
            assert_eq!((read.job().as_str(), read.key().as_str()), ("nightly", key));
            assert_eq!(read, row);
        }
    }

    #[test]
    fn a_job_and_a_key_have_a_spelling_of_their_own() {
        let [one, other] = [("a", "b#c"), ("b", "a#c")].map(|(job, key)| row(job, key));
        assert_ne!(KeyRow::key_of(one.job(), one.key()), KeyRow::key_of(other.job(), other.key()));
    }

    #[test]
    fn foreign_partition_keys_are_refused() {
        for foreign in ["", "KEY#", "KEY#a", "KEY##b", "KEY#a#", "KEY#a b#c", "key#a#b", "a#b"] {
            assert!(foreign.parse::<JobAndKey>().is_err(), "{foreign}");
        }
    }
}
