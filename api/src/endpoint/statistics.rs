//! How long segments take, from a sample of them.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use control_table::clock::Timestamp;
use control_table::rows::{ExecutionRow, SegmentRow, SegmentStatus};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::Serialize;
use utoipa::ToSchema;

use crate::parts::Parts;
use crate::problem::Problem;
use crate::problem::responses::ReadProblems;
use crate::read;
use crate::request::Path;

/// Groups that are read at most, evenly spread over the execution: a query for each, 25,600 segments in all.
const GROUPS_MAX: u64 = 200;

/// Queries that are sent at the same time.
const AT_ONCE: usize = 8;

/// Slowest segments that are named.
const SLOWEST: usize = 10;

/// Points of the throughput.
const POINTS: u64 = 60;

/// The upper ends of the first bins in milliseconds; each later decade has the same three.
const BINS: [u64; 3] = [1, 2, 5];

/// Statistics of segments with an outcome.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Statistics {
    /// Segments that were read. If they are fewer than `of`, everything here is of an evenly spread sample.
    pub sampled: u64,
    /// Segments of the execution.
    pub of: u64,
    /// How long their last attempts took.
    pub durations_ms: Durations,
    /// The slowest of them, slowest first.
    pub slowest: Vec<Slow>,
    /// Outcomes over time, oldest first; of the sample, so multiply by `of / sampled`.
    pub throughput: Vec<Point>,
}

/// How long segments took, in milliseconds; zeros if none has an outcome.
#[derive(Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Durations {
    /// Half of them took at most this.
    pub p50: u64,
    /// Nineteen of twenty took at most this.
    pub p95: u64,
    /// The longest.
    pub max: u64,
    /// The mean.
    pub mean: u64,
    /// How many took how long, from short to long.
    pub histogram: Vec<Bin>,
}

/// Segments that took about as long.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Bin {
    /// From this many milliseconds.
    pub from: u64,
    /// To less than this.
    pub to: u64,
    /// Segments.
    pub count: u64,
}

/// A slow segment.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Slow {
    /// Its index.
    pub index: u64,
    /// Milliseconds of its last attempt.
    pub duration_ms: u64,
}

/// Outcomes in a span of time.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Point {
    /// The beginning of the span; the next point begins where it ends.
    pub at: DateTime<Utc>,
    /// Segments that succeeded in it.
    pub succeeded: u64,
    /// Segments that failed in it.
    pub failed: u64,
}

/// Shows how long segments take, which are slowest, and how many end when: from at most 200 groups, evenly spread.
#[utoipa::path(
    get,
    path = "/executions/{id}/statistics",
    operation_id = "get_statistics",
    tag = "executions",
    params(("id" = String, Path, description = "The execution's ID")),
    responses(
        (status = 200, description = "Statistics of a sample", body = Statistics),
        ReadProblems,
    ),
)]
pub async fn get(State(parts): State<Parts>, Path(id): Path<String>) -> Result<Json<Statistics>, Problem> {
    let (execution, now) = (read::execution(&parts, &id).await?, parts.clock.now().into());
    let groups = read::spread(execution.groups, GROUPS_MAX);
    let groups = stream::iter(groups).map(|group| execution.execution_id.group(group));
    let read = groups.map(|group| parts.table().group_segments(group, None)).buffer_unordered(AT_ONCE);
    let rows: Vec<Vec<SegmentRow>> = read.try_collect().await?;
    let rows: Vec<SegmentRow> = rows.into_iter().flatten().collect();
    Ok(Json(of_rows(&execution, &rows, now)))
}

fn of_rows(execution: &ExecutionRow, rows: &[SegmentRow], now: Timestamp) -> Statistics {
    let worked = rows.iter().filter(|row| matches!(row.status, SegmentStatus::Succeeded | SegmentStatus::Failed));
    let worked: Vec<&SegmentRow> = worked.collect();
    let mut by_time: Vec<(u64, u64)> = worked.iter().map(|row| (row.counts.duration_ms, row.index)).collect();
    by_time.sort_unstable();
    let slowest = by_time.iter().rev().take(SLOWEST).map(|&(duration_ms, index)| Slow { index, duration_ms });
    Statistics {
        sampled: rows.len() as u64,
        of: execution.segments,
        slowest: slowest.collect(),
        durations_ms: durations(&by_time.iter().map(|(duration, _)| *duration).collect::<Vec<_>>()),
        throughput: throughput(execution, &worked, now),
    }
}

