//! The key item: which execution a job's idempotency key belongs to.

use serde::{Deserialize, Serialize};

use super::{ItemKey, Row};
use crate::id::{ExecutionId, ExecutionKey, JobName};

/// The key item. Written once, by `open`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRow {
    /// The item's `pk`: `KEY#<job>#<key>`. A job name has no `#`, so no two pairs share a spelling.
    pk: String,
    /// The execution that has the key.
    pub execution_id: ExecutionId,
    /// When it is deleted, in seconds since 1970 (`DynamoDB`'s TTL).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
}

impl KeyRow {
    /// The sort key of key items.
    pub const SK: &str = "KEY";

    /// The item that gives this key of this job to an execution.
    #[must_use]
    pub fn new(job: &JobName, key: &ExecutionKey, execution_id: ExecutionId) -> Self {
        Self { pk: Self::key_of(job, key).pk, execution_id, expires_at: None }
    }

    /// The keys of the item of that job and key.
    #[must_use]
    pub fn key_of(job: &JobName, key: &ExecutionKey) -> ItemKey {
        ItemKey { pk: format!("KEY#{job}#{key}"), sk: Self::SK.to_owned() }
    }
}

impl Row for KeyRow {
    fn key(&self) -> ItemKey {
        ItemKey { pk: self.pk.clone(), sk: Self::SK.to_owned() }
    }
}
