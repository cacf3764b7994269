//! Claim: a worker takes a segment.
//!
//! Kinesis delivers a record again only after the invocation that had it has ended. So the record that a dead invocation was
//! working on takes its segment back at once, without waiting for the end of the lease. A claim whose answer was lost is
//! recognised by its `claim_id`, a nonce of the invocation, and uses up no attempt.

use crate::clock::Timestamp;
use crate::id::SegmentId;
use crate::operation::{Operation, Update, Write};
use crate::rows::{CorruptItem, RowKey, SegmentRow, SegmentStatus};

/// Claims a segment for an invocation: `PENDING | RUNNING -> RUNNING`, with one more attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Claim {
    pub segment: SegmentId,
    /// The generation in the record.
    pub generation: u32,
    /// The event ID of the record: shard and sequence number.
    pub record: String,
    /// A nonce of the invocation for this record.
    pub claim_id: String,
    /// Attempts that the policy allows in a generation.
    pub max_attempts: u32,
    pub now: Timestamp,
    /// Until when the worker is presumed alive: the end of the invocation plus a margin.
    pub lease_until: Timestamp,
}

/// Outcomes of [`Claim`]; only `Claimed` changes the row.
#[derive(Debug, Clone, PartialEq)]
pub enum ClaimOutcome {
    /// The worker has the segment; the row, with the number of its attempt.
    Claimed(Box<SegmentRow>),
    /// Another worker has the segment.
    Leased {
        /// The end of that worker's lease.
        until: Timestamp,
    },
    /// The segment waits for its retry.
    NotYet {
        /// The earliest moment of the retry.
        retry_at: Timestamp,
    },
    /// The segment has an outcome; its row, with which the worker makes sure that it is counted.
    AlreadyFinished(Box<SegmentRow>),
    /// The last allowed attempt ended without an outcome; the row, with which the worker fails the segment.
    AttemptsUsedUp(Box<SegmentRow>),
    /// The segment is in another generation.
    Stale {
        /// The generation of the segment.
        generation: u32,
    },
    /// There is no such segment.
    Missing,
}

impl Operation for Claim {
    type Rows = Option<SegmentRow>;
    type Outcome = ClaimOutcome;

    const NAME: &'static str = "claim";

    fn subject(&self) -> String {
        self.segment.to_string()
    }

    fn keys(&self) -> Vec<RowKey> {
        vec![RowKey::Segment(self.segment)]
    }

    fn apply(&self, row: &mut Self::Rows) -> Self::Outcome {
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

    fn write(&self) -> Result<Write, CorruptItem> {
        Ok(Write::Update(self.update()))
    }
}

impl Claim {
    fn take(&self, row: &mut SegmentRow) {
        row.status = SegmentStatus::Running;
        row.attempt += 1;
        row.claimed_by = Some(self.record.clone());
        row.claim_id = Some(self.claim_id.clone());
        row.lease_until = Some(self.lease_until);
        row.started_at = Some(self.now);
        row.finished_at = None;
        row.retry_at = None;
        row.retry_puts = 0;
        row.due = None;
    }

    fn update(&self) -> Update {
        Update::new(
            "SET #status = :running, #attempt = #attempt + :one, #claimed_by = :record, #claim_id = :claim, \
             #lease_until = :lease, #started_at = :now REMOVE #finished_at, #retry_at, #retry_puts, #due_shard, #due_at",
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
    fn another_record_of_a_leased_segment_changes_nothing() {
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
    fn a_segment_whose_lease_ended_is_taken_over_until_attempts_are_used_up() {
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
