//! The invariants of the design, asserted at the end of every end-to-end test.

use std::path::Path;

use control_table::ControlTable;
use control_table::id::ExecutionId;
use control_table::message::CompletionEvent;
use control_table::rows::{Counts, ExecutionRow, SegmentRow, SegmentStatus, TallyOutcome, TallyRow};

use crate::events::events_of;

/// Sums over rows, made from nothing but the rows.
#[derive(Debug, Default, PartialEq)]
struct Recount {
    segments: u64,
    succeeded: u64,
    failed: u64,
    cancelled: u64,
    attempts: u64,
    counts: Counts,
}

impl Recount {
    fn add(&mut self, row: &SegmentRow) {
        self.segments += 1;
        match row.status {
            SegmentStatus::Succeeded => self.succeeded += 1,
            SegmentStatus::Failed => self.failed += 1,
            SegmentStatus::Cancelled => self.cancelled += 1,
            SegmentStatus::Pending | SegmentStatus::Running => panic!("{row:?} has no outcome"),
        }
        self.attempts += u64::from(row.attempt);
        self.counts.add(&row.counts);
        self.counts = without_zeros(std::mem::take(&mut self.counts));
    }

    fn of_execution(row: &ExecutionRow) -> Self {
        let ExecutionRow { segments, succeeded, failed, cancelled, attempts, .. } = *row;
        Self { segments, succeeded, failed, cancelled, attempts, counts: without_zeros(row.counts.clone()) }
    }

    fn of_event(event: &CompletionEvent) -> Self {
        let CompletionEvent { segments, succeeded, failed, cancelled, attempts, item_count, duration_ms, .. } = *event;
        let counters = control_table::rows::Counters(event.counters.clone());
        let counts = without_zeros(Counts { item_count, duration_ms, counters });
        Self { segments, succeeded, failed, cancelled, attempts, counts }
    }
}

/// An execution has the names of its counters before a segment that uses them is counted, and keeps them if none ever is.
fn without_zeros(mut counts: Counts) -> Counts {
    counts.counters.0.retain(|_, value| *value != 0);
    counts
}

/// Asserts, of an execution that is complete and published:
/// - every segment's outcome is in its tally exactly once, and pending + succeeded + failed + cancelled = size;
/// - tallies, execution and event agree with a recount of the rows;
/// - one completion for the generation, whatever was repeated;
/// - nothing of it waits in the due index.
pub async fn assert_invariants(table: &ControlTable, data_dir: &Path, execution_id: ExecutionId) {
    let execution = table.execution(execution_id).await.unwrap().unwrap();
    assert!(execution.status.is_terminal(), "{execution:?}");
    assert!(!execution.is_unpublished(), "{execution:?}");
    assert_eq!(execution.due, None, "a complete execution waits for nothing");
    assert_eq!(execution.groups_done, execution.groups);

    let tallies = table.tallies(execution_id, 0..execution.groups).await.unwrap();
    assert_eq!(tallies.len() as u64, execution.groups, "every group has its tally");
    let mut recount = Recount::default();
    for tally in &tallies {
        let rows = table.group_segments(tally.group, None).await.unwrap();
        assert_tally(tally, &rows, execution.generation);
        for row in &rows {
            recount.add(row);
        }
    }
    assert_eq!(Recount::of_execution(&execution), recount, "the execution's sums are those of its rows");

    let events = events_of(data_dir, execution_id);
    let of_generation: Vec<_> = events.iter().filter(|event| event.generation == execution.generation).collect();
    assert!(!of_generation.is_empty(), "the completion of generation {} was published", execution.generation);
    for event in of_generation {
        assert_eq!(event.event_id, CompletionEvent::id(execution_id, execution.generation), "a repeat has the same ID");
        assert_eq!(event.status, execution.status);
        assert_eq!(Recount::of_event(event), recount, "the event's counts are those of the rows");
    }
}

fn assert_tally(tally: &TallyRow, rows: &[SegmentRow], generation: u32) {
    assert_eq!(rows.len() as u64, tally.size, "every segment of {} has its row", tally.group);
    let outcomes = tally.succeeded.len() + tally.failed.len() + tally.cancelled.len();
    assert_eq!(tally.pending + outcomes as u64, tally.size, "{tally:?}");
    assert!(tally.folded >= 1 && tally.folded <= generation, "{tally:?}");
    let mut recount = Recount::default();
    for row in rows {
        recount.add(row);
        let set = match TallyOutcome::of(row.status).unwrap() {
            TallyOutcome::Succeeded => &tally.succeeded,
            TallyOutcome::Failed => &tally.failed,
            TallyOutcome::Cancelled => &tally.cancelled,
        };
        assert!(set.contains(row.offset), "{row:?} is counted as what it is in {tally:?}");
        assert_eq!(row.due, None, "{row:?} waits for nothing");
    }
    let counts = without_zeros(tally.counts.clone());
    assert_eq!((tally.attempts, counts), (recount.attempts, recount.counts), "{}", tally.group);
}
