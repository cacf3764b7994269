//! What the tests that cross crates share.
//!
//! - [`UnderTest`]: a whole system in a directory of its own
//! - [`Parts`]: the functions' handlers and the embedded services, for tests that deliver by hand; [`RawEvents`]: an engine that
//!   takes scatter events as JSON
//! - [`Lab`]: the services in memory, with a [`ManualClock`] and a [`TestBus`]; [`Execution`]: one made by hand, in any state
//! - [`LoseAnswers`] and [`Before`]: what happens on the way to a service
//! - [`Requests`] counts what clients send; [`item_bytes`] and [`index_write_units`] say what it costs
//! - [`template`]: the SAM template as JSON; [`TableDefinition`]: its control table
//! - [`assert_invariants`]: the design's invariants

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test stops at the first surprise")]

mod clock;
mod deployment;
mod events;
mod execution;
mod file_bus;
mod images;
mod interceptors;
mod invariants;
mod lab;
mod parts;
mod raw_events;
mod requests;
mod table_definition;
mod template;
mod test_bus;
mod under_test;

pub use self::clock::{ManualClock, START};
pub use self::deployment::deployed;
pub use self::events::{completion_events, events_of};
pub use self::execution::{Execution, ExecutionBuilder, LONG, number, numbers};
pub use self::file_bus::FileBus;
pub use self::images::{index_write_units, item_bytes};
pub use self::interceptors::{Before, LoseAnswers};
pub use self::invariants::assert_invariants;
pub use self::lab::{Lab, PATIENCE, TRACE, Through};
pub use self::parts::{News, Parts, dynamodb_event};
pub use self::raw_events::RawEvents;
pub use self::requests::{Requests, Spent};
pub use self::table_definition::{IndexDefinition, TableDefinition};
pub use self::template::{resolved, template};
pub use self::test_bus::{BusFault, TestBus};
pub use self::under_test::{Kind, UnderTest, WAIT};
