//! The `external` source: callers add the segments with [`crate::Engine::add`], until one seals the execution.

use control_table::rows::PlanKind;
use futures::stream::{self, BoxStream, StreamExt};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Source, SourceError};

/// Segments that callers add. The request has no further fields.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct External {}

impl Source for External {
    fn total(&self) -> Option<u64> {
        None
    }

    fn specs(&self, _from: u64) -> BoxStream<'_, Result<Value, SourceError>> {
        stream::empty().boxed()
    }

    fn plan(&self) -> Value {
        json!({ "type": "external" })
    }

    fn kind(&self) -> PlanKind {
        PlanKind::External
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_gives_nothing_by_itself() {
        let specs: Vec<_> = futures::executor::block_on(External {}.specs(0).collect());
        assert!(specs.is_empty());
        assert!(serde_json::from_value::<External>(json!({ "codes": [] })).is_err());
    }
}
