//! The event that starts a scatter, and everything about it that can be refused without looking anywhere.

use control_table::id::{ExecutionKey, JobName};
use control_table::limits::{MAX_PARAMETERS_BYTES, MAX_PLAN_BYTES};
use control_table::policy::Policy;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::EngineError;
use crate::scatter::size::json_bytes;
use crate::scatter::sources::SourceRequest;

/// What a caller asks for.
///
/// ```json
/// {"job": "nightly", "key": "2026-11-24", "source": {"type": "range", "from": 0, "to": 100, "size": 10}}
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ScatterEvent {
    /// The job to execute.
    pub job: JobName,
    /// A job has one execution per key. Without a key the request ID is the key: an invocation that Lambda repeats then opens
    /// nothing new, but a caller that calls twice gets two executions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<ExecutionKey>,
    /// Where the segments come from.
    pub source: SourceRequest,
    /// How failure is treated.
    #[serde(default)]
    pub policy: Policy,
    /// Parameters that every worker gets: any JSON value.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub parameters: Value,
}

impl ScatterEvent {
    /// Parses an event. Unknown fields are refused.
    ///
    /// # Errors
    /// The field, what is wrong with it, and what to do.
    pub fn parse(event: Value) -> Result<Self, EngineError> {
        let event: Self = serde_path_to_error::deserialize(event)
            .map_err(|error| EngineError::InvalidEvent { reason: error.to_string() })?;
        event.validate()?;
        Ok(event)
    }

    /// Refuses what can be seen to be wrong without looking anywhere.
    ///
    /// # Errors
    /// The first field that is wrong.
    pub fn validate(&self) -> Result<(), EngineError> {
        self.policy.validate()?;
        self.source.validate()?;
        at_most("parameters", &self.parameters, MAX_PARAMETERS_BYTES)
    }

    /// The key under which the execution is opened.
    pub fn key_or(&self, request_id: &str) -> Result<ExecutionKey, EngineError> {
        if let Some(key) = &self.key {
            return Ok(key.clone());
        }
        request_id.parse().map_err(|invalid| EngineError::InvalidEvent {
            reason: format!("key: missing, and the request ID cannot stand in for it ({invalid}): give a key"),
        })
    }
}

/// Refuses a plan that, with the parameters, does not fit its item.
pub(crate) fn check_plan(plan: &Value, parameters: &Value) -> Result<(), EngineError> {
    at_most("source", plan, MAX_PLAN_BYTES.saturating_sub(json_bytes(parameters)))
}

fn at_most(field: &'static str, value: &Value, limit: usize) -> Result<(), EngineError> {
    match json_bytes(value) {
        bytes if bytes > limit => Err(EngineError::TooLarge { field, bytes, limit }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A good event with some fields replaced.
    fn event(changes: &Value) -> Result<ScatterEvent, EngineError> {
        let mut event = json!({ "job": "nightly", "source": { "type": "list", "codes": ["a"] } });
        for (name, value) in changes.as_object().unwrap() {
            event[name] = value.clone();
        }
        ScatterEvent::parse(event)
    }

    #[test]
    fn what_is_not_said_has_a_default() {
        let event = event(&json!({})).unwrap();
        assert_eq!((event.policy, event.parameters.clone(), &event.key), (Policy::default(), Value::Null, &None));
        assert_eq!(event.key_or("request-1").unwrap().as_str(), "request-1");
        assert!(event.key_or("").unwrap_err().to_string().contains("give a key"));
    }

    #[test]
    fn an_event_reads_back_what_it_writes() {
        for source in [
            json!({ "type": "dynamodb-scan", "table": "T", "items_per_segment": 10, "count": "estimate" }),
            json!({ "type": "dynamodb-scan", "table": "T", "segments": 10 }),
            json!({ "type": "range", "from": 0, "to": 9, "size": 2 }),
            json!({ "type": "range", "from": "2026-01-01", "to": "2026-02-01", "size": 1 }),
            json!({ "type": "list", "codes": ["a", "b"] }),
            json!({ "type": "list", "file": "/path" }),
            json!({ "type": "external" }),
        ] {
            let event = event(&json!({ "source": source, "key": "k", "parameters": [1] })).unwrap();
            let written = serde_json::to_value(&event).unwrap();
            assert_eq!(written["source"], source);
            assert_eq!(ScatterEvent::parse(written).unwrap(), event);
        }
    }

    #[test]
    fn every_refusal_names_the_field() {
        let long = "x".repeat(MAX_PARAMETERS_BYTES);
        for (changes, words) in [
            (json!({ "job": "" }), ["job: ", "not a job name"]),
            (json!({ "job": "a b" }), ["job: ", "letters, digits"]),
            (json!({ "job": 7 }), ["job: ", "string"]),
            (json!({ "key": " k" }), ["key: ", "white space"]),
            (json!({ "jop": "x" }), ["jop", "unknown field"]),
            (json!({ "source": null }), ["source", "invalid type"]),
            (json!({ "source": {} }), ["source: type: missing", "dynamodb-scan"]),
            (json!({ "source": { "type": "csv" } }), ["source: type: \"csv\"", "list"]),
            (json!({ "source": { "type": "list", "codes": "a" } }), ["source: codes: ", "sequence"]),
            (json!({ "source": { "type": "list", "codes": [], "x": 1 } }), ["source: x: ", "unknown field"]),
            (json!({ "source": { "type": "range", "from": 0, "to": 1, "size": -1 } }), ["source: size: ", "-1"]),
            (json!({ "source": { "type": "range", "from": 2, "to": 1, "size": 1 } }), ["source.from", "after `to`"]),
            (json!({ "policy": { "max_attempts": 0 } }), ["policy.max_attempts", "1 to 100"]),
            (json!({ "policy": { "attempts": 3 } }), ["policy", "unknown field"]),
            (json!({ "parameters": long }), ["parameters", "8192"]),
        ] {
            let error = event(&changes).unwrap_err();
            let refusal = error.to_string();
            for word in words {
                assert!(refusal.contains(word), "{changes}: {refusal}");
            }
            assert!(!error.is_retryable());
        }
    }

    #[test]
    fn plan_and_parameters_share_an_item() {
        let plan = Value::String("x".repeat(MAX_PLAN_BYTES - 10));
        assert!(check_plan(&plan, &json!("12345")).is_ok());
        let refusal = check_plan(&plan, &json!("1234567")).unwrap_err().to_string();
        assert!(refusal.contains("source"), "{refusal}");
    }
}
