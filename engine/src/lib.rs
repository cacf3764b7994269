//! Drives the protocol: it knows executions and the control table, and no service.
//!
//! [`Engine::new`] is the one wiring: the functions, the local system, a deployed stack's operator, benches and tests hand it
//! its [`Parts`].
//!
//! # Layout
//! - [`scatter`]: from an event to a sealed execution, and executions that their caller fills
//! - `dispatch`: the trait that sends segment records to workers; `position`: the trait that knows which of them may still wait; `probes`: how it is known of a stream;
//!   `lines`: which records wait in line with each other; `outgoing`: puts records through both; `records`: which record a segment gets
//! - `admission`: which segments get a record next, in an execution that limits its segments in flight
//! - [`gather`]: folds finished tallies, completes executions and publishes their events; `bus`: where the events go
//! - [`sweep`]: one tick: everything that is due
//! - [`operate`]: an operator's commands on one execution: cancel, redrive, repair, set
//! - `operator`: the trait by which the command line asks all of this of one machine or of a deployed stack
//! - `error`: the one error type; `hex`: digests as text

mod admission;
mod bus;
mod dispatch;
mod error;
pub mod gather;
mod hex;
mod lines;
pub mod operate;
mod operator;
mod outgoing;
mod plan_cache;
mod position;
mod probes;
mod records;
pub mod scatter;
mod settings;
pub mod sweep;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use control_table::ControlTable;
use control_table::clock::{Clock, Entropy, Timestamp};

pub use self::admission::Admitted;
pub use self::bus::{EventBus, NoBus, PublishError};
pub use self::dispatch::{DispatchError, Dispatcher, NoDispatcher, Transport};
pub use self::error::{EngineError, Refusal};
pub use self::hex::hex;
pub use self::lines::{Line, Lines};
pub use self::operator::{Finished, Operator, OperatorError, Started, SystemFault};
pub use self::position::{NothingWaits, PositionError, StreamPosition};
pub use self::probes::{ProbedPosition, ProbedStream, StreamSettings, StreamShard};
pub use self::settings::Settings;

use self::admission::Admission;
use self::outgoing::Outgoing;
use self::scatter::Sources;

/// The deadline of a caller outside Lambda, which has no time limit.
pub const NO_DEADLINE: DateTime<Utc> = DateTime::<Utc>::MAX_UTC;

/// What an engine is made of.
#[derive(Clone)]
pub struct Parts {
    /// The control table.
    pub table: ControlTable,
    /// Sends records to workers.
    pub dispatcher: Arc<dyn Dispatcher>,
    /// Knows how far workers have read the records.
    pub position: Arc<dyn StreamPosition>,
    /// Takes the events of executions.
    pub bus: Arc<dyn EventBus>,
    /// Reads the sources of segments.
    pub sources: Sources,
    /// The present moment.
    pub clock: Arc<dyn Clock>,
    /// Identifiers and jitter.
    pub entropy: Arc<Entropy>,
    /// What a deployment may choose.
    pub settings: Settings,
}

/// The driver of the protocol. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    table: ControlTable,
    outgoing: Outgoing,
    position: Arc<dyn StreamPosition>,
    bus: Arc<dyn EventBus>,
    sources: Sources,
    clock: Arc<dyn Clock>,
    entropy: Arc<Entropy>,
    settings: Settings,
    admission: Admission,
}

impl Engine {
    /// An engine of these parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let Parts { table, dispatcher, position, bus, sources, clock, entropy, settings } = parts;
        let outgoing = Outgoing::new(dispatcher, Arc::clone(&position), Arc::clone(&clock));
        let admission = Admission::new(table.clone(), outgoing.clone());
        Self { table, outgoing, position, bus, sources, clock, entropy, settings, admission }
    }

    /// The control table that it works on.
    #[must_use]
    pub const fn table(&self) -> &ControlTable {
        &self.table
    }

    fn now(&self) -> Timestamp {
        self.clock.timestamp()
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("table", &self.table).field("settings", &self.settings).finish_non_exhaustive()
    }
}
