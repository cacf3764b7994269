//! Rows that the writing thread has just saved, so that it need not read their JSON again: a claim is followed by its finish, and a tally
//! by the next.

use std::collections::HashMap;

use crate::rows::{AnyRow, RowKey};

/// Bytes of JSON that are remembered. A choice: some thousand rows of the usual size, and 170 of the largest.
const BYTES_MAX: usize = 4 * 1024 * 1024;

/// The rows, each with its JSON as it was saved.
#[derive(Default)]
pub(super) struct RecentRows {
    rows: HashMap<RowKey, (String, AnyRow)>,
    bytes: usize,
}

impl RecentRows {
    /// The row that `body` is the JSON of, if it is remembered. Another process may have changed the row, or the transaction that saved
    /// it may have been rolled back: then the file has another JSON.
    pub fn take(&mut self, key: &RowKey, body: &str) -> Option<AnyRow> {
        let (saved, row) = self.rows.remove(key)?;
        self.bytes -= saved.len();
        (saved == body).then_some(row)
    }

    /// Remembers a row that was saved. Past the bound it forgets all others.
    pub fn put(&mut self, row: AnyRow, body: String) {
        if self.bytes + body.len() > BYTES_MAX {
            self.rows.clear();
            self.bytes = 0;
        }
        self.bytes += body.len();
        if let Some((replaced, _)) = self.rows.insert(row.key(), (body, row)) {
            self.bytes -= replaced.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::WatermarkRow;

    fn row(shard: &str) -> AnyRow {
        AnyRow::Watermark(Box::new(WatermarkRow::new("segments", shard)))
    }

    #[test]
    fn a_row_is_remembered_while_the_file_has_its_json() {
        let mut recent = RecentRows::default();
        let key = row("shard-1").key();
        assert_eq!(recent.take(&key, "{}"), None);
        recent.put(row("shard-1"), "{}".to_owned());
        assert_eq!(recent.take(&key, "{}"), Some(row("shard-1")));
        recent.put(row("shard-1"), "{}".to_owned());
        assert_eq!(recent.take(&key, r#"{"by":"another process"}"#), None, "and it is forgotten");
        assert_eq!((recent.take(&key, "{}"), recent.bytes), (None, 0));
    }

    #[test]
    fn what_is_remembered_has_a_bound() {
        let mut recent = RecentRows::default();
        let half = "x".repeat(BYTES_MAX / 2);
        for shard in ["shard-1", "shard-1", "shard-2", "shard-3"] {
            recent.put(row(shard), half.clone());
        }
        assert_eq!((recent.rows.len(), recent.bytes), (1, half.len()));
        assert_eq!(recent.take(&row("shard-3").key(), &half), Some(row("shard-3")));
    }
}
