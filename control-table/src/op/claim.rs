//! **claim**: a worker takes a segment.
//!
//! Kinesis repeats a record only after its invocation ended, so the record that was being worked on when Lambda died takes
//! its segment back at once, without waiting for the lease. A claim whose answer was lost knows itself again by its
//! `claim_id`, a nonce of the invocation, and uses up no attempt.

use aws_sdk_dynamodb::types::ReturnValue;

use crate::clock::Timestamp;
use crate::error::Error;
use crate::id::SegmentId;
use crate::item::{SegmentRow, SegmentStatus};
use crate::table::{About, ControlTable, Write, Written};

/// Claims a segment for one invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The segment.
    pub segment: SegmentId,
    /// The generation of the record.
    pub generation: u32,
    /// The record's event ID: shard and sequence number.
    pub record: String,
    /// The invocation's nonce for this record.
    pub claim_id: String,
    /// Attempts that the policy allows.
    pub max_attempts: u32,
    /// The present moment.
    pub now: Timestamp,
    /// Until when the worker may be presumed alive: what is left of the invocation plus a margin.
    pub lease_until: Timestamp,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq)]
pub enum ClaimOutcome {
    /// It is this worker's: the row, with its attempt.
    Claimed(Box<SegmentRow>),
    /// Another worker has it until then.
    Leased {
        /// The end of its lease.
        until: Timestamp,
    },
    /// It waits for its retry.
    NotYet {
        /// When it may be tried again.
        retry_at: Timestamp,
    },
    /// It has its outcome; the row, so that the tally can be made sure of.
    AlreadyFinished(Box<SegmentRow>),
    /// Its last allowed attempt ended without a word; the row, so that it can be failed.
    AttemptsUsedUp(Box<SegmentRow>),
    /// The record is of another generation than the row.
    Stale {
        /// The row's generation.
        generation: u32,
    },
    /// There is no such segment.
    Missing,
}

impl Claim {
    /// What it means.
    pub fn apply(&self, row: &mut Option<SegmentRow>) -> ClaimOutcome {
        let Some(row) = row else { return ClaimOutcome::Missing };
        if row.generation != self.generation {
            return ClaimOutcome::Stale { generation: row.generation };
        }
        match row.status {
            SegmentStatus::Succeeded | SegmentStatus::Failed | SegmentStatus::Cancelled => {
                return ClaimOutcome::AlreadyFinished(Box::new(row.clone()));
            }
            SegmentStatus::Pending => {
                if let Some(retry_at) = row.retry_at.filter(|&retry_at| retry_at > self.now) {
                    return ClaimOutcome::NotYet { retry_at };
                }
            }
            SegmentStatus::Running => {
                let same_record = row.claimed_by.as_deref() == Some(&self.record);
                if same_record && row.claim_id.as_deref() == Some(&self.claim_id) {
                    return ClaimOutcome::Claimed(Box::new(row.clone()));
                }
                if let Some(until) = row.lease_until.filter(|&until| until > self.now && !same_record) {
                    return ClaimOutcome::Leased { until };
                }
                if row.attempt >= self.max_attempts {
                    return ClaimOutcome::AttemptsUsedUp(Box::new(row.clone()));
                }
            }
        }
        self.take(row);
        ClaimOutcome::Claimed(Box::new(row.clone()))
    }

    fn take(&self, row: &mut SegmentRow) {
        row.status = SegmentStatus::Running;
        row.attempt += 1;
        row.claimed_by = Some(self.record.clone());
        row.claim_id = Some(self.claim_id.clone());
        row.lease_until = Some(self.lease_until);
        row.started_at = Some(self.now);
        row.finished_at = None;
        row.retry_at = None;
        row.due = None;
    }

    fn write(&self) -> Write {
        Write::new(
            "SET #status = :running, #attempt = #attempt + :one, #claimed_by = :record, #claim_id = :claim, \
             #lease_until = :lease, #started_at = :now REMOVE #finished_at, #retry_at, #due_shard, #due_at",
            "#generation = :generation AND (\
             (#status = :pending AND (attribute_not_exists(#retry_at) OR #retry_at <= :now)) OR \
             (#status = :running AND #attempt < :max AND \
             ((#claimed_by = :record AND #claim_id <> :claim) OR \
             (#claimed_by <> :record AND (attribute_not_exists(#lease_until) OR #lease_until <= :now)))))",
        )
        .text("running", SegmentStatus::Running.as_str())
        .text("pending", SegmentStatus::Pending.as_str())
        .text("record", &*self.record)
        .text("claim", &*self.claim_id)
        .number("one", 1)
        .number("max", self.max_attempts)
        .number("generation", self.generation)
        .number("now", self.now.as_millis())
        .number("lease", self.lease_until.as_millis())
    }
}

