//! A scatter against an embedded `DynamoDB` and Kinesis: what it leaves behind, however it got there.
#![expect(clippy::disallowed_methods, reason = "the tests read the tables directly, and fill tables of users")]

mod events;
mod external;
mod limit;
mod refuse;
mod resume;
mod run;
mod scan;
mod world;
