//! Further handles on the file, for reads: a read that finds the first handle at work need not wait for it.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use dynoxide::{Database, Result};

/// Handles open at once. More processors than that are busy with the work itself; each handle costs a few file descriptors.
const MOST: usize = 8;

/// The handles, opened when they are needed first.
pub(super) struct Readers {
    path: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    idle: Vec<Database>,
    open: usize,
    /// How often the tables were changed. A handle remembers the tables that it has seen, so an older one is closed.
    version: u64,
}

/// A handle, for one read.
pub(super) struct Reader<'a> {
    readers: &'a Readers,
    version: u64,
    database: Database,
}

impl Readers {
    /// None is open yet. `None` if the path is not Unicode, as dynoxide needs it.
    pub(super) fn new(path: &Path) -> Option<Self> {
        let path = path.to_str()?.to_owned();
        Some(Self { path, state: Mutex::default() })
    }

    /// A table was made, changed or deleted.
    pub(super) fn forget(&self) {
        let mut state = self.state();
        state.version += 1;
        state.open -= state.idle.len();
        state.idle.clear();
    }

    /// A handle; `None` if all are at work, or no further one can be opened.
    pub(super) fn take(&self) -> Option<Reader<'_>> {
        let mut state = self.state();
        let version = state.version;
        let database = match state.idle.pop() {
            Some(database) => database,
            None if state.open < MOST => {
                state.open += 1;
                drop(state);
                // A handle that does not open leaves the read to the first one, which has an error to tell.
                self.open().inspect_err(|_| self.state().open -= 1).ok()?
            }
            None => return None,
        };
        Some(Reader { readers: self, version, database })
    }

    fn open(&self) -> Result<Database> {
        let database = Database::new(&self.path)?;
        // For its map of the file in memory: without it a read copies each page.
        database.enable_bulk_loading()?;
        Ok(database)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change of it is one step, so a panic elsewhere leaves it whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reader<'_> {
    pub(super) const fn database(&self) -> &Database {
        &self.database
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        let mut state = self.readers.state();
        if state.version == self.version {
            state.idle.push(self.database.clone());
        } else {
            state.open -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(reader: &Reader<'_>) -> usize {
        let request = serde_json::from_str("{}").expect("a request");
        reader.database().list_tables(request).expect("a list").table_names.len()
    }

    #[test]
    fn handles_are_bounded_used_again_and_renewed() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("db");
        let first = Database::new(path.to_str().expect("Unicode")).expect("a database");
        let readers = Readers::new(&path).expect("Unicode");
        let taken: Vec<_> = (0..MOST).map(|_| readers.take().expect("one more")).collect();
        assert!(readers.take().is_none(), "all are at work");
        drop(taken);
        assert_eq!(readers.state().idle.len(), MOST);

        let before = readers.take().expect("an idle one");
        let table = r#"{"TableName":"things","BillingMode":"PAY_PER_REQUEST",
            "AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"S"}],
            "KeySchema":[{"AttributeName":"pk","KeyType":"HASH"}]}"#;
        first.create_table(serde_json::from_str(table).expect("a request")).expect("a table");
        readers.forget();
        drop(before);
        assert_eq!(readers.state().open, 0, "older handles are closed");
        assert_eq!(list(&readers.take().expect("a new one")), 1);
    }
}
