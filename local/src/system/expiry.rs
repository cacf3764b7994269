//! Retention: what has had its time is deleted, as `DynamoDB` does by itself.

use std::time::Duration;

use tokio::time::MissedTickBehavior;

use emulator::embedded::EmbeddedDynamoDb;
use emulator::event_source::StopSignal;

/// How often. A pass reads every item of the table, and a retention is days: on AWS a deletion may be two days late.
const PERIOD: Duration = Duration::from_hours(1);

/// Deletes expired items at the start and then from time to time, until the stop is requested.
pub(super) async fn delete_expired(database: EmbeddedDynamoDb, mut stop: StopSignal) {
    let mut ticks = tokio::time::interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.requested() => return,
            _ = ticks.tick() => {}
        }
        let deleted = tokio::select! {
            () = stop.requested() => return,
            deleted = database.delete_expired() => deleted,
        };
        match deleted {
            Ok(0) => {}
            Ok(items) => tracing::info!(items, "deleted what has had its time"),
            Err(error) => tracing::error!(%error, "expired items stay for now; the next pass tries again"),
        }
    }
}
