//! How long a job takes on AWS, and what it costs: the engine itself under a virtual clock, between models of AWS's services.
//!
//! # Layout
//! - [`world`]: a deployed stack: the engine and the worker as they are, wired to the models
//! - [`clock`]: virtual time; [`parameters`]: latencies, quotas and settings, with their sources; [`work`]: what segments do
//! - [`table`], [`segment_stream`], [`segment_queue`], [`changes`], [`lambda`], [`bus`]: the services, one each; [`losses`]: records that
//!   they lose
//! - [`forecast`]: a user's job before it runs; [`event`]: the scatter event of a simulated execution
//! - [`usage`]: what was used, counted as a bill counts it; [`surroundings`]: what all models share
//! - [`bill`]: what that costs, line by line
//! - [`prices`]: what AWS charges, with the page and the month of each price
//! - [`comparison`]: dollars a million segments, beside what else AWS offers

pub mod bill;
pub mod bus;
pub mod changes;
pub mod clock;
pub mod comparison;
pub mod event;
pub mod forecast;
pub mod lambda;
pub mod losses;
pub mod parameters;
pub mod prices;
pub mod segment_queue;
pub mod segment_stream;
pub mod surroundings;
pub mod table;
pub mod usage;
pub mod work;
pub mod world;
