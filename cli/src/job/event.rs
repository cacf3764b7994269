//! The event that the scatter function takes.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::{Job, Policy, Source, UsageError};
use crate::args::{Counting, HookArgs, SourceType, SystemArgs, WorkName};

/// A job that can be run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunPlan {
    /// What the scatter function is told.
    pub event: Value,
    /// How the system runs.
    pub system: SystemArgs,
}

impl Job {
    /// The event, if enough was said and nothing contradicts. What else may be wrong with it, the scatter function says.
    pub fn into_plan(self, own_work: bool) -> Result<RunPlan, UsageError> {
        let job = self
            .name
            .ok_or(UsageError::Missing { what: "the job's name", how: "--job NAME, or `job` in the job file" })?;
        let source = self.source.into_event()?;
        if !own_work {
            check_builtin(&self.parameters)?;
        }
        let mut event = json!({ "job": job, "source": source });
        insert(&mut event, "key", self.key.map(Value::from));
        insert(&mut event, "policy", self.policy.into_event());
        insert(&mut event, "parameters", (!self.parameters.is_empty()).then_some(Value::Object(self.parameters)));
        let hooks = HookArgs {
            on_complete: self.on_complete,
            on_success: self.on_success,
            on_failure: self.on_failure,
            on_first_failure: self.on_first_failure,
            on_stall: self.on_stall,
        };
        Ok(RunPlan { event, system: SystemArgs { workers: self.workers, hooks, durable: self.durable } })
    }
}

fn insert(object: &mut Value, name: &str, value: Option<Value>) {
    if let (Some(object), Some(value)) = (object.as_object_mut(), value) {
        object.insert(name.to_owned(), value);
    }
}

impl Source {
    fn into_event(self) -> Result<Value, UsageError> {
        let how = "--source dynamodb-scan, range or list, or [source] with its `type` in the job file";
        let kind = self.kind.ok_or(UsageError::Missing { what: "the source", how })?;
        self.refuse_foreign(kind)?;
        let mut event = json!({ "type": kind.as_str() });
        match kind {
            SourceType::DynamoDbScan => {
                let table = self.table.ok_or(UsageError::Missing { what: "the source's table", how: "--table T" })?;
                if self.items_per_segment.is_some() && self.segments.is_some() {
                    return Err(UsageError::Both("items_per_segment", "segments"));
                }
                insert(&mut event, "table", Some(Value::from(table)));
                insert(&mut event, "items_per_segment", self.items_per_segment.map(Value::from));
                insert(&mut event, "segments", self.segments.map(Value::from));
                insert(&mut event, "count", self.count.map(Counting::as_str).map(Value::from));
            }
            SourceType::Range => {
                let missing = |what, how| UsageError::Missing { what, how };
                let from = self.from.ok_or(missing("the range's beginning", "--from A"))?;
                let to = self.to.ok_or(missing("the range's end", "--to B, which is not in it itself"))?;
                let size = self.size.ok_or(missing("the size of a segment", "--size N"))?;
                insert(&mut event, "from", Some(from.to_json()));
                insert(&mut event, "to", Some(to.to_json()));
                insert(&mut event, "size", Some(Value::from(size)));
            }
            SourceType::External => {}
            SourceType::List => {
                if self.codes.is_some() && self.codes_file.is_some() {
                    return Err(UsageError::Both("codes", "codes_file"));
                }
                if self.codes.is_none() && self.codes_file.is_none() {
                    let how = "--codes A,B or --codes-file F";
                    return Err(UsageError::Missing { what: "the list's codes", how });
                }
                let file = self.codes_file.as_deref().map(absolute).transpose()?;
                insert(&mut event, "codes", self.codes.map(Value::from));
                insert(&mut event, "file", file.map(Value::from));
            }
        }
        Ok(event)
    }

