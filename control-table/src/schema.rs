//! The JSON schemas of types that are written as text or as one of two things: what their `Serialize` and `FromStr` say, in the words of
//! `OpenAPI`. The other types derive theirs.

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, OneOfBuilder, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::clock::Timestamp;
use crate::id::{ExecutionId, ExecutionKey, JobName};
use crate::limits::{MAX_JOB_NAME, MAX_KEY, MAX_SELECTION_BYTES};
use crate::policy::Tolerance;
use crate::rows::Indexes;

fn text(description: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).description(Some(description))
}

impl PartialSchema for ExecutionId {
    fn schema() -> RefOr<Schema> {
        text("The ID of an execution: a UUIDv7, so that IDs sort by time.")
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)))
            .into()
    }
}

impl ToSchema for ExecutionId {}

impl PartialSchema for JobName {
    fn schema() -> RefOr<Schema> {
        text("The name of a job.")
            .pattern(Some(format!("^[A-Za-z0-9][A-Za-z0-9._-]{{0,{}}}$", MAX_JOB_NAME - 1)))
            .into()
    }
}

impl ToSchema for JobName {}

impl PartialSchema for ExecutionKey {
    fn schema() -> RefOr<Schema> {
        text("A job has one execution a key: printable characters, without white space at the ends.")
            .min_length(Some(1))
            .max_length(Some(MAX_KEY))
            .into()
    }
}

impl ToSchema for ExecutionKey {}

impl PartialSchema for Timestamp {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
            .description(Some("A moment in milliseconds since 1970-01-01 UTC."))
            .into()
    }
}

impl ToSchema for Timestamp {}

impl PartialSchema for Tolerance {
    fn schema() -> RefOr<Schema> {
        let count = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0_i64));
        let share = text("A share of the segments, such as 5% or 0.25%.").pattern(Some("^[0-9]+([.][0-9]{1,2})?%$"));
        OneOfBuilder::new()
            .item(count)
            .item(share)
            .description(Some(
                "Failed segments with which an execution still counts as succeeded: a number, or a share.",
            ))
            .into()
    }
}

impl ToSchema for Tolerance {}

impl PartialSchema for Indexes {
    fn schema() -> RefOr<Schema> {
        text("Indexes of segments, such as 3,17-20.")
            .pattern(Some("^[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*$"))
            .max_length(Some(MAX_SELECTION_BYTES))
            .into()
    }
}

impl ToSchema for Indexes {}
