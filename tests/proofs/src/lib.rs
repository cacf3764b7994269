//! The protocol held against its stores.
//!
//! - [`conformance`]: the operations and reads as one suite, on every store
//! - [`faults`]: whole executions under seeded faults

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test stops at the first surprise")]

pub mod conformance;
pub mod faults;
