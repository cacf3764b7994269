//! The execution, held against the sum of its tallies; and its key.

use serde_json::Value;

use crate::clock::Timestamp;
use crate::item::{Counts, Due, ExecutionRow, ExecutionStatus, KeyRow, Stop, TallyRow};
use crate::op::{Complete, CompleteOutcome, Restore};

use super::difference::{Difference, Differences};
use super::{Correction, Seen};

/// What the tallies of an execution add up to, one after the other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sums {
    /// Groups.
    pub groups: u64,
    /// Segments.
    pub segments: u64,
    /// Segments without an outcome.
    pub pending: u64,
    /// Groups that are folded.
    pub groups_done: u64,
    /// Segments succeeded, in folded groups.
    pub succeeded: u64,
    /// Segments failed, in folded groups.
    pub failed: u64,
    /// Segments cancelled, in folded groups.
    pub cancelled: u64,
    /// Attempts made, in folded groups.
    pub attempts: u64,
    /// What the folded groups add up to.
    pub counts: Counts,
}

impl Sums {
    /// Adds one tally of an execution that is in that generation.
    pub fn add(&mut self, tally: &TallyRow, generation: u32) {
        self.groups += 1;
        self.segments += tally.size;
        self.pending += tally.pending;
        if tally.folded == tally.generation && tally.generation <= generation {
            self.groups_done += 1;
            self.succeeded += tally.succeeded.len() as u64;
            self.failed += tally.failed.len() as u64;
            self.cancelled += tally.cancelled.len() as u64;
            self.attempts += tally.attempts;
            self.counts.add(&tally.counts);
        }
    }

    const fn is_complete(&self) -> bool {
        self.pending == 0 && self.groups_done == self.groups
    }
}

/// What a recount of an execution comes to.
pub type ExecutionRecount = Option<Correction<ExecutionRow>>;

/// Recounts an execution that was read before the tallies which those sums are of.
#[must_use]
pub fn recount_execution(seen: &Seen<ExecutionRow>, sums: &Sums, now: Timestamp) -> ExecutionRecount {
    let mut differences = Differences::of(format!("execution {}", seen.row.execution_id));
    let mut row = seen.row.clone();
    count(seen, &mut row, sums, &mut differences);
    let counts_are_wrong = !differences.found.is_empty();
    check_published(seen, &mut row, &mut differences);
    check_status(&mut row, sums, counts_are_wrong, now, &mut differences);
    check_moments(&mut row, now, &mut differences);
    let restore = Restore::of(Some(seen), row);
    (!differences.found.is_empty()).then_some(Correction { differences: differences.found, restore })
}

fn count(seen: &Seen<ExecutionRow>, row: &mut ExecutionRow, sums: &Sums, differences: &mut Differences) {
    for (name, value, expected) in [
        ("groups", &mut row.groups, sums.groups),
        ("groups_done", &mut row.groups_done, sums.groups_done),
        ("segments", &mut row.segments, sums.segments),
        ("succeeded", &mut row.succeeded, sums.succeeded),
        ("failed", &mut row.failed, sums.failed),
        ("cancelled", &mut row.cancelled, sums.cancelled),
        ("attempts", &mut row.attempts, sums.attempts),
        ("duration_ms", &mut row.counts.duration_ms, sums.counts.duration_ms),
    ] {
        differences.compare(name, seen.number(name, *value), expected);
        *value = expected;
    }
    let before = differences.found.len();
    differences.compare_counts(&row.counts, &sums.counts);
    if differences.found.len() > before {
        row.counts = sums.counts.clone();
    }
}

/// A generation is marked as published once it is complete.
fn check_published(seen: &Seen<ExecutionRow>, row: &mut ExecutionRow, differences: &mut Differences) {
    let is_below_zero = seen.below_zero.contains_key("published_generation");
    let is_ahead = row.published_generation > row.generation
        || (row.published_generation == row.generation && !row.status.is_terminal());
    if is_ahead || is_below_zero {
        let expected = row.generation.saturating_sub(1);
        let found = seen.number("published_generation", u64::from(row.published_generation));
        let correction =
            format!("set to {expected}; the event of the generation goes out, again if it did, with the same ID");
        differences.note("published_generation", found, expected, &correction);
        row.published_generation = expected;
    }
}

fn check_status(
    row: &mut ExecutionRow,
    sums: &Sums,
    counts_are_wrong: bool,
    now: Timestamp,
    differences: &mut Differences,
) {
    let found = row.status;
    if !found.is_terminal() {
        if found == ExecutionStatus::Scattering && row.sealed_at.is_some() {
            set_status(row, ExecutionStatus::Running, "set to \"RUNNING\": it is sealed", differences);
        }
    } else if !sums.is_complete() && row.is_unpublished() {
        let status = open_status(row);
        let correction = format!("set to \"{}\": it completes once its segments have their outcomes", status.as_str());
        set_status(row, status, &correction, differences);
    } else if sums.is_complete() {
        let verdict = verdict(row, now);
        if verdict != found && is_surely_wrong(row, verdict, counts_are_wrong) {
            let correction = if row.is_unpublished() {
                format!("set to \"{}\"", verdict.as_str())
            } else {
                format!(
                    "set to \"{}\"; consumers were told {} by the event of generation {}, and no other event is sent",
                    verdict.as_str(),
                    found.as_str(),
                    row.generation
                )
            };
            set_status(row, verdict, &correction, differences);
        }
    }
}

