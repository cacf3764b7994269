//! The control table and the user's tables, without anything that works on them.
//!
//! | file or folder of a data directory | |
//! |---|---|
//! | `control.db` | the control table |
//! | `dynamodb.sqlite` | the user's tables, in the embedded `DynamoDB` |
//! | `processes/` | a lock file for each process that works here |
//! | `emulator/` | the control table of `--emulate`, in an embedded `DynamoDB` of its own |

use std::path::{Path, PathBuf};
use std::sync::Arc;

use control_table::ControlTable;
use control_table::clock::{Clock, Entropy, SystemClock};
use control_table::id::ExecutionId;
use control_table::store::sqlite::{Durability, Opener, Owner, ProcessId};
use control_table::store::{DynamoDbStore, SqliteStore};
use emulator::embedded::EmbeddedDynamoDb;

use super::{CONTROL_TABLE, Error};
use crate::data_dir::{DataDir, DataDirError};
use crate::processes::{Life, Registration, life_of};

/// The attribute of the control table's items that says when they are deleted, as the template has it.
const EXPIRES_AT: &str = "expires_at";

/// The file of the control table.
const CONTROL_FILE: &str = "control.db";

/// The folder of an emulation.
const EMULATOR: &str = "emulator";

/// A data directory, and which of its two control tables is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The directory.
    pub data_dir: PathBuf,
    /// Whether the control table is the emulation's.
    pub emulate: bool,
}

/// An open data directory.
#[derive(Debug)]
pub struct Database {
    source_tables: EmbeddedDynamoDb,
    client: aws_sdk_dynamodb::Client,
    control_table: ControlTable,
    pub(super) control: Control,
}

/// What keeps the control table.
#[derive(Debug)]
pub(super) enum Control {
    File(File),
    Emulated(Emulated),
}

#[derive(Debug)]
pub(super) struct File {
    pub store: SqliteStore,
    data_dir: PathBuf,
    /// Readers have none.
    _registration: Option<Registration>,
}

#[derive(Debug)]
pub(super) struct Emulated {
    pub service: EmbeddedDynamoDb,
    store: DynamoDbStore,
    /// Held while this lives; readers have none.
    _lock: Option<DataDir>,
}

impl Place {
    fn control_file(&self) -> PathBuf {
        self.data_dir.join(CONTROL_FILE)
    }

    fn emulator(&self) -> PathBuf {
        self.data_dir.join(EMULATOR)
    }
}

impl Database {
    /// Opens it to read, beside the processes that work there. A single conditional write is as safe there as one of a function on AWS:
    /// the process that works on the execution sees it at its next look.
    ///
    /// # Errors
    /// When there is nothing yet, or it cannot be opened.
    #[expect(clippy::unused_async, reason = "as its sibling; callers in other crates await it")]
    pub async fn read(place: &Place, durability: Durability, entropy: Arc<Entropy>) -> Result<Self, Error> {
        let empty = || Error::Empty(place.data_dir.clone());
        if place.emulate {
            let file = DataDir::database_in(&place.emulator());
            if !is_there(&file)? {
                return Err(empty());
            }
            let service = EmbeddedDynamoDb::open(&file, emulated(durability))?;
            // Not made here: the process that has the directory may be about to, and of two that make it at once one fails.
            if !service.has_table(CONTROL_TABLE)? {
                return Err(empty());
            }
            return Self::emulated(place, durability, service, entropy, None);
        }
        refuse_first_house(place)?;
        if !is_there(&place.control_file())? {
            return Err(empty());
        }
        let store = SqliteStore::open(&place.control_file(), durability, reader(&entropy))?;
        Self::around(
            place,
            durability,
            ControlTable::new(store.clone()),
            Control::File(File { store, data_dir: place.data_dir.clone(), _registration: None }),
        )
    }

    /// Opens it to work there, and makes it if it is missing: beside other processes; an emulation alone.
    ///
    /// # Errors
    /// When it cannot be opened; of an emulation, also when another process has it.
    pub async fn open(place: &Place, durability: Durability, entropy: Arc<Entropy>) -> Result<Self, Error> {
        Self::open_as(place, durability, entropy, String::new()).await
    }

