//! What lost segments were to do, as far as the plan of their execution tells.

use std::collections::{BTreeMap, BTreeSet};

use control_table::id::GroupId;
use control_table::limits::GROUP_SIZE;
use futures::StreamExt;
use scatter::SourceError;
use scatter::source::{DynamoDbScan, FileList, InlineList, Range, RangeRequest, Source};
use serde::Deserialize;
use serde_json::Value;

/// The plans that give the same specs again without a look at the world.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
enum Plan {
    #[serde(rename = "dynamodb-scan")]
    DynamoDbScan(DynamoDbScan),
    Range(RangeRequest),
    List(InlineList),
    ListFile(FileList),
}

/// The specs of these segments of the group.
pub(super) async fn of_group(
    plan: &Value,
    group: GroupId,
    offsets: &BTreeSet<u8>,
) -> Result<BTreeMap<u8, Value>, SourceError> {
    let unreadable = |reason: serde_json::Error| SourceError::Plan { reason: reason.to_string() };
    let source: Box<dyn Source> = match Plan::deserialize(plan).map_err(unreadable)? {
        Plan::DynamoDbScan(scan) => Box::new(scan),
        Plan::Range(range) => Box::new(Range::try_from(&range)?),
        Plan::List(list) => Box::new(list),
        Plan::ListFile(file) => {
            file.check_unchanged().await?;
            Box::new(file)
        }
    };
    let mut specs =
        source.specs(group.segment(0).index).take(usize::try_from(GROUP_SIZE).unwrap_or(usize::MAX)).boxed();
    let mut found = BTreeMap::new();
    for offset in 0..=u8::MAX {
        let Some(spec) = specs.next().await else { break };
        let spec = spec?;
        if offsets.contains(&offset) {
            found.insert(offset, spec);
        }
    }
    Ok(found)
}
