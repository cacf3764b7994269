//! The same job on Step Functions' Distributed Map, by formula: nothing of it is simulated.

use serde::Serialize;

use super::Job;
use crate::comparison::Way;

/// Children of a Distributed Map that start in a second, by their type. Second hand.
const STANDARD_STARTS: f64 = 100.0;
const EXPRESS_STARTS: f64 = 1_000.0;

/// Children that run at once: the account's concurrent Lambda invocations, by default (quota); the map itself allows 10,000.
const AT_ONCE: f64 = 1_000.0;

/// A job on Step Functions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OnStepFunctions {
    /// Which way.
    pub name: &'static str,
    /// Hours until its end, at least.
    pub hours: f64,
    /// Dollars without the work itself and without logs; `None` if it cannot take segments that long.
    pub dollars: Option<f64>,
}

/// The job with Standard and with Express children, a child a segment.
#[must_use]
pub fn on_step_functions(job: &Job) -> [OnStepFunctions; 2] {
    let (seconds, segments) = (job.mean_seconds(), job.segments as f64);
    let attempts = segments * (1.0 + job.failures as f64 / 1_000_000.0);
    [(Way::StandardMap, STANDARD_STARTS), (Way::ExpressMap, EXPRESS_STARTS)].map(|(way, starts)| {
        let longest = job.longest.as_secs_f64();
        let fits = way.dollars_a_million(longest).is_some();
        let a_million = way.dollars_a_million(seconds).filter(|_| fits);
        OnStepFunctions {
            name: way.name(),
            hours: (attempts * seconds / AT_ONCE).max(segments / starts) / 3_600.0,
            dollars: a_million.map(|dollars| dollars * attempts / 1_000_000.0),
        }
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn short_segments_wait_for_starts_and_long_ones_for_places() {
        let job = |seconds| Job {
            segments: 1_000_000,
            shortest: Duration::from_secs(seconds),
            longest: Duration::from_secs(seconds),
            failures: 0,
            megabytes: 512,
        };
        let [standard, express] = on_step_functions(&job(1));
        assert!((standard.hours - 10_000.0 / 3_600.0).abs() < 1e-6 && (express.hours - 1_000.0 / 3_600.0).abs() < 1e-6);
        assert_eq!(standard.dollars, Some(50.0));
        let [_, express] = on_step_functions(&job(900));
        assert!((express.hours - 250.0).abs() < 1e-6);
        assert_eq!(express.dollars, None, "an Express child takes five minutes at most");
    }
}
