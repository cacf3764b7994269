//! What an execution keeps of the process that opened it: its program, and its hooks.

use control_table::id::ExecutionId;
use control_table::store::SqliteStore;
use serde::{Deserialize, Serialize};

use super::{Error, Hooks};

/// Stored with each execution, as JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Origin {
    /// The name of the program: its work is what the segments need.
    pub program: String,
    /// The commands for the execution's events, for the process that delivers them.
    #[serde(default)]
    pub hooks: Hooks,
}

impl Origin {
    /// As it is stored.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// As it was stored. What cannot be read is an origin without hooks, of an unknown program.
    pub fn read(json: &str) -> Self {
        serde_json::from_str(json).unwrap_or_default()
    }

    /// Of an execution; `None` if there is no such execution.
    pub async fn of(store: &SqliteStore, execution_id: ExecutionId) -> Result<Option<Self>, Error> {
        Ok(store.owner(execution_id).await?.map(|owner| Self::read(&owner.origin)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_reads_back_what_it_writes_and_an_unknown_one_has_no_hooks() {
        let hooks = Hooks { on_complete: Some("./publish.sh".to_owned()), ..Hooks::default() };
        let origin = Origin { program: "scatterctl".to_owned(), hooks };
        assert_eq!(Origin::read(&origin.to_json()), origin);
        assert_eq!(Origin::read("not JSON"), Origin::default());
    }
}
