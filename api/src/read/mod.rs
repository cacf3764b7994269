//! Reads that several endpoints share. Each is bounded, whatever the size of the execution.

mod find;
mod scan;

pub use self::find::{execution, find};
pub use self::scan::{Scan, may_have};

use std::collections::BTreeSet;

use control_table::ControlTable;
use control_table::rows::ExecutionRow;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use crate::problem::Problem;
use crate::view::ExecutionView;

/// Executions that are read at the same time.
const AT_ONCE: usize = 8;

/// These executions with their sums and details, in the same order.
pub async fn views(table: &ControlTable, rows: Vec<ExecutionRow>) -> Result<Vec<ExecutionView>, Problem> {
    let views = stream::iter(rows).map(|row| ExecutionView::read(table, row.execution_id)).buffered(AT_ONCE);
    let views: Vec<Option<ExecutionView>> = views.try_collect().await?;
    Ok(views.into_iter().flatten().collect())
}

/// At most `most` of so many groups, evenly spread, the first and the last among them.
pub fn spread(groups: u64, most: u64) -> BTreeSet<u64> {
    let (taken, last) = (groups.min(most), groups.saturating_sub(1));
    let of = |number: u64| {
        u64::try_from(u128::from(number) * u128::from(last) / u128::from(taken.max(2) - 1)).unwrap_or(last)
    };
    (0..taken).map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_spread_from_the_first_group_to_the_last() {
        assert_eq!(spread(0, 5), BTreeSet::new());
        assert_eq!(spread(1, 5), BTreeSet::from([0]));
        assert_eq!(spread(4, 5), BTreeSet::from([0, 1, 2, 3]));
        assert_eq!(spread(9, 5), BTreeSet::from([0, 2, 4, 6, 8]));
        let many = spread(78_125, 200);
        assert_eq!((many.len(), many.first(), many.last()), (200, Some(&0), Some(&78_124)));
    }
}
