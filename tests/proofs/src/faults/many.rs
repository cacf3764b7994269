//! Many seeds.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Counts, FaultRun, Report};

/// What many seeds came to.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Seeds that were run.
    pub seeds: u64,
    /// What they came to together.
    pub counts: Counts,
    /// Those that violated something, by seed.
    pub violations: Vec<Report>,
}

impl Tally {
    fn add(&mut self, report: Report) {
        let Counts { requests, faults, kills, generations } = report.counts;
        self.seeds += 1;
        self.counts.requests += requests;
        self.counts.faults += faults;
        self.counts.kills += kills;
        self.counts.generations += generations;
        if report.violation.is_some() {
            self.violations.push(report);
        }
    }
}

/// Runs these seeds on that many threads, each seed on one; `hear` gets each result.
pub fn many(seeds: Range<u64>, threads: usize, hear: impl Fn(&Report) + Sync) -> Tally {
    let (next, tally) = (AtomicU64::new(seeds.start), Mutex::new(Tally::default()));
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let report = FaultRun::new(seed).report();
                    hear(&report);
                    tally.lock().unwrap().add(report);
                }
            });
        }
    });
    let mut tally = tally.into_inner().unwrap();
    tally.violations.sort_by_key(|report| report.seed);
    tally
}
