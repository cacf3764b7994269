//! The protocol, explored to its end, for executions that are small enough. The number of states of each is pinned: a model that
//! shrinks proves less, and fails here.

use std::collections::BTreeSet;

use protocol_model::{Config, Faults, Nature, Situation, System};
use stateright::{Checker, Model};
use tokio::time::Instant;

const GOOD: Nature = Nature::Good;
const BAD: Nature = Nature::Bad;
const EITHER: Nature = Nature::Either;
const FLAKY: Nature = Nature::Flaky;

/// Explores an execution to its end. It has that many states, none violates a property, and it meets those situations.
fn explore(name: &str, config: Config, states: usize, situations: &[Situation]) {
    let began = Instant::now();
    let system = System::new(config);
    let coverage = system.coverage.clone();
    let checker = system.checker().threads(2).spawn_dfs().join();
    println!(
        "{name}: {} states, {} steps, {:.1} s",
        checker.unique_state_count(),
        checker.state_count(),
        began.elapsed().as_secs_f64()
    );
    let discoveries = checker.discoveries();
    let violated: Vec<_> = discoveries.keys().collect();
    for path in discoveries.values().take(1) {
        let actions: Vec<_> = path.clone().into_actions().iter().map(|action| format!("{action:?}")).collect();
        println!("{}\n{:#?}", actions.join("\n"), path.last_state());
    }
    assert!(violated.is_empty(), "{name}: violated: {violated:?}");
    let met = coverage.situations();
    let missed: BTreeSet<_> = situations.iter().filter(|situation| !met.contains(situation)).collect();
    assert!(missed.is_empty(), "{name}: never met {missed:?}");
    assert_eq!(checker.unique_state_count(), states, "{name}: the number of its states");
}

fn faults(crashes: u8, lost_answers: u8, losses: u8, duplicates: u8, short_leases: u8, impatience: u8) -> Faults {
    Faults { crashes, lost_answers, losses, duplicates, short_leases, impatience }
}

#[test]
fn a_redrive_with_crashes_and_lost_answers() {
    let config = Config { redrives: 1, faults: faults(2, 1, 0, 0, 0, 0), ..Config::sealed(&[&[BAD, GOOD], &[BAD]]) };
    explore(
        "redrive, crashes",
        config,
        84_290,
        &[
            Situation::ClaimUnanswered,
            Situation::ClaimKnewItself,
            Situation::RecordCameBack,
            Situation::FoundFinished,
            Situation::AttemptsUsedUp,
            Situation::StaleRecord,
            Situation::FinishUnanswered,
            Situation::FinishedBefore,
            Situation::CountedBefore,
            Situation::StaleCount,
            Situation::CompletedBefore,
            Situation::FinalizeStale,
            Situation::PublishedAgain,
            Situation::RedriveUnanswered,
            Situation::RedriveRefused,
            Situation::UnfoldedBefore,
            Situation::RequeuedBefore,
            Situation::RedriveEndedByAnother,
            Situation::RedriveResumed,
            Situation::RecordPutAgain,
            Situation::FirstPublished,
            Situation::SecondPublished,
        ],
    );
}

#[test]
fn a_redrive_with_disorder() {
    let config = Config { redrives: 1, faults: faults(1, 0, 1, 1, 0, 0), ..Config::sealed(&[&[BAD, GOOD], &[BAD]]) };
    explore(
        "redrive, disorder",
        config,
        254_504,
        &[
            Situation::RecordCameBack,
            Situation::TakenOver,
            Situation::FoundFinished,
            Situation::Leased,
            Situation::StaleRecord,
            Situation::CountedBefore,
            Situation::StaleCount,
            Situation::FoldRefused,
            Situation::FoldStale,
            Situation::CompletedBefore,
            Situation::FinalizeStale,
            Situation::PublishedAgain,
            Situation::RedriveRefused,
            Situation::UnfoldedBefore,
            Situation::RedriveResumed,
            Situation::RecordPutAgain,
            Situation::CountedBySweeper,
            Situation::FinalizedBySweeper,
            Situation::FirstPublished,
            Situation::SecondPublished,
        ],
    );
}

#[test]
fn a_redrive_that_two_processes_resume() {
    let config = Config { redrives: 1, faults: faults(1, 0, 0, 0, 1, 1), ..Config::sealed(&[&[EITHER, GOOD], &[BAD]]) };
    explore(
        "redrive, twice at once",
        config,
        314_095,
        &[
            Situation::RecordCameBack,
            Situation::FoundFinished,
            Situation::CountedBefore,
            Situation::FoldRefused,
            Situation::FoldStale,
            Situation::CompletedBefore,
            Situation::FinalizeStale,
            Situation::PublishedAgain,
            Situation::RedriveRefused,
            Situation::UnfoldedBefore,
            Situation::UnfoldStale,
            Situation::RequeuedBefore,
            Situation::RedriveEndedByAnother,
            Situation::RedriveResumed,
            Situation::RecordPutAgain,
            Situation::FinalizedBySweeper,
            Situation::FirstPublished,
            Situation::SecondPublished,
        ],
    );
}

#[test]
fn two_scatters_at_once() {
    let config = Config { scatters: 2, faults: faults(1, 1, 0, 0, 0, 0), ..Config::sealed(&[&[GOOD, BAD], &[GOOD]]) };
    explore(
        "two scatters",
        config,
        479_793,
        &[
            Situation::CommittedByAnother,
            Situation::ClaimUnanswered,
            Situation::ClaimKnewItself,
            Situation::RecordCameBack,
            Situation::FoundFinished,
            Situation::FinishUnanswered,
            Situation::FinishedBefore,
            Situation::CountedBefore,
            Situation::CompletedBefore,
            Situation::PublishedAgain,
            Situation::FirstPublished,
        ],
    );
}

#[test]
fn a_cancel_of_an_execution_that_is_still_scattered() {
    let config = Config {
        scatters: 1,
        cancels: 1,
        faults: faults(1, 1, 0, 0, 0, 0),
        ..Config::sealed(&[&[GOOD, BAD], &[GOOD]])
    };
    explore(
        "cancel, scatter",
        config,
        1_387_992,
        &[
            Situation::CancelUnanswered,
            Situation::CancelledRunning,
            Situation::CancelledScattering,
            Situation::WorkerCancelled,
            Situation::CancelResumed,
            Situation::FirstPublished,
        ],
    );
}

#[test]
fn a_cancel_while_a_redrive_is_under_way() {
    let config = Config { cancels: 1, redrives: 1, faults: faults(1, 0, 0, 0, 0, 0), ..Config::sealed(&[&[BAD]]) };
    explore(
        "cancel, redrive",
        config,
        3_851,
        &[Situation::CancelQueued, Situation::CancelledRunning, Situation::SecondPublished],
    );
}

#[test]
fn leases_that_run_out_while_their_workers_live() {
    let config = Config { faults: faults(2, 1, 1, 1, 2, 0), ..Config::sealed(&[&[FLAKY, GOOD]]) };
    explore(
        "leases",
        config,
        475_623,
        &[Situation::TakenOver, Situation::Retried, Situation::Leased, Situation::ClaimUnanswered],
    );
}

#[test]
#[ignore = "a minute or more: run it by its name"]
fn larger_a_redrive_with_a_cancel() {
    let config =
        Config { cancels: 1, redrives: 1, faults: faults(1, 0, 0, 0, 0, 0), ..Config::sealed(&[&[BAD, GOOD], &[BAD]]) };
    explore(
        "redrive, cancel",
        config,
        2_401_491,
        &[Situation::CancelQueued, Situation::CancelledRunning, Situation::SecondPublished],
    );
}
