use serde_json::json;

use super::*;

#[test]
fn parameters_choose_the_work() {
    assert!(matches!(Job::read(json!({"work": "count"})), Ok(Job::Count(_))));
    assert!(matches!(Job::read(json!({"work": "noop", "sleep_ms": 1})), Ok(Job::Noop(_))));
    assert!(matches!(Job::read(json!({"work": "exec", "command": "true"})), Ok(Job::Exec(_))));
}

#[test]
fn what_is_wrong_with_the_parameters_is_named_and_permanent() {
    for (parameters, says) in [
        (Value::Null, "name no work"),
        (json!({}), "no built-in work null"),
        (json!({"work": "sleep"}), "no built-in work \"sleep\""),
        (json!({"work": "sum"}), "missing field `attribute`"),
        (json!({"work": "noop", "sleep": 1}), "unknown field `sleep`"),
        (json!({"work": "noop", "sleep_ms": "1"}), "at sleep_ms"),
    ] {
        let error = Job::read(parameters).unwrap_err();
        assert!(!error.is_retryable() && error.message().contains(says), "{error}");
    }
}
