//! The gather against an embedded `DynamoDB`: what the control table's stream sets in motion, whatever order it comes in.

mod bad_images;
mod batches;
mod crashes;
mod order;
pub mod world;
