//! Gathers rows into batches whose keys one request asks about.

use std::collections::HashMap;

use control_table::limits::KEYS_PER_BATCH_GET;

use super::row::Row;

/// Well below the limit of 16 MB for one request to write, which counts the JSON around the values, too.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Rows with different keys.
#[derive(Debug, Default)]
pub struct Batch {
    rows: Vec<Row>,
    places: HashMap<String, usize>,
    bytes: usize,
    /// Rows of the file in it, replaced ones included.
    pub read: u64,
    /// Rows in it that replaced another one in it.
    pub replaced: u64,
}

impl Batch {
    /// Whether the row needs a batch of its own or the next one.
    pub fn is_full_for(&self, row: &Row) -> bool {
        !self.rows.is_empty() && (self.rows.len() >= KEYS_PER_BATCH_GET || self.bytes + row.bytes > MAX_BYTES)
    }

    /// Adds a row. One with the same key is replaced: a request with both would be refused, and of two puts the later
    /// one stays.
    pub fn push(&mut self, row: Row) {
        self.read += 1;
        self.bytes += row.bytes;
        if let Some(&place) = self.places.get(&row.key) {
            self.replaced += 1;
            self.rows[place] = row;
        } else {
            self.places.insert(row.key.clone(), self.rows.len());
            self.rows.push(row);
        }
    }

    /// Its rows.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Its rows, to be given away.
    pub fn into_rows(self) -> Vec<Row> {
        self.rows
    }

    /// Whether it is still without a row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(key: &str, line: u64, bytes: usize) -> Row {
        Row { line, key: key.to_owned(), bytes, item: HashMap::new() }
    }

    #[test]
    fn of_two_rows_with_one_key_the_later_stays() {
        let mut batch = Batch::default();
        for (line, key) in ["a", "b", "a"].into_iter().enumerate() {
            batch.push(row(key, line as u64, 1));
        }
        assert_eq!((batch.read, batch.replaced), (3, 1));
        assert_eq!(batch.rows().iter().map(|row| row.line).collect::<Vec<_>>(), [2, 1]);
    }

    #[test]
    fn it_is_full_by_rows_or_by_bytes() {
        let mut batch = Batch::default();
        assert!(!batch.is_full_for(&row("a", 1, 10 * MAX_BYTES)), "one row always fits");
        for number in 0..100 {
            assert!(!batch.is_full_for(&row("x", 1, 1)));
            batch.push(row(&number.to_string(), number, 1));
        }
        assert!(batch.is_full_for(&row("x", 1, 1)));

        let mut large = Batch::default();
        large.push(row("a", 1, MAX_BYTES));
        assert!(large.is_full_for(&row("b", 2, 1)));
    }
}