fn set_status(row: &mut ExecutionRow, status: ExecutionStatus, correction: &str, differences: &mut Differences) {
    differences.note("status", row.status.as_str(), status.as_str(), correction);
    row.status = status;
}

/// Where an execution stands that is not complete, by what its operations leave on it.
const fn open_status(row: &ExecutionRow) -> ExecutionStatus {
    if row.stopped.is_some() {
        ExecutionStatus::Cancelling
    } else if row.redrive.is_some() {
        ExecutionStatus::Redriving
    } else if row.sealed_at.is_some() {
        ExecutionStatus::Running
    } else {
        ExecutionStatus::Scattering
    }
}

/// How the execution ends, as the operation that completes one says.
fn verdict(row: &ExecutionRow, now: Timestamp) -> ExecutionStatus {
    let was_stopped = row.stopped.is_some() || (row.status == ExecutionStatus::Cancelled && row.cancelled > 0);
    let status = if was_stopped { ExecutionStatus::Cancelling } else { ExecutionStatus::Running };
    let stopped = row.stopped.or(was_stopped.then_some(Stop::Requested));
    let mut open = Some(ExecutionRow { status, stopped, ..row.clone() });
    match (Complete { generation: row.generation, now, due_at: now }).apply(&mut open) {
        CompleteOutcome::Completed(row) => row.status,
        CompleteOutcome::AlreadyComplete(_) | CompleteOutcome::NotYet | CompleteOutcome::Stale => row.status,
    }
}

/// The failures tolerated may have been changed since: then the verdict was right when it was given, unless the counts that it
/// was made of are found wrong, or no tolerance explains it.
fn is_surely_wrong(row: &ExecutionRow, verdict: ExecutionStatus, counts_are_wrong: bool) -> bool {
    let is_by_tolerance = |status| matches!(status, ExecutionStatus::Succeeded | ExecutionStatus::Failed);
    let by_tolerance =
        row.stopped.is_none() && row.failed > 0 && is_by_tolerance(row.status) && is_by_tolerance(verdict);
    !by_tolerance || counts_are_wrong || row.is_unpublished()
}

/// When it finished, and when it is looked at again.
fn check_moments(row: &mut ExecutionRow, now: Timestamp, differences: &mut Differences) {
    match (row.status.is_terminal(), row.finished_at) {
        (true, None) => {
            let correction = "set to the present moment: when it was is lost";
            differences.note("finished_at", Value::Null, now.as_millis(), correction);
            row.finished_at = Some(now);
        }
        (false, Some(finished_at)) => {
            let correction = "remove it: the execution is not complete";
            differences.note("finished_at", finished_at.as_millis(), Value::Null, correction);
            row.finished_at = None;
        }
        _ => {}
    }
    let waits = !row.status.is_terminal() || row.is_unpublished();
    match row.due {
        None if waits => {
            let correction = "put into the due index, so that the sweeper looks after it";
            differences.note("due_at", Value::Null, now.as_millis(), correction);
            row.due = Some(Due::execution(row.execution_id, now));
        }
        Some(due) if !waits && row.notices.is_empty() => {
            let correction = "remove it: the execution waits for nothing";
            differences.note("due_at", due.due_at.as_millis(), Value::Null, correction);
            row.due = None;
        }
        _ => {}
    }
}

/// Who has an execution's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyHolder {
    /// Nobody: there is no key item.
    Nobody,
    /// The key item names that execution, or one that is not there or has another key.
    Item(KeyRow),
    /// Another execution of the same job and key, which is there: opened once the retention of this one was over.
    Another,
}

/// Recounts the key of an execution.
#[must_use]
pub fn recount_key(execution: &ExecutionRow, holder: &KeyHolder, now: Timestamp) -> Option<Correction<KeyRow>> {
    let is_over = execution.expires_at.is_some_and(|at| at <= now.as_ttl_seconds());
    let mut row = KeyRow::new(&execution.job, &execution.key, execution.execution_id);
    row.expires_at = execution.expires_at;
    let item = format!("key {} of job {}", execution.key, execution.job);
    let expected = execution.execution_id.to_string();
    match holder {
        KeyHolder::Another => None,
        KeyHolder::Nobody if is_over => None,
        KeyHolder::Nobody => {
            let difference =
                Difference::missing(&item, expected, "make it again, so that the key opens no second execution");
            Some(Correction { differences: vec![difference], restore: Restore::of(None, row) })
        }
        KeyHolder::Item(found) if found.execution_id == execution.execution_id => None,
        KeyHolder::Item(found) => {
            let difference = Difference::field(&item, "execution_id", found.execution_id.to_string(), expected);
            let seen = Seen::from(found.clone());
            row.expires_at = found.expires_at;
            Some(Correction { differences: vec![difference], restore: Restore::of(Some(&seen), row) })
        }
    }
}
