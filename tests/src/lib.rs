//! What the tests that cross crates share.
//!
//! - [`UnderTest`]: a whole system in a directory of its own
//! - [`Parts`]: the functions' handlers and the embedded services, for tests that deliver by hand; [`Requests`] counts what
//!   the handlers send, [`item_bytes`] and [`index_write_units`] say what it costs
//! - [`assert_invariants`]: the design's invariants; [`model`]: the protocol, explored to its end

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test stops at the first surprise")]

pub mod conformance;
mod events;
mod events_in;
pub mod faults;
mod file_bus;
mod images;
mod invariants;
pub mod model;
mod parts;
pub mod permissions;
mod requests;
mod under_test;

pub use self::events::{completion_events, events_of};
pub use self::events_in::RawEvents;
pub use self::images::{index_write_units, item_bytes};
pub use self::invariants::assert_invariants;
pub use self::parts::{News, Parts, dynamodb_event};
pub use self::requests::{Requests, Spent};
pub use self::under_test::{UnderTest, WAIT};