    /// A field of another source is a misunderstanding that should not pass in silence.
    fn refuse_foreign(&self, kind: SourceType) -> Result<(), UsageError> {
        use SourceType::{DynamoDbScan, List, Range};
        let fields = [
            ("table", self.table.is_some(), DynamoDbScan),
            ("items_per_segment", self.items_per_segment.is_some(), DynamoDbScan),
            ("segments", self.segments.is_some(), DynamoDbScan),
            ("count", self.count.is_some(), DynamoDbScan),
            ("from", self.from.is_some(), Range),
            ("to", self.to.is_some(), Range),
            ("size", self.size.is_some(), Range),
            ("codes", self.codes.is_some(), List),
            ("codes_file", self.codes_file.is_some(), List),
        ];
        match fields.iter().find(|(_, given, of)| *given && *of != kind) {
            Some((field, _, _)) => {
                Err(UsageError::NotTogether { field, chosen: format!("the source {}", kind.as_str()) })
            }
            None => Ok(()),
        }
    }
}

/// The event may be read again after a restart in another directory.
fn absolute(path: &Path) -> Result<String, UsageError> {
    let absolute = std::path::absolute(path).map_err(|source| UsageError::Read { path: path.to_owned(), source })?;
    absolute.into_os_string().into_string().map_err(|path| UsageError::Path(path.into()))
}

impl Policy {
    fn into_event(self) -> Option<Value> {
        let mut backoff = json!({});
        insert(&mut backoff, "base_ms", self.backoff.base_ms.map(Value::from));
        insert(&mut backoff, "cap_ms", self.backoff.cap_ms.map(Value::from));
        let mut policy = json!({});
        insert(&mut policy, "max_attempts", self.max_attempts.map(Value::from));
        insert(&mut policy, "tolerated_failures", self.tolerated_failures.map(|tolerated| json!(tolerated)));
        insert(&mut policy, "on_too_many_failures", self.on_too_many_failures.map(|then| json!(then)));
        insert(&mut policy, "backoff", (backoff != json!({})).then_some(backoff));
        let spans = [
            ("segment_timeout_ms", self.segment_timeout),
            ("execution_timeout_ms", self.execution_timeout),
            ("stall_after_ms", self.stall_after),
        ];
        for (name, span) in spans {
            insert(&mut policy, name, span.map(|span| Value::from(span.millis())));
        }
        insert(&mut policy, "max_concurrency", self.max_concurrency.map(Value::from));
        insert(&mut policy, "retention_days", self.retention.map(|retention| Value::from(retention.days())));
        (policy != json!({})).then_some(policy)
    }
}

/// What one or another of the built-in works takes.
const WORK_PARAMETERS: [&str; 6] = ["table", "index", "attribute", "command", "permanent_exit_code", "sleep_ms"];

/// Finds out before a run begins what every one of its segments would fail with.
fn check_builtin(parameters: &Map<String, Value>) -> Result<(), UsageError> {
    let how = "--work count, sum, exec or noop, or `work` under [parameters] in the job file";
    let name = parameters.get("work").and_then(Value::as_str).ok_or(UsageError::Missing { what: "the work", how })?;
    let works = [WorkName::Count, WorkName::Sum, WorkName::Exec, WorkName::Noop];
    let Some(work) = works.into_iter().find(|work| work.as_str() == name) else {
        return Err(UsageError::NotTogether {
            field: "this work",
            chosen: format!("the built-in ones: {name:?} is none of them"),
        });
    };
    let (needed, how) = match work {
        WorkName::Sum => (Some("attribute"), "--attribute A"),
        WorkName::Exec => (Some("command"), "--exec CMD"),
        WorkName::Count | WorkName::Noop => (None, ""),
    };
    if let Some(what) = needed.filter(|name| !parameters.contains_key(*name)) {
        return Err(UsageError::Missing { what, how });
    }
    let own: &[&str] = match work {
        WorkName::Count => &["table", "index"],
        WorkName::Sum => &["table", "index", "attribute"],
        WorkName::Exec => &["command", "permanent_exit_code"],
        WorkName::Noop => &["sleep_ms"],
    };
    match WORK_PARAMETERS.into_iter().find(|name| parameters.contains_key(*name) && !own.contains(name)) {
        Some(field) => Err(UsageError::NotTogether { field, chosen: format!("the work {}", work.as_str()) }),
        None => Ok(()),
    }
}