/// Of durations in ascending order.
fn durations(sorted: &[u64]) -> Durations {
    let Some(&max) = sorted.last() else { return Durations::default() };
    let at = |percent: usize| sorted[(sorted.len() * percent).div_ceil(100).saturating_sub(1)];
    let mean = sorted.iter().map(|&duration| u128::from(duration)).sum::<u128>() / sorted.len() as u128;
    Durations {
        p50: at(50),
        p95: at(95),
        max,
        mean: u64::try_from(mean).unwrap_or(u64::MAX),
        histogram: histogram(sorted),
    }
}

/// Counts by 0 to 1, 1 to 2, 2 to 5, 5 to 10 ms and so on, from the first bin that has some to the last.
fn histogram(sorted: &[u64]) -> Vec<Bin> {
    let decades = std::iter::successors(Some(1_u64), |decade| decade.checked_mul(10));
    let ends = decades.flat_map(|decade| BINS.map(|bin| bin.saturating_mul(decade)));
    let (mut bins, mut from, mut left) = (Vec::new(), 0, sorted);
    for to in ends {
        let (these, rest) = left.split_at(left.partition_point(|&duration| duration < to));
        if !(bins.is_empty() && these.is_empty()) {
            bins.push(Bin { from, to, count: these.len() as u64 });
        }
        (from, left) = (to, rest);
        if left.is_empty() {
            break;
        }
    }
    bins
}

/// Outcomes in spans of equal length, from the beginning of the generation to its end, or until now.
fn throughput(execution: &ExecutionRow, worked: &[&SegmentRow], now: Timestamp) -> Vec<Point> {
    let ends: Vec<(Timestamp, SegmentStatus)> =
        worked.iter().filter_map(|row| Some((row.finished_at?, row.status))).collect();
    let begin = ends.iter().map(|(at, _)| *at).chain([execution.started_at]).min().unwrap_or(now);
    let end = execution.finished_at.unwrap_or(now).max(ends.iter().map(|(at, _)| *at).max().unwrap_or(now));
    if ends.is_empty() {
        return Vec::new();
    }
    let span = (end.millis_since(begin) / POINTS + 1).max(1);
    let at =
        |number: u64| begin.plus(chrono::TimeDelta::milliseconds(i64::try_from(span * number).unwrap_or(i64::MAX)));
    let mut points: Vec<Point> = (0..=end.millis_since(begin) / span)
        .map(|number| Point { at: at(number).to_datetime(), succeeded: 0, failed: 0 })
        .collect();
    for (finished_at, status) in ends {
        let number = usize::try_from(finished_at.millis_since(begin) / span).unwrap_or(usize::MAX);
        let Some(point) = points.get_mut(number) else { continue };
        match status {
            SegmentStatus::Failed => point.failed += 1,
            _ => point.succeeded += 1,
        }
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        assert_eq!(durations(&[]), Durations::default());
        let hundred: Vec<u64> = (1..=100).collect();
        let of = durations(&hundred);
        assert_eq!((of.p50, of.p95, of.max, of.mean), (50, 95, 100, 50));
        assert_eq!(durations(&[7]).p95, 7);
    }

    #[test]
    fn a_histogram_has_every_duration_and_no_empty_ends() {
        let bins = histogram(&[3, 4, 40, 41, 42]);
        let ends: Vec<(u64, u64, u64)> = bins.iter().map(|bin| (bin.from, bin.to, bin.count)).collect();
        assert_eq!(ends, [(2, 5, 2), (5, 10, 0), (10, 20, 0), (20, 50, 3)]);
        let all = histogram(&[0, u64::MAX - 1]);
        assert_eq!(all.iter().map(|bin| bin.count).sum::<u64>(), 2);
    }
}
