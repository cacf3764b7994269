//! Some hundred seeds of the fault harness, and that it would see what it is there to see.

use protocol_proofs::faults::{FaultRun, Report, Sabotage, many};

/// Seeds of every execution of the tests. `fault-seeds --seeds 10000` runs more.
const SEEDS: u64 = 300;

/// The machines that run the tests have at least so many cores.
const THREADS: usize = 2;

#[test]
fn whatever_goes_wrong_every_run_completes_and_counts_once() {
    let tally = many(0..SEEDS, THREADS, |_| {});
    let of = |report: &Report| {
        let (seed, violation) = (report.seed, report.violation.as_deref().unwrap_or_default());
        format!("seed {seed}: {violation}\n  again: cargo run -p protocol-proofs --bin fault-seeds -- --seed {seed}")
    };
    let violations: Vec<String> = tally.violations.iter().map(of).collect();
    assert!(violations.is_empty(), "{} of {} seeds\n{}", violations.len(), tally.seeds, violations.join("\n"));
    // A harness in which nothing goes wrong would pass as well.
    let counts = tally.counts;
    assert!(counts.faults > 10 * SEEDS / 2 && counts.kills > SEEDS && counts.generations > SEEDS, "{counts:?}");
}

#[test]
fn the_same_seed_is_the_same_run() {
    for seed in 0..6 {
        let [first, second] = [(); 2].map(|()| FaultRun { keeps_lines: true, ..FaultRun::new(seed) }.report());
        let differ = first.lines.iter().zip(&second.lines).find(|(first, second)| first != second);
        assert_eq!((first.trace, differ), (second.trace, None), "seed {seed}");
    }
}

/// The first violation in some seeds with a broken step.
fn seen(sabotage: Sabotage) -> Option<String> {
    (0..20).find_map(|seed| FaultRun { sabotage, ..FaultRun::new(seed) }.report().violation)
}

#[test]
fn a_record_that_is_lost_for_ever_is_seen() {
    let seen = seen(Sabotage::LosesARecord);
    assert!(seen.as_ref().is_some_and(|violation| violation.contains("does not complete")), "{seen:?}");
}

#[test]
fn an_outcome_that_is_counted_twice_is_seen() {
    assert!(seen(Sabotage::CountsTwice).is_some());
}
