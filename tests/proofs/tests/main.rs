//! The protocol held against its stores.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod conformance;
mod differential;
mod faults;
