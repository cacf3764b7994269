//! What the tests that cross crates share.
//!
//! - [`UnderTest`]: a whole system in a directory of its own
//! - [`Parts`]: the functions' handlers and the embedded services, for tests that deliver by hand; [`RawEvents`]: an engine that
//!   takes scatter events as JSON
//! - [`Requests`] counts what clients send; [`item_bytes`] and [`index_write_units`] say what it costs
//! - [`template`]: the SAM template as JSON; [`TableDefinition`]: its control table
//! - [`assert_invariants`]: the design's invariants

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test stops at the first surprise")]

mod events;
mod file_bus;
mod images;
mod invariants;
mod parts;
mod raw_events;
mod requests;
mod table_definition;
mod template;
mod under_test;

pub use self::events::{completion_events, events_of};
pub use self::file_bus::FileBus;
pub use self::images::{index_write_units, item_bytes};
pub use self::invariants::assert_invariants;
pub use self::parts::{News, Parts, dynamodb_event};
pub use self::raw_events::RawEvents;
pub use self::requests::{Requests, Spent};
pub use self::table_definition::{IndexDefinition, TableDefinition};
pub use self::template::{resolved, template};
pub use self::under_test::{UnderTest, WAIT};
