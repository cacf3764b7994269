//! Puts records, and notes that it did.

use std::sync::Arc;

use control_table::clock::Clock;
use control_table::message::SegmentRecord;

use crate::dispatch::{DispatchError, Dispatcher};
use crate::position::StreamPosition;

/// The one way in which the engine puts records. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    dispatcher: Arc<dyn Dispatcher>,
    position: Arc<dyn StreamPosition>,
    clock: Arc<dyn Clock>,
}

impl Outgoing {
    pub fn new(dispatcher: Arc<dyn Dispatcher>, position: Arc<dyn StreamPosition>, clock: Arc<dyn Clock>) -> Self {
        Self { dispatcher, position, clock }
    }

    /// Puts every record. That it cannot be noted is no failure of the put: lost records are then found later.
    pub async fn put(&self, records: &[SegmentRecord]) -> Result<(), DispatchError> {
        if records.is_empty() {
            return Ok(());
        }
        self.dispatcher.put(records).await?;
        if let Err(error) = self.position.records_put(records.len() as u64, self.clock.timestamp()).await {
            tracing::warn!(%error, "a put of records is not noted: lost records will be found later");
        }
        Ok(())
    }
}
