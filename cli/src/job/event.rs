//! From the layers of a job to the scatter event.

use std::path::Path;

use control_table::policy;
use engine::scatter::ScatterEvent;
use engine::scatter::sources::{CountMode, External, ListRequest, RangeRequest, ScanRequest, SourceRequest};
use serde_json::{Map, Value};

use super::{Job, Policy, Source, UsageError};
use crate::args::{Counting, HookArgs, SourceType, SystemArgs, WorkName};
use crate::span::{Retention, Span};

/// A job that is complete and was found to be in order.
#[derive(Debug, Clone, PartialEq)]
pub struct RunPlan {
    /// What the scatter function gets.
    pub event: ScatterEvent,
    /// How the system runs.
    pub system: SystemArgs,
}

impl Job {
    /// The event, checked by the same rules as the scatter function checks it.
    ///
    /// # Errors
    /// What is missing, contradicts, or is out of its limits.
    pub fn into_plan(mut self, own_work: bool) -> Result<RunPlan, UsageError> {
        let job = self
            .name
            .ok_or(UsageError::Missing { what: "the job's name", how: "--job NAME, or `job` in the job file" })?;
        let source = self.source.into_request()?;
        if !own_work {
            read_kill_grace(&mut self.parameters)?;
            check_builtin(&self.parameters)?;
        }
        let parameters = if self.parameters.is_empty() { Value::Null } else { Value::Object(self.parameters) };
        let (key, tags, policy) = (self.key, self.tags, self.policy.into_policy());
        let event = ScatterEvent { job, key, tags, source, policy, parameters };
        event.validate().map_err(Box::new)?;
        let hooks = HookArgs {
            on_complete: self.on_complete,
            on_success: self.on_success,
            on_failure: self.on_failure,
            on_first_failure: self.on_first_failure,
            on_stall: self.on_stall,
            then: self.then,
            hook_timeout: self.hook_timeout,
        };
        let (workers, durable, any_worker) = (self.workers, self.durable, self.any_worker);
        Ok(RunPlan { event, system: SystemArgs { workers, hooks, durable, any_worker } })
    }
}

impl Source {
    fn into_request(self) -> Result<SourceRequest, UsageError> {
        let how = "--source dynamodb-scan, range or list, or [source] with its `type` in the job file";
        let kind = self.kind.ok_or(UsageError::Missing { what: "the source", how })?;
        self.refuse_foreign(kind)?;
        match kind {
            SourceType::DynamoDbScan => self.into_scan().map(SourceRequest::DynamoDbScan),
            SourceType::Range => self.into_range().map(SourceRequest::Range),
            SourceType::List => self.into_list().map(SourceRequest::List),
            SourceType::External => Ok(SourceRequest::External(External {})),
        }
    }

    fn into_scan(self) -> Result<ScanRequest, UsageError> {
        let table = self.table.ok_or(UsageError::Missing { what: "the source's table", how: "--table T" })?;
        if self.items_per_segment.is_some() && self.segments.is_some() {
            return Err(UsageError::Both("items_per_segment", "segments"));
        }
        let count = self.count.map(|counting| match counting {
            Counting::Exact => CountMode::Exact,
            Counting::Estimate => CountMode::Estimate,
        });
        Ok(ScanRequest { table, items_per_segment: self.items_per_segment, segments: self.segments, count })
    }

    fn into_range(self) -> Result<RangeRequest, UsageError> {
        let missing = |what, how| UsageError::Missing { what, how };
        Ok(RangeRequest {
            from: self.from.ok_or(missing("the range's beginning", "--from A"))?,
            to: self.to.ok_or(missing("the range's end", "--to B, which is not in it itself"))?,
            size: self.size.ok_or(missing("the size of a segment", "--size N"))?,
        })
    }

    fn into_list(self) -> Result<ListRequest, UsageError> {
        match (&self.codes, &self.codes_file) {
            (Some(_), Some(_)) => return Err(UsageError::Both("codes", "codes_file")),
            (None, None) => {
                let how = "--codes A,B or --codes-file F";
                return Err(UsageError::Missing { what: "the list's codes", how });
            }
            _ => {}
        }
        let file = self.codes_file.as_deref().map(absolute).transpose()?;
        Ok(ListRequest { codes: self.codes, file })
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
    fn into_policy(self) -> policy::Policy {
        let defaults = policy::Policy::default();
        policy::Policy {
            max_attempts: self.max_attempts.unwrap_or(defaults.max_attempts),
            backoff: policy::Backoff {
                base_ms: self.backoff.base_ms.unwrap_or(defaults.backoff.base_ms),
                cap_ms: self.backoff.cap_ms.unwrap_or(defaults.backoff.cap_ms),
            },
            tolerated_failures: self.tolerated_failures.unwrap_or(defaults.tolerated_failures),
            on_too_many_failures: self.on_too_many_failures.unwrap_or(defaults.on_too_many_failures),
            segment_timeout_ms: self.segment_timeout.map(Span::millis),
            execution_timeout_ms: self.execution_timeout.map(Span::millis),
            max_concurrency: self.max_concurrency,
            stall_after_ms: self.stall_after.map_or(defaults.stall_after_ms, Span::millis),
            retention_days: self.retention.map(Retention::days),
        }
    }
}

/// What one or another of the built-in works takes.
const WORK_PARAMETERS: [&str; 7] =
    ["table", "index", "attribute", "command", "permanent_exit_code", "kill_grace_ms", "sleep_ms"];

/// A command's grace is a span of time in a job file, and milliseconds in the parameters that the worker gets.
fn read_kill_grace(parameters: &mut Map<String, Value>) -> Result<(), UsageError> {
    let limit_ms = local::KILL_GRACE_MAX.as_secs() * 1_000;
    let read = |value: &Value| value.as_u64().or_else(|| Some(value.as_str()?.parse::<Span>().ok()?.millis()));
    // The flag comes in milliseconds, and wins.
    for name in ["kill_grace_ms", "kill_grace"] {
        let Some(given) = parameters.remove(name) else { continue };
        match read(&given).filter(|millis| *millis <= limit_ms && (given.is_string() || name == "kill_grace_ms")) {
            Some(millis) => parameters.entry("kill_grace_ms").or_insert(Value::from(millis)),
            None => return Err(UsageError::KillGrace { given, limit_ms }),
        };
    }
    Ok(())
}

/// Refuses before anything is written what every segment would fail with.
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
        WorkName::Exec => &["command", "permanent_exit_code", "kill_grace_ms"],
        WorkName::Noop => &["sleep_ms"],
    };
    match WORK_PARAMETERS.into_iter().find(|name| parameters.contains_key(*name) && !own.contains(name)) {
        Some(field) => Err(UsageError::NotTogether { field, chosen: format!("the work {}", work.as_str()) }),
        None => Ok(()),
    }
}
