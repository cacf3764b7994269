//! How long a job takes on AWS, and what it costs: computed before it runs.
//!
//! # Layout
//! - [`prices`]: what AWS charges, with the page and the month of each price
//! - [`comparison`]: dollars a million segments, beside what else AWS offers

pub mod comparison;
pub mod prices;
