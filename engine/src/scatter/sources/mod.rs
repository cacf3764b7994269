//! Where segments come from: one trait, one file a source.
//!
//! A request is first *resolved*: a table is counted, a file is read and checked. The result, the *plan*, is stored with
//! the execution, and is enough to give the same specs in the same order after a crash. A scatter that goes on where
//! another stopped rebuilds its source from the plan and never looks at the world again, which may have changed.

mod codes;
mod dynamodb_scan;
mod error;
mod external_source;
mod list;
mod list_file;
mod range;
mod request;

use std::sync::Arc;

use control_table::limits::MAX_SEGMENTS;
use control_table::rows::PlanKind;
use futures::stream::BoxStream;
use serde::Deserialize;
use serde_json::Value;

pub use self::codes::Codes;
pub use self::dynamodb_scan::{CountMode, DEFAULT_ITEMS_PER_SEGMENT, DynamoDbScan, MAX_SCAN_SEGMENTS, ScanRequest};
pub use self::error::SourceError;
pub use self::external_source::External;
pub use self::list::{InlineList, ListRequest, MAX_CODE_BYTES};
pub use self::list_file::FileList;
pub use self::range::{Bound, InvalidBound, Range, RangeRequest};
pub use self::request::SourceRequest;

/// A resolved source: the specs of an execution's segments, in a fixed order.
pub trait Source: Send + Sync {
    /// How many segments there will be, where that is known before the last one.
    fn total(&self) -> Option<u64>;

    /// The specs from the segment with index `from` on, each at most [`control_table::limits::MAX_SPEC_BYTES`] long.
    ///
    /// They are made or read as they are asked for: memory does not grow with their number.
    fn specs(&self, from: u64) -> BoxStream<'_, Result<Value, SourceError>>;

    /// Where its segments come from: this source, or the execution's caller.
    fn kind(&self) -> PlanKind {
        PlanKind::Planned
    }

    /// What [`Sources::from_plan`] needs to give the same specs again.
    fn plan(&self) -> Value;
}

/// What a plan says, by its `type`.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
enum Plan {
    #[serde(rename = "dynamodb-scan")]
    DynamoDbScan(DynamoDbScan),
    Range(RangeRequest),
    List(InlineList),
    ListFile(FileList),
    External(External),
}

/// Resolves requests and reads plans. Holds what reaches the user's tables.
#[derive(Debug, Clone)]
pub struct Sources {
    dynamodb: Option<aws_sdk_dynamodb::Client>,
}

impl Sources {
    /// Sources that read the user's tables through this client.
    #[must_use]
    pub const fn new(dynamodb: aws_sdk_dynamodb::Client) -> Self {
        Self { dynamodb: Some(dynamodb) }
    }

    /// Sources that read no tables, for a process that starts no execution.
    #[must_use]
    pub const fn without_tables() -> Self {
        Self { dynamodb: None }
    }

    /// Resolves a request. Reads whatever has to be read, and writes nothing.
    pub async fn resolve(&self, request: &SourceRequest) -> Result<Arc<dyn Source>, SourceError> {
        request.validate()?;
        let source: Arc<dyn Source> = match request {
            SourceRequest::DynamoDbScan(scan) => {
                let dynamodb = self.dynamodb.as_ref().ok_or(SourceError::NoTables)?;
                Arc::new(DynamoDbScan::resolve(dynamodb, scan).await?)
            }
            SourceRequest::Range(range) => Arc::new(Range::try_from(range)?),
            SourceRequest::List(ListRequest { file: Some(path), .. }) => Arc::new(FileList::resolve(path).await?),
            SourceRequest::List(list) => Arc::new(InlineList::try_from(list)?),
            SourceRequest::External(external) => Arc::new(*external),
        };
        match source.total() {
            Some(segments) if segments > MAX_SEGMENTS => Err(SourceError::TooManySegments { segments }),
            _ => Ok(source),
        }
    }

    /// Rebuilds the source that a plan was made from. Counts nothing; a list file is read to see that it is still the
    /// same.
    pub async fn from_plan(&self, plan: &Value) -> Result<Arc<dyn Source>, SourceError> {
        let unreadable = |reason: serde_json::Error| SourceError::Plan { reason: reason.to_string() };
        Ok(match Plan::deserialize(plan).map_err(unreadable)? {
            Plan::DynamoDbScan(scan) => Arc::new(scan),
            Plan::Range(range) => Arc::new(Range::try_from(&range)?),
            Plan::List(list) => Arc::new(list),
            Plan::External(external) => Arc::new(external),
            Plan::ListFile(file) => {
                file.check_unchanged().await?;
                Arc::new(file)
            }
        })
    }
}
