//! The protocol, explored to its end, in runs that are small enough for it. Each is known by the number of its states: a
//! model that shrinks proves less, and fails here.

#![expect(clippy::print_stdout, reason = "the states explored, and the way to a violation, are for people to read")]

use std::collections::BTreeSet;

use stateright::{Checker, Model};
use system_tests::model::{Config, Faults, Nature, System, Way};
use tokio::time::Instant;

const GOOD: Nature = Nature::Good;
const BAD: Nature = Nature::Bad;
const EITHER: Nature = Nature::Either;
const FLAKY: Nature = Nature::Flaky;

/// Explores all of a run. It has that many states, none of them violates anything, and it came across those ways.
fn explore(name: &str, config: Config, states: usize, ways: &[Way]) {
    let began = Instant::now();
    let system = System::new(config);
    let reached = system.reached.clone();
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
    assert!(violated.is_empty(), "{name}: not so: {violated:?}");
    let reached = reached.ways();
    let missed: BTreeSet<_> = ways.iter().filter(|way| !reached.contains(way)).collect();
    assert!(missed.is_empty(), "{name}: never came across {missed:?}");
    assert_eq!(checker.unique_state_count(), states, "{name}: the number of its states");
}

fn faults(crashes: u8, lost_answers: u8, losses: u8, duplicates: u8, short_leases: u8, impatience: u8) -> Faults {
    Faults { crashes, lost_answers, losses, duplicates, short_leases, impatience }
}

#[test]
fn a_redrive_with_crashes_and_lost_answers() {
    let config = Config { redrives: 1, faults: faults(2, 1, 0, 0, 0, 0), ..Config::begun(&[&[BAD, GOOD], &[BAD]]) };
    explore(
        "redrive, crashes",
        config,
        84_290,
        &[
            Way::ClaimUnanswered,
            Way::ClaimKnewItself,
            Way::RecordCameBack,
            Way::FoundFinished,
            Way::AttemptsUsedUp,
            Way::StaleRecord,
            Way::FinishUnanswered,
            Way::FinishedBefore,
            Way::CountedBefore,
            Way::StaleCount,
            Way::CompletedBefore,
            Way::SettleStale,
            Way::PublishedAgain,
            Way::RedriveUnanswered,
            Way::RedriveRefused,
            Way::UnfoldedBefore,
            Way::PutBackBefore,
            Way::RedriveEndedByAnother,
            Way::RedriveResumed,
            Way::RecordPutAgain,
            Way::FirstPublished,
            Way::SecondPublished,
        ],
    );
}

#[test]
fn a_redrive_with_disorder() {
    let config = Config { redrives: 1, faults: faults(1, 0, 1, 1, 0, 0), ..Config::begun(&[&[BAD, GOOD], &[BAD]]) };
    explore(
        "redrive, disorder",
        config,
        254_504,
        &[
            Way::RecordCameBack,
            Way::TakenOver,
            Way::FoundFinished,
            Way::Leased,
            Way::StaleRecord,
            Way::CountedBefore,
            Way::StaleCount,
            Way::FoldRefused,
            Way::FoldStale,
            Way::CompletedBefore,
            Way::SettleStale,
            Way::PublishedAgain,
            Way::RedriveRefused,
            Way::UnfoldedBefore,
            Way::RedriveResumed,
            Way::RecordPutAgain,
            Way::CountedBySweeper,
            Way::SettledBySweeper,
            Way::FirstPublished,
            Way::SecondPublished,
        ],
    );
}

#[test]
fn a_redrive_that_two_go_on_with() {
    let config = Config { redrives: 1, faults: faults(1, 0, 0, 0, 1, 1), ..Config::begun(&[&[EITHER, GOOD], &[BAD]]) };
    explore(
        "redrive, twice at once",
        config,
        314_095,
        &[
            Way::RecordCameBack,
            Way::FoundFinished,
            Way::CountedBefore,
            Way::FoldRefused,
            Way::FoldStale,
            Way::CompletedBefore,
            Way::SettleStale,
            Way::PublishedAgain,
            Way::RedriveRefused,
            Way::UnfoldedBefore,
            Way::UnfoldStale,
            Way::PutBackBefore,
            Way::RedriveEndedByAnother,
            Way::RedriveResumed,
            Way::RecordPutAgain,
            Way::SettledBySweeper,
            Way::FirstPublished,
            Way::SecondPublished,
        ],
    );
}

#[test]
fn two_scatters_at_once() {
    let config = Config { scatters: 2, faults: faults(1, 1, 0, 0, 0, 0), ..Config::begun(&[&[GOOD, BAD], &[GOOD]]) };
    explore(
        "two scatters",
        config,
        479_793,
        &[
            Way::CommittedByAnother,
            Way::ClaimUnanswered,
            Way::ClaimKnewItself,
            Way::RecordCameBack,
            Way::FoundFinished,
            Way::FinishUnanswered,
            Way::FinishedBefore,
            Way::CountedBefore,
            Way::CompletedBefore,
            Way::PublishedAgain,
            Way::FirstPublished,
        ],
    );
}

#[test]
fn a_cancel_of_a_run_that_is_still_scattered() {
    let config =
        Config { scatters: 1, cancels: 1, faults: faults(1, 1, 0, 0, 0, 0), ..Config::begun(&[&[GOOD, BAD], &[GOOD]]) };
    explore(
        "cancel, scatter",
        config,
        1_387_992,
        &[
            Way::CancelUnanswered,
            Way::CancelledRunning,
            Way::CancelledScattering,
            Way::WorkerCancelled,
            Way::CancelResumed,
            Way::FirstPublished,
        ],
    );
}

#[test]
fn a_cancel_while_a_redrive_is_under_way() {
    let config = Config { cancels: 1, redrives: 1, faults: faults(1, 0, 0, 0, 0, 0), ..Config::begun(&[&[BAD]]) };
    explore("cancel, redrive", config, 3_825, &[Way::CancelRefused, Way::CancelledRunning, Way::SecondPublished]);
}

#[test]
fn leases_that_run_out_while_their_workers_live() {
    let config = Config { faults: faults(2, 1, 1, 1, 2, 0), ..Config::begun(&[&[FLAKY, GOOD]]) };
    explore("leases", config, 475_623, &[Way::TakenOver, Way::Retried, Way::Leased, Way::ClaimUnanswered]);
}

#[test]
#[ignore = "a minute or more: run it by its name"]
fn larger_a_redrive_with_a_cancel() {
    let config =
        Config { cancels: 1, redrives: 1, faults: faults(1, 0, 0, 0, 0, 0), ..Config::begun(&[&[BAD, GOOD], &[BAD]]) };
    explore("redrive, cancel", config, 2_401_491, &[Way::CancelRefused, Way::CancelledRunning, Way::SecondPublished]);
}
