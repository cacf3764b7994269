//! Runs scenarios side by side, and gives their lines in the order of the list.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use clap::Parser;
use serde_json::json;
use simulation::world::Setup;

use crate::case::{Case, CaseError};
use crate::report::Report;
use crate::scenarios::{ALL, Scenario};

/// What `load-sim` takes.
#[derive(Debug, Parser)]
pub struct Args {
    /// Only these scenarios; all of them without it
    #[arg(long, value_name = "NAME", value_parser = names())]
    pub scenario: Vec<String>,
    /// The share of each scenario's size, from above 0 to 1; a line says what that made smaller
    #[arg(long, value_name = "SHARE", default_value_t = 0.01, value_parser = share)]
    pub scale: f64,
    /// What chance follows from: the same seed gives the same lines
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Scenarios at the same time
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub threads: u8,
}

fn names() -> clap::builder::PossibleValuesParser {
    ALL.iter().map(|(name, _)| *name).collect::<Vec<_>>().into()
}

fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|error| format!("{error}"))?;
    if share > 0.0 && share <= 1.0 { Ok(share) } else { Err("use a number above 0, at most 1".to_owned()) }
}

/// How a scenario ended.
#[derive(Debug)]
pub struct Outcome {
    name: &'static str,
    result: Result<Report, CaseError>,
}

impl Outcome {
    /// Whether everything held, and the line to print.
    pub fn line(&self) -> (bool, String) {
        match &self.result {
            Ok(report) => {
                let line = serde_json::to_string(report);
                (report.ok && line.is_ok(), line.unwrap_or_default())
            }
            Err(error) => {
                (false, json!({ "scenario": self.name, "ok": false, "why": [error.to_string()] }).to_string())
            }
        }
    }
}

/// Runs the scenarios that were asked for.
pub fn run_all(args: &Args, mut each: impl FnMut(&Outcome)) {
    let chosen: Vec<Scenario> = ALL
        .into_iter()
        .filter(|(name, _)| args.scenario.is_empty() || args.scenario.iter().any(|chosen| chosen == name))
        .collect();
    let case = Case { scale: args.scale, seed: args.seed, tweak: as_it_is };
    let (next, chosen) = (AtomicUsize::new(0), &chosen);
    thread::scope(|scope| {
        let (done, outcomes) = mpsc::channel();
        for _ in 0..args.threads {
            let (done, next) = (done.clone(), &next);
            scope.spawn(move || {
                while let Some((name, run)) = chosen.get(next.fetch_add(1, Ordering::Relaxed)).copied() {
                    // The receiver lives until every sender is gone.
                    drop(done.send(Outcome { name, result: run(&case) }));
                }
            });
        }
        drop(done);
        let mut finished: Vec<Outcome> = outcomes.into_iter().collect();
        finished.sort_by_key(|outcome| chosen.iter().position(|(name, _)| *name == outcome.name));
        finished.iter().for_each(&mut each);
    });
}

fn as_it_is(_: &mut Setup) {}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A tenth of what `load-sim` runs by default.
    const SMALL: f64 = 0.001;

    fn run(name: &str, tweak: fn(&mut Setup)) -> Report {
        let (_, run) = ALL.into_iter().find(|(known, _)| *known == name).unwrap();
        run(&Case { scale: SMALL, seed: 1, tweak }).unwrap()
    }

    fn no_sweeper(setup: &mut Setup) {
        setup.sweeps = false;
    }

    fn short_retention(setup: &mut Setup) {
        setup.parameters.stream.retention = Duration::from_hours(2);
    }

    #[test]
    fn the_same_seed_gives_the_same_line() {
        let name = "conflict-on-every-tenth-update";
        let lines = [(); 2].map(|()| serde_json::to_string(&run(name, as_it_is)).unwrap());
        assert_eq!(lines[0], lines[1]);
    }

    /// A scenario, what is broken, a word of the report.
    type Broken = (&'static str, fn(&mut Setup), &'static str);

    /// A stack that is broken so that the scenario cannot hold, and a word of what its report must name.
    const BROKEN: [Broken; 21] = [
        ("a-month-of-segments", no_sweeper, "the end"),
        ("redrive-of-78125-groups", no_sweeper, "the interrupted redrive"),
        ("cancel-of-10-million", no_sweeper, "it ends CANCELLED"),
        ("100000-retries-at-once", no_sweeper, "all retries put"),
        ("scatter-of-10-million", no_sweeper, "the seal"),
        ("retries-behind-a-day", short_retention, "records for one segment"),
        ("five-in-a-line", no_sweeper, "all end"),
        ("mapping-disabled-for-12-h", short_retention, "records a segment"),
        ("one-record-in-100-lost", no_sweeper, "the slowest to be found"),
        ("one-record-in-100-lost-of-8-shards", no_sweeper, "the slowest to be found"),
        ("one-message-in-100-lost", no_sweeper, "the slowest to be found"),
        ("retries-behind-a-day-on-sqs", no_sweeper, "the end"),
        ("segments-of-14-minutes-on-sqs", impatient_queue, "records for one segment"),
        ("shards-merged-under-a-backlog", short_retention, "records for one segment"),
        ("max-concurrency-of-100", few_write_units, "the end"),
        ("35-days-kept-for-30", no_sweeper, "it completes and succeeds"),
        ("shard-split-under-a-backlog", short_retention, "records for one segment"),
        ("segments-of-14-minutes", short_retention, "records for one segment"),
        ("account-of-ten-invocations", no_reservation, "throttled sweeps"),
        ("conflict-on-every-tenth-update", |setup| setup.table.conflict_every = 1, "operations that failed"),
        ("400-counters-in-one-group", |setup| setup.work.counters = 0, "names the counters"),
    ];

    fn impatient_queue(setup: &mut Setup) {
        setup.parameters.queue.retention = Duration::from_hours(2);
    }

    fn few_write_units(setup: &mut Setup) {
        setup.parameters.table.partition_write_units = 20;
    }

    fn no_reservation(setup: &mut Setup) {
        (setup.parameters.lambda.gather.reserved, setup.parameters.lambda.sweeper.reserved) = (None, None);
    }

    #[test]
    fn every_scenario_fails_on_a_stack_that_is_broken_for_it() {
        for (name, tweak, word) in BROKEN {
            let report = run(name, tweak);
            println!("{name}: {:?}", report.why);
            assert!(!report.ok && report.why.iter().any(|why| why.contains(word)), "{name}: {:?}", report.why);
        }
    }

    #[test]
    fn every_scenario_is_broken_once() {
        let broken: Vec<&str> = BROKEN.iter().map(|(name, ..)| *name).collect();
        assert!(ALL.iter().all(|(name, _)| broken.contains(name)), "{broken:?}");
    }
}
