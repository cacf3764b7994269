//! The sweeper against an embedded `DynamoDB` and Kinesis: what is due is looked after, and nothing else is.

mod backlog;
mod cancels;
mod completions;
mod recovery;
mod redrives;
mod repair;
mod retries;
mod scatters;
mod stall;
mod stops;
mod world;
