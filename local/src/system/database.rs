//! The control table and the user's tables, without anything that works on them.

use std::path::Path;
use std::sync::Arc;

use control_table::ControlTable;
use control_table::clock::Entropy;
use control_table::store::DynamoDbStore;

use super::{CONTROL_TABLE, Error};
use crate::data_dir::DataDir;
use emulator::embedded::{Durability, EmbeddedDynamoDb};

/// The attribute of the control table's items that says when they are deleted, as the template has it.
const EXPIRES_AT: &str = "expires_at";

/// An open data directory's `DynamoDB`.
#[derive(Debug)]
pub struct Database {
    dynamodb: EmbeddedDynamoDb,
    client: aws_sdk_dynamodb::Client,
    store: DynamoDbStore,
    control_table: ControlTable,
    /// Held while this lives; readers have none.
    _data_dir: Option<DataDir>,
}

impl Database {
    /// Opens it beside whatever process is running there: `SQLite` lets others read while one writes, and write one after the
    /// other. A single conditional write of the control table's is as safe there as one of a function on AWS, and the system
    /// that runs sees it at its next look; whatever puts records on the stream needs [`Database::lock`], though.
    ///
    /// # Errors
    /// When there is nothing yet, or it cannot be opened.
    #[expect(clippy::unused_async, reason = "as its sibling; callers in other crates await it")]
    pub async fn read(path: &Path, durability: Durability, entropy: Arc<Entropy>) -> Result<Self, Error> {
        let file = DataDir::database_in(path);
        if !file.exists() {
            return Err(Error::Empty(path.to_owned()));
        }
        let dynamodb = EmbeddedDynamoDb::open(&file, durability)?;
        // Not made here: the process that has the directory may be about to, and of two that make it at once one fails.
        if !dynamodb.has_table(CONTROL_TABLE)? {
            return Err(Error::Empty(path.to_owned()));
        }
        Ok(Self::around(dynamodb, entropy, None))
    }

    /// Opens it for writing, alone.
    ///
    /// # Errors
    /// When another process has the directory, or it cannot be opened.
    pub async fn lock(path: &Path, durability: Durability, entropy: Arc<Entropy>) -> Result<Self, Error> {
        let data_dir = DataDir::open(path)?;
        let dynamodb = EmbeddedDynamoDb::open(&data_dir.database(), durability)?;
        let database = Self::around(dynamodb, entropy, Some(data_dir));
        database.store.create().await?;
        database.dynamodb.enable_expiry(CONTROL_TABLE, EXPIRES_AT).await?;
        Ok(database)
    }

    fn around(dynamodb: EmbeddedDynamoDb, entropy: Arc<Entropy>, data_dir: Option<DataDir>) -> Self {
        let client = dynamodb.client();
        let store = DynamoDbStore::new(client.clone(), CONTROL_TABLE, entropy);
        let control_table = ControlTable::new(store.clone());
        Self { dynamodb, client, store, control_table, _data_dir: data_dir }
    }

    /// The embedded service.
    pub(super) fn service(&self) -> &EmbeddedDynamoDb {
        &self.dynamodb
    }

    /// A client for the user's own tables.
    #[must_use]
    pub fn dynamodb(&self) -> &aws_sdk_dynamodb::Client {
        &self.client
    }

    /// The control table.
    #[must_use]
    pub fn control_table(&self) -> &ControlTable {
        &self.control_table
    }
}
