//! What the tests that cross crates share: a system in a directory of its own, and the design's invariants.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test stops at the first surprise")]

mod events;
mod invariants;
mod under_test;

pub use self::events::{completion_events, events_of};
pub use self::invariants::assert_invariants;
pub use self::under_test::{UnderTest, WAIT};
