//! What is damaged, in which run, and what a repair says of it.

use crate::runs::Run;
use crate::world::Damage::{self, Delete, Number, Remove, Set, Text};
use crate::world::Of::{self, Execution, Key, Plan, Segment, Tally};

/// How a repaired run is looked at in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Every invariant holds, its events included.
    Whole,
    /// Its event told what was true of the damaged run: everything but that holds in its next generation.
    Told,
}

/// One way to damage a run.
pub struct Case {
    pub run: Run,
    pub damage: Vec<Damage>,
    /// Everything that is reported.
    pub expected: Vec<(Of, &'static str)>,
    pub end: End,
}

impl Case {
    fn new(run: Run, damage: &[Damage], expected: &[(Of, &'static str)]) -> Self {
        Self { run, damage: damage.to_vec(), expected: expected.to_vec(), end: End::Whole }
    }

    fn told(self) -> Self {
        Self { end: End::Told, ..self }
    }
}

const NO_SOURCE: &str = r#"{"type":"external"}"#;
const ANOTHER: &str = "0193a5b0-3c1e-7d2f-8a4b-000000000001";

/// The execution's sums over folded groups.
const SUMS: [(Of, &str); 7] = [
    (Execution, "groups_done"),
    (Execution, "succeeded"),
    (Execution, "failed"),
    (Execution, "attempts"),
    (Execution, "item_count"),
    (Execution, "duration_ms"),
    (Execution, "counter:rows"),
];

/// What a tally says too much, or too little, of one segment that succeeded.
fn one_segment(tally: Of) -> Vec<(Of, &'static str)> {
    ["succeeded", "pending", "attempts", "item_count", "duration_ms", "counter:rows"].map(|name| (tally, name)).to_vec()
}

fn with(mut first: Vec<(Of, &'static str)>, more: &[(Of, &'static str)]) -> Vec<(Of, &'static str)> {
    first.extend(more);
    first
}

pub fn tallies() -> Vec<Case> {
    let item = |group| [(Tally(group), "item")];
    let mut cases = vec![
        Case::new(Run::Succeeded, &[Delete(Tally(0))], &item(0)),
        Case::new(Run::Succeeded, &[Delete(Tally(0)), Delete(Tally(1))], &[(Tally(0), "item"), (Tally(1), "item")]),
        Case::new(Run::Running, &[Delete(Tally(0))], &with(SUMS.to_vec(), &item(0))),
        Case::new(Run::Running, &[Delete(Tally(1))], &item(1)),
        Case::new(Run::Scattering, &[Delete(Tally(0))], &item(0)),
        Case::new(Run::Cancelling, &[Delete(Tally(0))], &item(0)),
        Case::new(Run::RunningAgain, &[Delete(Tally(0))], &item(0)),
        Case::new(Run::RunningAgain, &[Delete(Tally(1))], &item(1)),
        Case::new(Run::SucceededAgain, &[Delete(Tally(0)), Delete(Tally(1))], &[item(0), item(1)].concat()),
        // Whether it was un-folded is lost: it counts as folded, and the redrive un-folds it.
        Case::new(Run::Redriving, &[Delete(Tally(0))], &with(SUMS.to_vec(), &item(0))),
        Case::new(Run::Redriving, &[Delete(Tally(1))], &item(1)),
        Case::new(Run::Succeeded, &[Set(Tally(0), "failed", vec![])], &[(Tally(0), "failed")]),
        Case::new(
            Run::Unpublished,
            &[Set(Tally(0), "failed", vec![]), Number(Tally(0), "pending", 1)],
            &[(Tally(0), "failed"), (Tally(0), "pending")],
        ),
        Case::new(
            Run::Unfolded,
            &[Set(Tally(0), "failed", vec![]), Set(Tally(0), "cancelled", vec![1])],
            &[(Tally(0), "failed"), (Tally(0), "cancelled")],
        ),
        Case::new(Run::Unfolded, &[Set(Tally(0), "cancelled", vec![1])], &[(Tally(0), "cancelled")]),
        Case::new(
            Run::Sealed,
            &[Set(Tally(1), "succeeded", vec![0]), Number(Tally(1), "pending", 2)],
            &[(Tally(1), "succeeded"), (Tally(1), "pending")],
        ),
        Case::new(Run::Succeeded, &[Set(Tally(1), "failed", vec![1, 77])], &[(Tally(1), "failed")]),
        Case::new(Run::Succeeded, &[Number(Tally(0), "generation", 2)], &[(Tally(0), "generation")]),
        Case::new(Run::RunningAgain, &[Number(Tally(0), "generation", 1)], &[(Tally(0), "generation")]),
        Case::new(Run::SucceededAgain, &[Number(Tally(0), "generation", 1)], &[(Tally(0), "generation")]),
        Case::new(Run::SucceededAgain, &[Number(Tally(1), "generation", 2)], &[(Tally(1), "generation")]),
        Case::new(Run::Redriving, &[Number(Tally(1), "generation", 0)], &[(Tally(1), "generation")]),
        Case::new(Run::Succeeded, &[Number(Tally(0), "folded", 0)], &[(Tally(0), "folded")]),
        Case::new(Run::SucceededAgain, &[Number(Tally(1), "folded", 9)], &[(Tally(1), "folded")]),
        Case::new(Run::Running, &[Number(Tally(1), "folded", 1)], &[(Tally(1), "folded")]),
        Case::new(Run::Running, &[Number(Tally(0), "folded", 0)], &SUMS),
        Case::new(Run::Unfolded, &[Number(Tally(0), "folded", 1)], &SUMS),
    ];
    for (run, group) in [(Run::Succeeded, 0), (Run::Running, 1), (Run::Redriving, 0)] {
        for (name, value) in [
            ("pending", 2),
            ("pending", -1),
            ("size", 100),
            ("item_count", 5),
            ("duration_ms", -3),
            ("attempts", 9),
            ("counter:rows", 1),
            ("counter:never counted", 1),
        ] {
            cases.push(Case::new(run, &[Number(Tally(group), name, value)], &[(Tally(group), name)]));
        }
    }
    cases
}

pub fn segments() -> Vec<Case> {
    let lost = [(Segment(40), "item"), (Tally(0), "failed"), (Tally(0), "pending")];
    let without_source = [Text(Plan, "source", NO_SOURCE), Delete(Segment(40))];
    let group_1 = [128, 129, 130].map(|index| (Segment(index), "item"));
    let not_done = [(Segment(5), "status"), (Tally(0), "succeeded"), (Tally(0), "failed")];
    let not_done = with(not_done.to_vec(), &[(Execution, "succeeded"), (Execution, "failed")]);
    vec![
        Case::new(Run::Succeeded, &[Delete(Segment(5))], &[(Segment(5), "item")]),
        Case::new(
            Run::Succeeded,
            &[Delete(Segment(5)), Delete(Segment(1))],
            &[(Segment(5), "item"), (Segment(1), "item")],
        ),
        Case::new(Run::Succeeded, &[Delete(Segment(130))], &[(Segment(130), "item")]),
        Case::new(Run::SucceededAgain, &[Delete(Segment(1))], &[(Segment(1), "item")]),
        Case::new(Run::RunningAgain, &[Delete(Segment(1))], &[(Segment(1), "item")]),
        Case::new(Run::CancelledEarly, &[Delete(Segment(50))], &[(Segment(50), "item")]),
        Case::new(Run::Sealed, &[Delete(Segment(40))], &[(Segment(40), "item")]),
        Case::new(Run::Scattering, &[Delete(Segment(40))], &[(Segment(40), "item")]),
        Case::new(Run::Cancelling, &[Delete(Segment(40))], &[(Segment(40), "item")]),
        Case::new(Run::Sealed, &without_source, &lost),
        Case::new(
            Run::Sealed,
            &[Delete(Tally(1)), Delete(Segment(128)), Delete(Segment(129)), Delete(Segment(130))],
            &with(group_1.to_vec(), &[(Tally(1), "item")]),
        ),
        Case::new(Run::Succeeded, &[Text(Segment(5), "status", "PENDING")], &not_done).told(),
        Case::new(Run::Succeeded, &[Text(Segment(5), "status", "RUNNING")], &not_done).told(),
        Case::new(Run::Running, &[Remove(Segment(129), "lease_until")], &[(Segment(129), "lease_until")]),
        Case::new(
            Run::Running,
            &[Remove(Segment(128), "due_at"), Remove(Segment(128), "due_shard")],
            &[(Segment(128), "due_at")],
        ),
        Case::new(
            Run::Succeeded,
            &[Number(Segment(3), "due_at", 5), Text(Segment(3), "due_shard", "DUE#3")],
            &[(Segment(3), "due_at")],
        ),
        Case::new(Run::Sealed, &[Number(Segment(3), "generation", 2)], &[(Segment(3), "generation")]),
        Case::new(Run::Sealed, &[Number(Segment(3), "index", 77)], &[(Segment(3), "index")]),
        Case::new(Run::RunningAgain, &[Number(Segment(1), "generation", 1)], &[(Segment(1), "generation")]),
        Case::new(Run::Succeeded, &[Number(Segment(3), "generation", 5)], &[(Segment(3), "generation")]),
        Case::new(Run::SucceededAgain, &[Number(Segment(130), "generation", 2)], &[(Segment(130), "generation")]),
    ]
}

pub fn executions() -> Vec<Case> {
    let status = [(Execution, "status")];
    let reopened = with(one_segment(Tally(0)), &SUMS);
    let reopened = with(reopened, &[(Tally(0), "folded"), (Execution, "status"), (Execution, "finished_at")]);
    let mut cases = vec![
        Case::new(Run::Unpublished, &[Text(Segment(5), "status", "PENDING")], &reopened),
        // The segment that was about to be counted is no longer waited for, either.
        Case::new(Run::Running, &[Text(Execution, "status", "SUCCEEDED")], &with(one_segment(Tally(1)), &status)),
        Case::new(Run::Cancelling, &[Text(Execution, "status", "CANCELLED")], &status),
        Case::new(Run::Running, &[Text(Execution, "status", "SCATTERING")], &status),
        Case::new(Run::Succeeded, &[Text(Execution, "status", "CANCELLED")], &status),
        Case::new(Run::Empty, &[Text(Execution, "status", "FAILED")], &status),
        Case::new(Run::Unpublished, &[Text(Execution, "status", "FAILED")], &status),
        Case::new(Run::CancelledEarly, &[Text(Execution, "status", "SUCCEEDED")], &status),
        Case::new(
            Run::Succeeded,
            &[Text(Execution, "status", "FAILED"), Number(Execution, "failed", 9)],
            &[(Execution, "failed"), (Execution, "status")],
        ),
        Case::new(
            Run::Failed,
            &[Text(Execution, "status", "SUCCEEDED"), Number(Execution, "failed", 0)],
            &[(Execution, "failed"), (Execution, "status")],
        ),
        Case::new(
            Run::Succeeded,
            &[Number(Execution, "published_generation", 7)],
            &[(Execution, "published_generation"), (Execution, "due_at")],
        ),
        Case::new(
            Run::Running,
            &[Number(Execution, "published_generation", 1)],
            &[(Execution, "published_generation")],
        ),
        Case::new(Run::Succeeded, &[Remove(Execution, "finished_at")], &[(Execution, "finished_at")]),
        Case::new(Run::Running, &[Number(Execution, "finished_at", 5)], &[(Execution, "finished_at")]),
        Case::new(
            Run::Succeeded,
            &[Number(Execution, "due_at", 5), Text(Execution, "due_shard", "DUE#3")],
            &[(Execution, "due_at")],
        ),
        Case::new(Run::Succeeded, &[Delete(Key)], &[(Key, "item")]),
        Case::new(Run::Running, &[Text(Key, "execution_id", ANOTHER)], &[(Key, "execution_id")]),
    ];
    for run in [Run::Sealed, Run::Running, Run::Cancelling, Run::Unpublished, Run::Redriving] {
        let not_due = [Remove(Execution, "due_at"), Remove(Execution, "due_shard")];
        cases.push(Case::new(run, &not_due, &[(Execution, "due_at")]));
    }
    for run in [Run::Succeeded, Run::Running, Run::Redriving] {
        for (name, value) in [
            ("groups", 1),
            ("groups", 3),
            ("groups_done", 7),
            ("groups_done", -1),
            ("segments", 7),
            ("succeeded", 1_000),
            ("failed", -1),
            ("cancelled", 4),
            ("attempts", 1),
            ("item_count", -9),
            ("duration_ms", -5),
            ("counter:rows", 3),
        ] {
            cases.push(Case::new(run, &[Number(Execution, name, value)], &[(Execution, name)]));
        }
    }
    cases
}
