//! Retention: what has had its time is deleted, as `DynamoDB` does by itself.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::MissedTickBehavior;

use control_table::ControlTable;
use control_table::clock::Clock;
use control_table::rows::{DueKind, DueShard};
use control_table::store::{SqliteStore, Store as _};
use emulator::StopSignal;
#[cfg(feature = "emulate")]
use emulator::embedded::EmbeddedDynamoDb;

use crate::data_dir::DataDirError;
use crate::{lists, logs};

/// How often. A retention is days, and on AWS a deletion may be two days late.
const PERIOD: Duration = Duration::from_hours(1);

/// What holds the rows.
pub(super) enum Expiring {
    /// The store in a file, and the data directory with the output of commands.
    File(SqliteStore, PathBuf),
    /// The emulation's `DynamoDB`.
    #[cfg(feature = "emulate")]
    Emulated(EmbeddedDynamoDb),
}

impl Expiring {
    async fn delete(&self, clock: &dyn Clock) -> Result<u64, super::Error> {
        match self {
            Self::File(store, data_dir) => {
                let deleted = store.delete_expired(clock.timestamp()).await?;
                delete_logs(store, data_dir).await?;
                delete_lists(store, data_dir, clock.now().into()).await?;
                Ok(deleted)
            }
            #[cfg(feature = "emulate")]
            Self::Emulated(service) => Ok(service.delete_expired().await? as u64),
        }
    }
}

/// Deletes the output of executions that are gone.
async fn delete_logs(store: &SqliteStore, data_dir: &Path) -> Result<(), super::Error> {
    let unusable = |source| DataDirError::Unusable { path: logs::folder(data_dir), source };
    for execution_id in logs::executions(data_dir).map_err(unusable)? {
        if store.owner(execution_id).await?.is_none() {
            logs::delete(data_dir, execution_id).map_err(unusable)?;
        }
    }
    Ok(())
}

/// Deletes the lists of codes that no scatter needs any more.
async fn delete_lists(store: &SqliteStore, data_dir: &Path, now: SystemTime) -> Result<(), super::Error> {
    let unusable = |source| DataDirError::Unusable { path: lists::folder(data_dir), source };
    let old = lists::old(data_dir, now).map_err(unusable)?;
    if old.is_empty() {
        return Ok(());
    }
    let (table, mut used) = (ControlTable::new(store.clone()), HashSet::new());
    for shard in DueShard::all(DueKind::Execution) {
        for execution_id in store.open_executions(shard).await? {
            let plan = table.plan(execution_id).await?;
            used.extend(plan.and_then(|plan| plan.source.get("file")?.as_str().map(PathBuf::from)));
        }
    }
    Ok(lists::delete(old, &used).map_err(unusable)?)
}

/// Deletes expired items at the start and then from time to time, until the stop is requested.
pub(super) async fn delete_expired(rows: Expiring, clock: Arc<dyn Clock>, mut stop: StopSignal) {
    let mut ticks = tokio::time::interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.requested() => return,
            _ = ticks.tick() => {}
        }
        let deleted = tokio::select! {
            () = stop.requested() => return,
            deleted = rows.delete(&*clock) => deleted,
        };
        match deleted {
            Ok(0) => {}
            Ok(items) => tracing::info!(items, "deleted what has had its time"),
            Err(error) => tracing::error!(%error, "expired items stay for now; the next pass tries again"),
        }
    }
}
