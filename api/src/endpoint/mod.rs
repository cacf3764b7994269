//! One file a family of endpoints.

pub mod attempts;
pub mod dead_letters;
pub mod events;
pub mod executions;
pub mod external;
pub mod failures;
pub mod grid;
pub mod groups;
pub mod health;
pub mod jobs;
pub mod now;
pub mod operate;
pub mod results;
pub mod retries;
pub mod segments;
pub mod start;
pub mod statistics;
pub mod watch;
