//! The scatter event of a simulated execution.

use control_table::policy::Policy;
use engine::EngineError;
use engine::scatter::ScatterEvent;
use serde_json::json;

/// The job of every simulated execution.
pub const JOB: &str = "simulated";

/// An execution of that many segments.
///
/// # Errors
/// A key or a policy that a scatter refuses.
pub fn of_segments(key: &str, segments: u64, policy: Policy) -> Result<ScatterEvent, EngineError> {
    let source = json!({ "type": "range", "from": 0, "to": segments, "size": 1 });
    ScatterEvent::parse(json!({ "job": JOB, "key": key, "source": source, "policy": policy }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_none_is_refused() {
        assert!(of_segments("a-key", 3, Policy::default()).is_ok());
        assert!(of_segments("", 3, Policy::default()).is_err());
    }
}
