//! The figures of one case: medians over its runs, under the names that the peers' figures have.

use serde::Serialize;

use crate::one_run::Figures;

/// One case: so many segments, each taking so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Case {
    /// Segments.
    pub n: u64,
    /// Milliseconds that each takes.
    pub sleep_ms: u64,
    /// Segments worked on at once.
    pub workers: usize,
    /// Whether each commit waits for the disk.
    pub durable: bool,
}

/// A line of the output.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    peer: &'static str,
    version: &'static str,
    n: u64,
    workers: usize,
    durable: bool,
    sleep_ms: u64,
    runs: usize,
    startup_s: f64,
    submit_s: f64,
    /// From the start of the scatter to the completion.
    pub total_s: f64,
    total_s_all: Vec<f64>,
    per_segment_us: f64,
    completion_lag_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    efficiency: Option<f64>,
    /// `total_s` as a multiple of that of the case before, where both are without sleep.
    #[serde(skip_serializing_if = "Option::is_none")]
    times_previous: Option<f64>,
    wrong_sums: usize,
    wrong_callbacks: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peak_mb: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    load1: Option<f64>,
}

impl Row {
    /// Of the runs of a case. `previous_s` is the `total_s` of the case to compare it with.
    pub fn of(case: Case, runs: &[Figures], previous_s: Option<f64>, load1: Option<f64>) -> Self {
        let Case { n, sleep_ms, workers, durable } = case;
        let total_s = median(runs.iter().map(|run| run.total_s));
        let ideal_s = n as f64 * sleep_ms as f64 / 1e3 / workers as f64;
        Self {
            peer: "scatter-gather",
            version: env!("CARGO_PKG_VERSION"),
            n,
            workers,
            durable,
            sleep_ms,
            runs: runs.len(),
            startup_s: rounded(median(runs.iter().map(|run| run.startup_s)), 3),
            submit_s: rounded(median(runs.iter().map(|run| run.submit_s)), 4),
            total_s: rounded(total_s, 4),
            total_s_all: runs.iter().map(|run| rounded(run.total_s, 4)).collect(),
            per_segment_us: rounded(total_s / n as f64 * 1e6, 1),
            completion_lag_ms: rounded(median(runs.iter().map(|run| run.completion_lag_ms)), 2),
            efficiency: (sleep_ms > 0).then(|| rounded(ideal_s / total_s, 3)),
            times_previous: previous_s.map(|previous_s| rounded(total_s / previous_s, 2)),
            wrong_sums: runs.iter().filter(|run| !run.sum_is_right).count(),
            wrong_callbacks: runs.iter().filter(|run| run.callbacks != 1).count(),
            cpu_s: median_of_known(runs.iter().map(|run| run.cpu_s)),
            peak_mb: median_of_known(runs.iter().map(|run| run.peak_mb)),
            load1,
        }
    }

    /// Whether anything was counted other than exactly, or completed other than once.
    pub fn is_wrong(&self) -> bool {
        self.wrong_sums + self.wrong_callbacks > 0
    }
}

fn median_of_known(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let known: Option<Vec<f64>> = values.collect();
    known.map(|values| rounded(median(values.into_iter()), 2))
}

/// Of an even number of values, the mean of the two in the middle. NaN of none.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
    f64::midpoint(middle(values.len().saturating_sub(1) / 2), middle(values.len() / 2))
}

fn rounded(value: f64, digits: i32) -> f64 {
    let unit = 10_f64.powi(digits);
    (value * unit).round() / unit
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(total_s: f64) -> Figures {
        Figures {
            startup_s: 0.1,
            submit_s: 0.2,
            total_s,
            completion_lag_ms: 3.0,
            sum_is_right: true,
            callbacks: 1,
            cpu_s: Some(1.0),
            peak_mb: None,
        }
    }

    #[test]
    fn the_figures_are_medians() {
        let case = Case { n: 400, sleep_ms: 20, workers: 8, durable: false };
        let row = Row::of(case, &[run(4.0), run(1.0), run(2.0)], Some(0.5), None);
        assert_eq!((row.runs, row.total_s, row.per_segment_us), (3, 2.0, 5_000.0));
        assert_eq!((row.efficiency, row.times_previous), (Some(0.5), Some(4.0)));
        let even = Row::of(case, &[run(1.0), run(2.0)], None, None);
        assert_eq!((even.runs, even.total_s), (2, 1.5));
    }

    #[test]
    fn a_wrong_run_shows() {
        let case = Case { n: 1, sleep_ms: 0, workers: 1, durable: false };
        assert!(!Row::of(case, &[run(1.0)], None, None).is_wrong());
        assert!(Row::of(case, &[run(1.0), Figures { callbacks: 2, ..run(1.0) }], None, None).is_wrong());
        assert!(Row::of(case, &[Figures { sum_is_right: false, ..run(1.0) }], None, None).is_wrong());
    }
}
