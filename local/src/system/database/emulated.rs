//! The control table of an emulation: an embedded `DynamoDB` of its own, which one process has at a time.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use control_table::ControlTable;
use control_table::clock::Entropy;
use control_table::store::DynamoDbStore;
use control_table::store::sqlite::Durability;
use emulator::embedded::EmbeddedDynamoDb;

use super::{Control, Database, is_there};
use crate::data_dir::DataDir;
use crate::system::{CONTROL_TABLE, Error};

/// The attribute of the control table's items that says when they are deleted, as the template has it.
const EXPIRES_AT: &str = "expires_at";

fn folder(data_dir: &Path) -> PathBuf {
    data_dir.join("emulator")
}

impl Database {
    pub(super) fn read_emulated(data_dir: &Path, durability: Durability, entropy: Arc<Entropy>) -> Result<Self, Error> {
        let empty = || Error::Empty(data_dir.to_owned());
        let file = DataDir::database_in(&folder(data_dir));
        if !is_there(&file)? {
            return Err(empty());
        }
        let service = EmbeddedDynamoDb::open(&file, super::emulated(durability))?;
        // Not made here: the process that has the directory may be about to, and of two that make it at once one fails.
        if !service.has_table(CONTROL_TABLE)? {
            return Err(empty());
        }
        let store = DynamoDbStore::new(service.client(), CONTROL_TABLE, entropy);
        Ok(Self::around(data_dir, durability, ControlTable::new(store), Control::Emulated(None)))
    }

    /// Opens it to work there, and returns the emulation's `DynamoDB` too.
    pub(in crate::system) async fn open_emulated(
        data_dir: &Path,
        durability: Durability,
        entropy: Arc<Entropy>,
    ) -> Result<(Self, EmbeddedDynamoDb), Error> {
        let lock = DataDir::open(&folder(data_dir))?;
        let service = EmbeddedDynamoDb::open(&lock.database(), super::emulated(durability))?;
        let store = DynamoDbStore::new(service.client(), CONTROL_TABLE, entropy);
        store.create().await?;
        service.enable_expiry(CONTROL_TABLE, EXPIRES_AT).await?;
        let table = ControlTable::new(store);
        Ok((Self::around(data_dir, durability, table, Control::Emulated(Some(lock))), service))
    }
}
