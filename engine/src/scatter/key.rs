//! Two calls with one key: the second attaches to the execution of the first, if it asks for the same.

use std::collections::BTreeSet;

use control_table::id::{ExecutionId, ExecutionKey};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::Engine;
use crate::error::{EngineError, Refusal};
use crate::hex::hex;
use crate::scatter::event::ScatterEvent;
use crate::scatter::sources::SourceRequest;

impl Engine {
    /// The execution that the event's job and key have, if they have one.
    ///
    /// # Errors
    /// When it was opened for another source or other parameters, or the table cannot be read.
    pub async fn existing(&self, event: &ScatterEvent, key: &ExecutionKey) -> Result<Option<ExecutionId>, EngineError> {
        let existing = self.table.execution_of_key(&event.job, key).await?;
        if let Some(execution_id) = existing {
            self.refuse_another(execution_id, key, &asked(&event.source), &event.parameters).await?;
        }
        Ok(existing)
    }

    /// Refuses an event whose key has an execution with another source or other parameters. Another policy is no reason: `set` changes
    /// an execution's limits.
    pub(super) async fn refuse_another(
        &self,
        execution_id: ExecutionId,
        key: &ExecutionKey,
        asked: &str,
        parameters: &Value,
    ) -> Result<(), EngineError> {
        let Some(plan) = self.table.plan(execution_id).await? else { return Ok(()) };
        let mut differs = Vec::new();
        if !plan.asked.is_empty() && plan.asked != asked {
            differs.push("source".to_owned());
        }
        differs.extend(differing(&plan.parameters, parameters));
        if differs.is_empty() {
            return Ok(());
        }
        Err(Refusal::KeyUsed { execution_id, key: key.clone(), differs: differs.join(", ") }.into())
    }
}

/// A digest of the source as an event asks for it.
pub(super) fn asked(source: &SourceRequest) -> String {
    // A request has a JSON text: it came as one.
    let json = serde_json::to_vec(source).unwrap_or_default();
    hex(&Sha256::digest(json))
}

/// The parameters that are not the same, by name; at most some, for a message.
fn differing(before: &Value, now: &Value) -> Vec<String> {
    const SHOWN: usize = 5;
    if before == now {
        return Vec::new();
    }
    let (Some(before), Some(now)) = (before.as_object(), now.as_object()) else { return vec!["parameters".to_owned()] };
    let names: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    let differ = names.into_iter().filter(|name| before.get(*name) != now.get(*name));
    differ.take(SHOWN).map(|name| format!("parameters.{name}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn parameters_that_differ_are_named() {
        let before = json!({"work": "sum", "attribute": "population"});
        assert!(differing(&before, &before.clone()).is_empty());
        assert_eq!(
            differing(&before, &json!({"work": "sum", "attribute": "area", "index": "i"})),
            ["parameters.attribute", "parameters.index"]
        );
        assert_eq!(differing(&Value::Null, &before), ["parameters"]);
    }

    #[test]
    fn a_digest_is_of_what_was_asked() {
        let source = |value: Value| -> SourceRequest { serde_json::from_value(value).unwrap() };
        let ten = asked(&source(json!({"type": "range", "from": 0, "to": 10, "size": 1})));
        assert_eq!(ten, asked(&source(json!({"size": 1, "to": 10, "from": 0, "type": "range"}))));
        assert_ne!(ten, asked(&source(json!({"type": "range", "from": 0, "to": 11, "size": 1}))));
    }
}
