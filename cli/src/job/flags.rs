//! Flags over a job.

use control_table::policy::OnTooManyFailures;
use serde_json::{Map, Value};

use super::{Job, Policy, Source, UsageError};
use crate::args::{RunArgs, SourceType, WorkName};

/// Puts a flag that was given in a field's place.
fn replace<T: Clone>(field: &mut Option<T>, flag: Option<&T>) {
    if let Some(value) = flag {
        *field = Some(value.clone());
    }
}

impl Job {
    /// This job with what the flags say instead.
    pub(super) fn overlaid(mut self, args: &RunArgs, own_work: bool) -> Result<Self, UsageError> {
        replace(&mut self.name, args.job.as_ref());
        replace(&mut self.key, args.key.as_ref());
        replace(&mut self.workers, args.system.workers.as_ref());
        let hooks = &args.system.hooks;
        replace(&mut self.on_complete, hooks.on_complete.as_ref());
        replace(&mut self.on_success, hooks.on_success.as_ref());
        replace(&mut self.on_failure, hooks.on_failure.as_ref());
        replace(&mut self.on_first_failure, hooks.on_first_failure.as_ref());
        replace(&mut self.on_stall, hooks.on_stall.as_ref());
        replace(&mut self.then, hooks.then.as_ref());
        replace(&mut self.hook_timeout, hooks.hook_timeout.as_ref());
        self.tags = self.tags.overlaid(&args.tag.clone().try_into()?)?;
        self.durable |= args.system.durable;
        self.any_worker = args.system.any_worker;
        self.policy.overlay(args);
        self.source.overlay(args);
        if own_work {
            refuse_builtin(args)?;
        }
        self.parameters = parameters(std::mem::take(&mut self.parameters), args)?;
        // Only a scan's source has a table; with any other it is where the work looks codes up.
        if let Some(table) = &args.table
            && self.source.kind != Some(SourceType::DynamoDbScan)
        {
            if own_work {
                return Err(UsageError::OwnWork("--table"));
            }
            self.parameters.insert("table".to_owned(), Value::from(table.as_str()));
        }
        Ok(self)
    }
}

impl Policy {
    fn overlay(&mut self, args: &RunArgs) {
        replace(&mut self.max_attempts, args.max_attempts.as_ref());
        replace(&mut self.tolerated_failures, args.tolerated_failures.as_ref());
        replace(&mut self.backoff.base_ms, args.backoff_base_ms.as_ref());
        replace(&mut self.backoff.cap_ms, args.backoff_cap_ms.as_ref());
        if args.finish_anyway {
            self.on_too_many_failures = Some(OnTooManyFailures::Finish);
        }
        replace(&mut self.segment_timeout, args.segment_timeout.as_ref());
        replace(&mut self.execution_timeout, args.execution_timeout.as_ref());
        replace(&mut self.stall_after, args.stall_after.as_ref());
        replace(&mut self.max_concurrency, args.max_concurrency.as_ref());
        replace(&mut self.retention, args.retention.as_ref());
    }
}

impl Source {
    fn overlay(&mut self, args: &RunArgs) {
        if args.source.is_some_and(|kind| self.kind != Some(kind)) {
            *self = Self { kind: args.source, ..Self::default() };
        }
        if self.kind == Some(SourceType::DynamoDbScan) {
            replace(&mut self.table, args.table.as_ref());
        }
        // Of two that exclude each other, the flag wins.
        if args.segments.is_some() {
            self.items_per_segment = None;
            self.count = None;
        }
        if args.items_per_segment.is_some() {
            self.segments = None;
        }
        if args.codes.is_some() {
            self.codes_file = None;
        }
        if args.codes_file.is_some() {
            self.codes = None;
        }
        replace(&mut self.segments, args.segments.as_ref());
        replace(&mut self.items_per_segment, args.items_per_segment.as_ref());
        replace(&mut self.count, args.count.as_ref());
        replace(&mut self.from, args.from.as_ref());
        replace(&mut self.to, args.to.as_ref());
        replace(&mut self.size, args.size.as_ref());
        replace(&mut self.codes, args.codes.as_ref());
        replace(&mut self.codes_file, args.codes_file.as_ref());
    }
}

/// The flags of built-in work, by name, as far as they were given.
fn work_flags(args: &RunArgs) -> [(&'static str, &'static str, Option<Value>); 6] {
    [
        ("--attribute", "attribute", args.attribute.as_deref().map(Value::from)),
        ("--index", "index", args.index.as_deref().map(Value::from)),
        ("--exec", "command", args.exec.as_deref().map(Value::from)),
        ("--permanent-exit-code", "permanent_exit_code", args.permanent_exit_code.map(Value::from)),
        ("--kill-grace", "kill_grace_ms", args.kill_grace.map(|grace| Value::from(grace.millis()))),
        ("--sleep-ms", "sleep_ms", args.sleep_ms.map(Value::from)),
    ]
}

fn refuse_builtin(args: &RunArgs) -> Result<(), UsageError> {
    let given = work_flags(args).into_iter().find(|(_, _, value)| value.is_some()).map(|(flag, _, _)| flag);
    match args.work.map(|_| "--work").or(given) {
        Some(flag) => Err(UsageError::OwnWork(flag)),
        None => Ok(()),
    }
}

fn parameters(file: Map<String, Value>, args: &RunArgs) -> Result<Map<String, Value>, UsageError> {
    let mut parameters = match &args.parameters {
        Some(text) => match text::json_value(text) {
            Ok(Value::Object(parameters)) => parameters,
            Ok(other) => return Err(UsageError::Parameters(format!("this is {other}"))),
            Err(error) => return Err(UsageError::Parameters(error.to_string())),
        },
        None => file,
    };
    // `--exec CMD` alone says which work it is for.
    let work = args.work.or(args.exec.as_ref().map(|_| WorkName::Exec)).map(WorkName::as_str);
    if let Some(work) = work
        && parameters.get("work") != Some(&Value::from(work))
    {
        // Another work's parameters mean nothing to this one; those of --parameters were meant for it.
        if args.parameters.is_none() {
            parameters.clear();
        }
        parameters.insert("work".to_owned(), Value::from(work));
    }
    for (_, name, value) in work_flags(args) {
        if let Some(value) = value {
            parameters.insert(name.to_owned(), value);
        }
    }
    Ok(parameters)
}