impl ControlTable {
    /// Claims a segment.
    ///
    /// # Errors
    /// When the table cannot be written or read.
    pub async fn claim(&self, request: &Claim) -> Result<ClaimOutcome, Error> {
        let about = About { operation: "claim", subject: &request.segment };
        let key = SegmentRow::key_of(request.segment);
        match self.update(about, key, request.write(), ReturnValue::AllNew).await? {
            Written::Applied(Some(item)) => Ok(ClaimOutcome::Claimed(Box::new(about.read(item)?))),
            Written::Applied(None) => Err(about.disagreement()),
            Written::Refused(item) => {
                let met: Option<SegmentRow> = item.map(|item| about.read(item)).transpose()?;
                let mut row = met.clone();
                let outcome = request.apply(&mut row);
                if row == met { Ok(outcome) } else { Err(about.disagreement()) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ExecutionId;
    use serde_json::Value;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn claim(record: &str, claim_id: &str, now: i64) -> Claim {
        let segment = ExecutionId::new(uuid::Uuid::from_u128(1)).segment(5);
        Claim {
            segment,
            generation: 1,
            record: record.to_owned(),
            claim_id: claim_id.to_owned(),
            max_attempts: 2,
            now: at(now),
            lease_until: at(now + 100),
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "apply takes a row that may be absent")]
    fn pending() -> Option<SegmentRow> {
        Some(SegmentRow::pending(claim("r", "c", 0).segment, Value::Null, 1, at(0)))
    }

    #[test]
    fn a_duplicate_of_a_leased_segment_changes_nothing() {
        let mut row = pending();
        assert!(matches!(claim("first", "a", 0).apply(&mut row), ClaimOutcome::Claimed(_)));
        let before = row.clone();
        assert_eq!(claim("second", "b", 50).apply(&mut row), ClaimOutcome::Leased { until: at(100) });
        assert_eq!(row, before);
    }

    #[test]
    fn the_same_record_takes_its_segment_back_before_the_lease_ends() {
        let mut row = pending();
        claim("first", "a", 0).apply(&mut row);
        let ClaimOutcome::Claimed(again) = claim("first", "b", 1).apply(&mut row) else { panic!("{row:?}") };
        assert_eq!(again.attempt, 2);
    }

    #[test]
    fn a_claim_whose_answer_was_lost_uses_up_no_attempt() {
        let mut row = pending();
        claim("first", "a", 0).apply(&mut row);
        let ClaimOutcome::Claimed(again) = claim("first", "a", 1).apply(&mut row) else { panic!("{row:?}") };
        assert_eq!(again.attempt, 1);
    }

    #[test]
    fn a_lease_that_ran_out_is_taken_over_until_attempts_are_used_up() {
        let mut row = pending();
        claim("first", "a", 0).apply(&mut row);
        assert!(matches!(claim("second", "b", 100).apply(&mut row), ClaimOutcome::Claimed(_)));
        assert!(matches!(claim("third", "c", 300).apply(&mut row), ClaimOutcome::AttemptsUsedUp(_)));
    }

    #[test]
    fn a_retry_waits_for_its_moment() {
        let mut row = pending();
        if let Some(row) = &mut row {
            row.retry_at = Some(at(10));
        }
        assert_eq!(claim("r", "c", 9).apply(&mut row), ClaimOutcome::NotYet { retry_at: at(10) });
        assert!(matches!(claim("r", "c", 10).apply(&mut row), ClaimOutcome::Claimed(_)));
    }

    #[test]
    fn a_record_of_another_generation_is_stale() {
        let mut row = pending();
        let late = Claim { generation: 2, ..claim("r", "c", 0) };
        assert_eq!(late.apply(&mut row), ClaimOutcome::Stale { generation: 1 });
        assert_eq!(late.apply(&mut None), ClaimOutcome::Missing);
    }
}
