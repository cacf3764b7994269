//! The protocol held against its stores.

mod conformance;
mod differential;
mod faults;
