//! The worker against a control table in memory, and the built-in jobs against tables and commands.
mod ahead;
mod batch;
mod commands;
mod dead_letters;
mod failures;
mod limits;
mod outcomes;
mod recovery;
pub mod support;
mod tables;
mod together;
mod traces;
