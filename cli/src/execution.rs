//! Which execution is meant: a full ID, `latest`, or the beginning of an ID.

use chrono::{DateTime, TimeDelta, Utc};
use control_table::ControlTable;
use control_table::clock::{Clock, Timestamp};
use control_table::id::{ExecutionId, ExecutionKey, JobName};
use control_table::read::ListQuery;

/// Candidates that an ambiguous beginning is answered with.
const CANDIDATES: u16 = 5;

/// No execution is meant, or more than one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// There is none at all.
    #[error("there are no executions here yet")]
    NoExecutions,
    /// None has that ID.
    #[error("there is no execution {0} here: `list` shows those there are")]
    NotFound(String),
    /// No execution of the job has that key.
    #[error("the job {job} has no execution with the key {key} here: leave --attach out to start one")]
    NoKey {
        /// The job.
        job: JobName,
        /// The key.
        key: ExecutionKey,
    },
    /// Not the beginning of an ID.
    #[error("{0:?} is no execution: give its ID, the beginning of it, or `latest`")]
    NotAnId(String),
    /// Several begin like that.
    #[error("{beginning:?} could be {}: give more of it", candidates.join(", "))]
    Ambiguous {
        /// What was given.
        beginning: String,
        /// Some of the IDs that begin so, newest first.
        candidates: Vec<String>,
    },
}

/// Finds the execution that is meant.
pub async fn resolve(
    table: &ControlTable,
    clock: &dyn Clock,
    text: &str,
) -> Result<Result<ExecutionId, IdError>, control_table::Error> {
    if text == "latest" {
        let newest = table.executions(&everything(clock.now(), 1)).await?;
        return Ok(newest.first().map(|row| row.execution_id).ok_or(IdError::NoExecutions));
    }
    // As it was typed, for the messages.
    let typed = text.to_owned();
    let text = text.to_ascii_lowercase();
    if let Ok(execution_id) = text.parse::<ExecutionId>() {
        let row = table.execution(execution_id).await?;
        return Ok(row.map(|row| row.execution_id).ok_or(IdError::NotFound(typed)));
    }
    let Some(range) = Range::of(&text) else {
        return Ok(Err(IdError::NotAnId(typed)));
    };
    let rows = table.executions(&range.query(clock.now())).await?;
    let found: Vec<ExecutionId> = rows.iter().map(|row| row.execution_id).filter(|id| range.contains(*id)).collect();
    Ok(match found.as_slice() {
        [] => Err(IdError::NotFound(typed)),
        [one] => Ok(*one),
        many => {
            let candidates = many.iter().map(ToString::to_string).collect();
            Err(IdError::Ambiguous { beginning: typed, candidates })
        }
    })
}

/// Every execution that there is.
pub const fn everything(now: DateTime<Utc>, limit: u16) -> ListQuery {
    ListQuery { job: None, since: DateTime::UNIX_EPOCH, now, before: None, limit }
}

/// The IDs that begin with some digits. An ID begins with its time, so they are a span of time, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    lowest: u128,
    highest: u128,
}

impl Range {
    fn of(beginning: &str) -> Option<Self> {
        let digits: String = beginning.chars().filter(|&c| c != '-').collect();
        // Hyphens where an ID has them, or what was given was something else.
        let id = uuid_like(&format!("{digits:0<32}"))?;
        if digits.is_empty() || digits.len() > 32 || !id.starts_with(beginning) {
            return None;
        }
        let lowest = u128::from_str_radix(&format!("{digits:0<32}"), 16).ok()?;
        let highest = u128::from_str_radix(&format!("{digits:f<32}"), 16).ok()?;
        Some(Self { lowest, highest })
    }

    fn contains(self, id: ExecutionId) -> bool {
        (self.lowest..=self.highest).contains(&id.uuid().as_u128())
    }

    fn query(self, now: DateTime<Utc>) -> ListQuery {
        // A list goes back a day at a time from its upper end, so that one should not be in a far future.
        let newest = now.checked_add_signed(TimeDelta::days(1)).unwrap_or(now);
        let before = (moment(self.highest) < newest).then(|| self.highest.saturating_add(1));
        let before = before.and_then(|id| uuid_like(&format!("{id:032x}"))?.parse().ok());
        ListQuery { job: None, since: moment(self.lowest), now, before, limit: CANDIDATES }
    }
}

/// Thirty-two digits in an ID's spelling.
fn uuid_like(digits: &str) -> Option<String> {
    let is_hex = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| {
        let part = |range: std::ops::Range<usize>| &digits[range];
        format!("{}-{}-{}-{}-{}", part(0..8), part(8..12), part(12..16), part(16..20), part(20..32))
    })
}

