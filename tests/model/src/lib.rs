//! A model of the protocol, to be explored to its end: every order of every write, with crashes between any two of them,
//! answers that are lost, records and images that are lost, repeated and out of order, leases that run out.
//!
//! The table is [`control_table::store::memory::MemoryTable`]: it executes the operations themselves, the ones that the
//! differential test holds against `DynamoDB`. What the model adds is which process sends which write when: [`System`] has the
//! scatter, the workers, the gather, the sweeper, and the operators who redrive and cancel.
//!
//! - [`Config`]: the size of an execution and what may go wrong in it; [`Mutation`]: mistakes that must be found
//! - [`properties`]: what always holds
//! - [`Situation`]: what an exploration must have met, to prove anything about it

#![expect(
    clippy::unwrap_used,
    clippy::unused_self,
    clippy::match_same_arms,
    clippy::similar_names,
    reason = "one arm a nature of segment, one method a step of an actor, names that always parse, names of one crash or one loss"
)]

mod config;
mod coverage;
mod gather;
mod operators;
pub mod properties;
mod state;
mod sweeper;
mod system;
mod work;
mod writes;

pub use self::config::{Config, Faults, Mutation, Nature};
pub use self::coverage::{Coverage, Situation};
pub use self::state::State;
pub use self::system::{Action, System};
