//! The control table in its file, which several processes share.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use control_table::ControlTable;
use control_table::clock::{Clock as _, Entropy, SystemClock};
use control_table::store::SqliteStore;
use control_table::store::sqlite::{Durability, Opener, ProcessId};
use emulator::embedded::EmbeddedDynamoDb;

use super::{Control, Database, is_there};
use crate::data_dir::{self, DataDir};
use crate::processes::Registration;
use crate::system::{CONTROL_TABLE, Error};

const NAME: &str = "control.db";

#[derive(Debug)]
pub(super) struct ControlFile {
    pub store: SqliteStore,
    pub data_dir: PathBuf,
    /// Readers have none.
    _registration: Option<Arc<Registration>>,
}

/// An open database, for a process that works there.
pub(in crate::system) struct Opened {
    pub database: Database,
    pub store: SqliteStore,
    pub registration: Arc<Registration>,
}

impl Database {
    pub(super) fn read_file(data_dir: &Path, durability: Durability, entropy: &Entropy) -> Result<Self, Error> {
        refuse_first_house(data_dir)?;
        let path = data_dir.join(NAME);
        if !is_there(&path)? {
            return Err(Error::Empty(data_dir.to_owned()));
        }
        // It opens no execution.
        let opener = Opener { process: new_process(entropy), origin: String::new() };
        let store = SqliteStore::open(&path, durability, opener)?;
        Ok(Self::around_file(data_dir, durability, store, None))
    }

    /// Opens it to work there; executions that are opened keep that origin.
    pub(in crate::system) fn open_file(
        data_dir: &Path,
        durability: Durability,
        entropy: &Entropy,
        origin: String,
    ) -> Result<Opened, Error> {
        data_dir::make(data_dir)?;
        refuse_first_house(data_dir)?;
        let process = new_process(entropy);
        let registration = Arc::new(Registration::new(data_dir, process)?);
        let store = SqliteStore::open(&data_dir.join(NAME), durability, Opener { process, origin })?;
        let database = Self::around_file(data_dir, durability, store.clone(), Some(Arc::clone(&registration)));
        Ok(Opened { database, store, registration })
    }

    fn around_file(
        data_dir: &Path,
        durability: Durability,
        store: SqliteStore,
        registration: Option<Arc<Registration>>,
    ) -> Self {
        let table = ControlTable::new(store.clone());
        let file = ControlFile { store, data_dir: data_dir.to_owned(), _registration: registration };
        Self::around(data_dir, durability, table, Control::File(file))
    }
}

fn new_process(entropy: &Entropy) -> ProcessId {
    ProcessId::new(entropy.uuid_v7(SystemClock.now()))
}

/// A data directory whose control table is in the embedded `DynamoDB` beside the user's tables, as it was before there was a file of
/// its own.
fn refuse_first_house(data_dir: &Path) -> Result<(), Error> {
    let file = DataDir::database_in(data_dir);
    if is_there(&data_dir.join(NAME))? || !is_there(&file)? {
        return Ok(());
    }
    let service = EmbeddedDynamoDb::open(&file, emulator::embedded::Durability::ProcessCrash)?;
    if service.has_table(CONTROL_TABLE)? { Err(Error::Outdated(data_dir.to_owned())) } else { Ok(()) }
}