    /// As [`Self::open`]; executions that are opened keep that origin.
    pub(super) async fn open_as(
        place: &Place,
        durability: Durability,
        entropy: Arc<Entropy>,
        origin: String,
    ) -> Result<Self, Error> {
        if place.emulate {
            let lock = DataDir::open(&place.emulator())?;
            let service = EmbeddedDynamoDb::open(&lock.database(), emulated(durability))?;
            let database = Self::emulated(place, durability, service, entropy, Some(lock))?;
            if let Control::Emulated(Emulated { service, store, .. }) = &database.control {
                store.create().await?;
                service.enable_expiry(CONTROL_TABLE, EXPIRES_AT).await?;
            }
            return Ok(database);
        }
        make(&place.data_dir)?;
        refuse_first_house(place)?;
        let process = new_process(&entropy);
        let registration = Some(Registration::new(&place.data_dir, process)?);
        let store = SqliteStore::open(&place.control_file(), durability, Opener { process, origin })?;
        let data_dir = place.data_dir.clone();
        let control = Control::File(File { store: store.clone(), data_dir, _registration: registration });
        Self::around(place, durability, ControlTable::new(store), control)
    }

    fn emulated(
        place: &Place,
        durability: Durability,
        service: EmbeddedDynamoDb,
        entropy: Arc<Entropy>,
        lock: Option<DataDir>,
    ) -> Result<Self, Error> {
        let store = DynamoDbStore::new(service.client(), CONTROL_TABLE, entropy);
        let control_table = ControlTable::new(store.clone());
        Self::around(place, durability, control_table, Control::Emulated(Emulated { service, store, _lock: lock }))
    }

    fn around(
        place: &Place,
        durability: Durability,
        control_table: ControlTable,
        control: Control,
    ) -> Result<Self, Error> {
        let source_tables = EmbeddedDynamoDb::open(&DataDir::database_in(&place.data_dir), emulated(durability))?;
        let client = source_tables.client();
        Ok(Self { source_tables, client, control_table, control })
    }

    /// The embedded service of the user's tables.
    pub(super) const fn source_tables(&self) -> &EmbeddedDynamoDb {
        &self.source_tables
    }

    /// A client for the user's own tables.
    #[must_use]
    pub const fn dynamodb(&self) -> &aws_sdk_dynamodb::Client {
        &self.client
    }

    /// The control table.
    #[must_use]
    pub const fn control_table(&self) -> &ControlTable {
        &self.control_table
    }

    /// Whether the process lives that works on an execution, or worked on it last; `None` if that is not known: in an emulation, and
    /// if there is no such execution.
    ///
    /// # Errors
    /// When the control table or the process's lock cannot be read.
    pub async fn process_of(&self, execution_id: ExecutionId) -> Result<Option<Life>, Error> {
        let Control::File(file) = &self.control else { return Ok(None) };
        let Some(Owner { process, .. }) = file.store.owner(execution_id).await? else { return Ok(None) };
        Ok(Some(life_of(&file.data_dir, process)?))
    }
}

const fn emulated(durability: Durability) -> emulator::embedded::Durability {
    match durability {
        Durability::ProcessCrash => emulator::embedded::Durability::ProcessCrash,
        Durability::PowerLoss => emulator::embedded::Durability::PowerLoss,
    }
}

fn new_process(entropy: &Entropy) -> ProcessId {
    ProcessId::new(entropy.uuid_v7(SystemClock.now()))
}

/// A process that opens no execution.
fn reader(entropy: &Entropy) -> Opener {
    Opener { process: new_process(entropy), origin: String::new() }
}

fn make(directory: &Path) -> Result<(), DataDirError> {
    let unusable = |source| DataDirError::Unusable { path: directory.to_owned(), source };
    std::fs::create_dir_all(directory).map_err(unusable)
}

/// Whether the file exists. A directory that may not be read is an error, and not an empty one.
fn is_there(file: &Path) -> Result<bool, DataDirError> {
    file.try_exists().map_err(|source| DataDirError::Unusable { path: file.to_owned(), source })
}

/// A data directory whose control table is in the embedded `DynamoDB` beside the user's tables, as it was before there was a file of
/// its own.
fn refuse_first_house(place: &Place) -> Result<(), Error> {
    let file = DataDir::database_in(&place.data_dir);
    if is_there(&place.control_file())? || !is_there(&file)? {
        return Ok(());
    }
    let service = EmbeddedDynamoDb::open(&file, emulator::embedded::Durability::ProcessCrash)?;
    if service.has_table(CONTROL_TABLE)? { Err(Error::Outdated(place.data_dir.clone())) } else { Ok(()) }
}
