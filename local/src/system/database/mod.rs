//! The control table and the user's tables, without anything that works on them.
//!
//! | file or folder of a data directory | |
//! |---|---|
//! | `control.db` | the control table |
//! | `dynamodb.sqlite` | the user's tables, in the embedded `DynamoDB` |
//! | `processes/` | a lock file for each process that works here |
//! | `emulator/` | the control table of `--emulate`, in an embedded `DynamoDB` of its own |
//!
//! - `file`: the control table in its file
//! - `emulated`: the emulation's

#[cfg(feature = "emulate")]
mod emulated;
mod file;

pub(super) use self::file::Opened;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use control_table::ControlTable;
use control_table::clock::Entropy;
use control_table::id::ExecutionId;
use control_table::store::SqliteStore;
use control_table::store::sqlite::{Durability, Owner};
use emulator::embedded::EmbeddedDynamoDb;

use super::Error;
use crate::data_dir::{DataDir, DataDirError};
use crate::processes::{Life, life_of};

/// A data directory, and which of its two control tables is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The directory.
    pub data_dir: PathBuf,
    /// Whether the control table is the emulation's.
    pub emulate: bool,
}

/// An open data directory. The user's tables are opened only when they are needed: what is recorded of executions can be read beside
/// tables that are damaged.
#[derive(Debug)]
pub struct Database {
    data_dir: PathBuf,
    durability: Durability,
    control_table: ControlTable,
    control: Control,
}

/// What keeps the control table.
#[derive(Debug)]
enum Control {
    File(file::ControlFile),
    #[cfg(feature = "emulate")]
    Emulated(#[expect(dead_code, reason = "held while the database lives: it is the lock")] Option<DataDir>),
}

impl Database {
    /// Opens it to read, beside the processes that work there. A single conditional write is as safe there as one of a function on AWS:
    /// the process that works on the execution sees it at its next look.
    ///
    /// # Errors
    /// When there is nothing yet, or it cannot be opened.
    #[expect(clippy::unused_async, reason = "as its sibling; callers in other crates await it")]
    pub async fn read(place: &Place, durability: Durability, entropy: Arc<Entropy>) -> Result<Self, Error> {
        if place.emulate {
            #[cfg(feature = "emulate")]
            return Self::read_emulated(&place.data_dir, durability, entropy);
            #[cfg(not(feature = "emulate"))]
            return Err(Error::WithoutEmulation);
        }
        Self::read_file(&place.data_dir, durability, &entropy)
    }

    /// Opens it to work there, and makes it if it is missing: beside other processes; an emulation alone.
    ///
    /// # Errors
    /// When it cannot be opened; of an emulation, also when another process has it.
    #[cfg_attr(not(feature = "emulate"), expect(clippy::unused_async, reason = "an emulation is made by requests"))]
    pub async fn open(place: &Place, durability: Durability, entropy: Arc<Entropy>) -> Result<Self, Error> {
        if place.emulate {
            #[cfg(feature = "emulate")]
            return Ok(Self::open_emulated(&place.data_dir, durability, entropy).await?.0);
            #[cfg(not(feature = "emulate"))]
            return Err(Error::WithoutEmulation);
        }
        Ok(Self::open_file(&place.data_dir, durability, &entropy, String::new())?.database)
    }

    fn around(data_dir: &Path, durability: Durability, control_table: ControlTable, control: Control) -> Self {
        Self { data_dir: data_dir.to_owned(), durability, control_table, control }
    }

    /// Opens the embedded service of the user's tables.
    pub(super) fn source_tables(&self) -> Result<EmbeddedDynamoDb, Error> {
        Ok(EmbeddedDynamoDb::open(&DataDir::database_in(&self.data_dir), emulated(self.durability))?)
    }

    /// Opens the user's tables, and returns a client for them.
    ///
    /// # Errors
    /// When their file cannot be opened.
    pub fn dynamodb(&self) -> Result<aws_sdk_dynamodb::Client, Error> {
        Ok(self.source_tables()?.client())
    }

    /// The control table.
    #[must_use]
    pub const fn control_table(&self) -> &ControlTable {
        &self.control_table
    }

    /// The store that several processes share, and their directory; `None` of an emulation.
    #[cfg_attr(not(feature = "emulate"), expect(clippy::unnecessary_wraps, reason = "an emulation has none"))]
    pub(crate) fn shared_file(&self) -> Option<(&SqliteStore, &Path)> {
        match &self.control {
            Control::File(file) => Some((&file.store, &file.data_dir)),
            #[cfg(feature = "emulate")]
            Control::Emulated(_) => None,
        }
    }

    /// Whether the process lives that works on an execution, or worked on it last; `None` if that is not known: in an emulation, and
    /// if there is no such execution.
    ///
    /// # Errors
    /// When the control table or the process's lock cannot be read.
    pub async fn process_of(&self, execution_id: ExecutionId) -> Result<Option<Life>, Error> {
        let Some((store, data_dir)) = self.shared_file() else { return Ok(None) };
        let Some(Owner { process, .. }) = store.owner(execution_id).await? else { return Ok(None) };
        Ok(Some(life_of(data_dir, process)?))
    }
}

/// A directory that may not be read, or a file in its place, is no empty one.
fn is_there(file: &Path) -> Result<bool, DataDirError> {
    file.try_exists().map_err(|source| DataDirError::Unusable { path: file.to_owned(), source })
}

const fn emulated(durability: Durability) -> emulator::embedded::Durability {
    match durability {
        Durability::ProcessCrash => emulator::embedded::Durability::ProcessCrash,
        Durability::PowerLoss => emulator::embedded::Durability::PowerLoss,
    }
}
