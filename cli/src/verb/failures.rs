//! `failures ID`.

use std::collections::HashMap;
use std::process::ExitCode;

use control_table::ControlTable;
use control_table::id::ExecutionId;
use control_table::read::FindError;
use control_table::rows::{ErrorKind, SegmentRow, SegmentStatus};
use serde::Serialize;
use serde_json::json;

use crate::args::FailuresArgs;
use crate::context::Context;
use crate::error::CliError;
use crate::format::{grouped, telling_line};
use crate::output::{Colour, Line, Output};

/// Groups whose tallies are read at once: one request.
const TALLIES_AT_ONCE: u64 = 100;

/// Indexes that are named of each error.
const EXAMPLES: usize = 5;

/// Different errors that are counted separately. A message with a number of its own in each segment has as many as segments; beyond this
/// they are only counted.
const ERRORS_MAX: usize = 10_000;

/// Segments that failed with the same error.
#[derive(Debug, PartialEq, Serialize)]
struct Failure {
    kind: Option<ErrorKind>,
    /// The line of the message that says most.
    message: String,
    count: u64,
    /// The lowest indexes.
    examples: Vec<u64>,
}

/// Failed segments by their errors.
#[derive(Default)]
struct Failures {
    by_error: HashMap<(Option<ErrorKind>, String), Failure>,
    /// Segments with errors that there was no room for.
    others: u64,
}

pub(super) async fn execute(context: &Context, args: &FailuresArgs) -> Result<ExitCode, CliError> {
    let database = context.read().await?;
    let table = database.control_table();
    let execution_id = context.resolve(table, &args.execution).await?;
    let execution =
        table.execution(execution_id).await?.ok_or_else(|| FindError::NotFound(args.execution.id.clone()))?;
    let (failures, others) = read(table, execution_id, execution.groups).await?.into_sorted();
    let failed = others + failures.iter().map(|failure| failure.count).sum::<u64>();
    if context.output.is_json() {
        let answer = json!({ "execution_id": execution_id, "failed": failed, "failures": failures, "others": others });
        context.output.value(&answer)?;
    } else {
        print(&context.output, &failures, others)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads only the groups whose tallies have failures.
async fn read(table: &ControlTable, execution_id: ExecutionId, groups: u64) -> Result<Failures, CliError> {
    let mut failures = Failures::default();
    let mut from = 0;
    while from < groups {
        let to = groups.min(from + TALLIES_AT_ONCE);
        for tally in table.tallies(execution_id, from..to).await? {
            if tally.failed.is_empty() {
                continue;
            }
            for row in table.group_segments(tally.group, Some(SegmentStatus::Failed)).await? {
                failures.count(row);
            }
        }
        from = to;
    }
    Ok(failures)
}

impl Failures {
    fn count(&mut self, row: SegmentRow) {
        let (kind, message) = match row.error {
            Some(error) => (Some(error.kind), telling_line(&error.message)),
            None => (None, "no error was recorded".to_owned()),
        };
        let has_room = self.by_error.len() < ERRORS_MAX;
        let key = (kind, message.clone());
        if !has_room && !self.by_error.contains_key(&key) {
            self.others += 1;
            return;
        }
        let failure = self.by_error.entry(key).or_insert(Failure { kind, message, count: 0, examples: Vec::new() });
        failure.count += 1;
        if failure.examples.len() < EXAMPLES {
            failure.examples.push(row.index);
        }
    }

    /// The most frequent first, and of two as frequent the one that came first.
    fn into_sorted(self) -> (Vec<Failure>, u64) {
        let mut failures: Vec<Failure> = self.by_error.into_values().collect();
        failures.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.examples.cmp(&b.examples)));
        (failures, self.others)
    }
}

fn print(output: &Output, failures: &[Failure], others: u64) -> Result<(), CliError> {
    if failures.is_empty() {
        output.note("no segment failed");
        return Ok(());
    }
    output.line(Line::painted(Colour::Dim, format_args!("{:>9}  {:<14}  MESSAGE", "SEGMENTS", "KIND")))?;
    for failure in failures {
        let kind = serde_json::to_value(failure.kind).map_err(crate::output::OutputError::from)?;
        let (count, kind) = (grouped(failure.count), kind.as_str().unwrap_or_default());
        output.line(Line::from(format_args!("{count:>9}  {kind:<14}  ")).paint(Colour::Red, &failure.message))?;
        let examples: Vec<String> = failure.examples.iter().map(u64::to_string).collect();
        let more = if failure.count > examples.len() as u64 { ", …" } else { "" };
        let examples = format_args!("{:>27}segments {}{more}", "", examples.join(", "));
        output.line(Line::painted(Colour::Dim, examples))?;
    }
    if others > 0 {
        output.line(format_args!("{:>9}  with yet other messages", grouped(others)))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use control_table::clock::Timestamp;
    use control_table::rows::SegmentFailure;

    fn row(index: u64, kind: ErrorKind, message: &str) -> SegmentRow {
        let id: ExecutionId = "0193a5b0-3c1e-7d2f-8a4b-5c6d7e8f9a0b".parse().unwrap();
        let mut row = SegmentRow::pending(id.segment(index), serde_json::Value::Null, 1, Timestamp::from_millis(0));
        row.error = Some(SegmentFailure::new(kind, message));
        row
    }

    #[test]
    fn the_most_frequent_error_comes_first_with_its_first_segments() {
        let mut failures = Failures::default();
        failures.count(row(0, ErrorKind::Permanent, "no such customer\nin table c"));
        for index in 1..9 {
            failures.count(row(index, ErrorKind::TimedOut, "late"));
        }
        failures.count(row(9, ErrorKind::Permanent, "no such customer\nin table d"));
        let (sorted, others) = failures.into_sorted();
        assert_eq!((sorted[0].count, sorted[0].examples.as_slice()), (8, &[1, 2, 3, 4, 5][..]));
        assert_eq!((sorted[1].message.as_str(), sorted[1].count, others), ("no such customer", 2, 0));
    }

    #[test]
    fn endlessly_many_different_errors_take_bounded_room() {
        let mut failures = Failures::default();
        for index in 0..ERRORS_MAX as u64 + 7 {
            failures.count(row(index, ErrorKind::Permanent, &format!("no customer {index}")));
        }
        failures.count(row(0, ErrorKind::Permanent, "no customer 0"));
        let (sorted, others) = failures.into_sorted();
        assert_eq!((sorted.len(), sorted[0].count, others), (ERRORS_MAX, 2, 7));
    }
}