/// The moment in an ID: its first 48 bits are milliseconds.
fn moment(id: u128) -> DateTime<Utc> {
    Timestamp::from_millis(i64::try_from(id >> 80).unwrap_or(0)).to_datetime()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use control_table::clock::Entropy;
    use control_table::operation::Open;
    use control_table::policy::Policy;
    use control_table::rows::PlanKind;
    use control_table::store::DynamoDbStore;
    use emulator::embedded::EmbeddedDynamoDb;

    #[derive(Debug)]
    struct At(DateTime<Utc>);

    impl Clock for At {
        fn now(&self) -> DateTime<Utc> {
            self.0
        }
    }

    /// 2026-11-24 00:00 UTC.
    const DAY: i64 = 1_795_478_400_000;

    async fn table_with(moments: &[i64]) -> (ControlTable, Vec<ExecutionId>) {
        let entropy = Arc::new(Entropy::from_seed(4));
        let client = EmbeddedDynamoDb::in_memory().unwrap().client();
        let store = DynamoDbStore::new(client, "control", Arc::clone(&entropy));
        store.create().await.unwrap();
        let table = ControlTable::new(store);
        let mut ids = Vec::new();
        for &millis in moments {
            let now = Timestamp::from_millis(millis);
            let execution_id = ExecutionId::new(entropy.uuid_v7(now.to_datetime()));
            let open = Open {
                execution_id,
                job: "job".parse().unwrap(),
                key: execution_id.to_string().parse().unwrap(),
                policy: Policy::default(),
                expected: None,
                kind: PlanKind::Planned,
                asked: String::new(),
                source: serde_json::Value::Null,
                parameters: serde_json::Value::Null,
                trace: None,
                now,
                due_at: now,
            };
            table.execute(&open).await.unwrap();
            ids.push(execution_id);
        }
        (table, ids)
    }

    async fn found(table: &ControlTable, text: &str) -> Result<ExecutionId, IdError> {
        let clock = At(Timestamp::from_millis(DAY + 3_600_000).to_datetime());
        resolve(table, &clock, text).await.unwrap()
    }

    #[tokio::test]
    async fn latest_full_and_beginning() {
        let (table, ids) = table_with(&[DAY - 90 * 86_400_000, DAY, DAY + 1_000]).await;
        assert_eq!(found(&table, "latest").await, Ok(ids[2]));
        assert_eq!(found(&table, &ids[0].to_string()).await, Ok(ids[0]));
        assert_eq!(found(&table, &ids[0].to_string().to_uppercase()).await, Ok(ids[0]));
        for length in [4, 9, 13, 14, 15, 20, 35] {
            assert_eq!(found(&table, &ids[0].to_string()[..length]).await, Ok(ids[0]), "{length}");
        }
        assert_eq!(found(&table, &ids[1].to_string()[..20]).await, Ok(ids[1]));
        assert_eq!(found(&table, &ids[2].to_string()[..20]).await, Ok(ids[2]));
    }

    #[tokio::test]
    async fn an_ambiguous_beginning_says_which() {
        let (table, ids) = table_with(&[DAY, DAY + 1]).await;
        let Err(IdError::Ambiguous { candidates, .. }) = found(&table, &ids[0].to_string()[..8]).await else {
            panic!("not ambiguous");
        };
        assert_eq!(candidates, [ids[1].to_string(), ids[0].to_string()]);
    }

    #[tokio::test]
    async fn what_is_not_there() {
        let (table, _) = table_with(&[]).await;
        assert_eq!(found(&table, "latest").await, Err(IdError::NoExecutions));
        assert_eq!(found(&table, "0193").await, Err(IdError::NotFound("0193".to_owned())));
        let full = "0193a5b0-3c1e-7d2f-8a4b-5c6d7e8f9a0b";
        assert_eq!(found(&table, full).await, Err(IdError::NotFound(full.to_owned())));
        for typed in [full.to_uppercase(), "FFFF".to_owned()] {
            assert_eq!(found(&table, &typed).await, Err(IdError::NotFound(typed.clone())), "as it was typed");
        }
        for text in ["", "xyz", "2026-11-24T08", "0193a5b03c1e", "0193a5b0-3c1e-7d2f-8a4b-5c6d7e8f9a0b0", "-", "last"] {
            assert_eq!(found(&table, text).await, Err(IdError::NotAnId(text.to_owned())), "{text}");
        }
    }
}
