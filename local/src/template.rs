//! The settings of the local system, read from the SAM template that deploys the other one: one definition of each.
//!
//! The template is part of the program. A file can be read in its place ([`Template::read`]), so that a changed setting
//! can be tried without building anything.

mod lookup;
mod table;
mod yaml;

use std::path::{Path, PathBuf};
use std::time::Duration;

use emulator::event_source::batch::RetryPolicy;
use emulator::event_source::filter::{Filter, FilterError};
use emulator::event_source::{DynamoDbSettings, KinesisSettings};
use lookup::Node;

pub use table::{CreateTableError, IndexDefinition, TableDefinition};

/// The template of this very source tree.
const BUILT_IN: &str = include_str!("../../infra/template.yaml");

/// What Lambda's documentation gives as defaults, where the template is silent.
const BATCH_SIZE_DEFAULT: u64 = 100;
const TIMEOUT_SECONDS_DEFAULT: u64 = 3;

/// Why a template cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The file cannot be read.
    #[error("cannot read the template {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// It is not YAML.
    #[error("the template is not YAML: {0}")]
    NotYaml(String),
    /// A setting is not there.
    #[error("the template has no {0}, which the local system needs; add it")]
    Missing(String),
    /// A setting has a value of the wrong kind, or out of range.
    #[error("the template's {path} must be {expected}, and is {found}")]
    Mistyped {
        /// Where it is, as a dotted path.
        path: String,
        /// What it must be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// A `!Ref` to a parameter that has no default.
    #[error("the template's {path} refers to {parameter}, which is not a parameter with a default; give it one")]
    NoDefault {
        /// Where the reference is.
        path: String,
        /// What it refers to.
        parameter: String,
    },
    /// A filter pattern cannot be used.
    #[error("the template's {path}: {source}")]
    Filter {
        /// Where the pattern is.
        path: String,
        /// What is wrong with it.
        source: FilterError,
    },
}

/// A SAM template.
#[derive(Debug, Clone)]
pub struct Template {
    root: serde_json::Value,
}

impl Template {
    /// The template that this program was built with.
    pub fn built_in() -> Result<Self, TemplateError> {
        Self::parse(BUILT_IN)
    }

    /// The template in a file.
    pub fn read(path: &Path) -> Result<Self, TemplateError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| TemplateError::Unreadable { path: path.to_owned(), source })?;
        Self::parse(&text)
    }

    /// The template in a text.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        Ok(Self { root: yaml::parse(text)? })
    }

    /// All of it, with CloudFormation's intrinsics in their long forms (`!Ref X` is `{"Ref": "X"}`).
    pub const fn json(&self) -> &serde_json::Value {
        &self.root
    }

    /// The mapping from the segment stream to the worker.
    pub fn worker_mapping(&self) -> Result<KinesisSettings, TemplateError> {
        let mapping = self.mapping("WorkerFunction", "Segments", "Kinesis")?;
        Ok(KinesisSettings {
            batch_size: batch_size(&mapping)?,
            parallelization_factor: size(mapping.get("ParallelizationFactor").integer_or(1, 1..=10)?),
            retries: retries(&mapping)?,
            timeout: self.timeout("WorkerFunction")?,
        })
    }

    /// The mapping from the control table's stream to gather.
    pub fn gather_mapping(&self) -> Result<DynamoDbSettings, TemplateError> {
        let mapping = self.mapping("GatherFunction", "ControlTableStream", "DynamoDB")?;
        let window = mapping.get("MaximumBatchingWindowInSeconds").integer_or(0, 0..=300)?;
        Ok(DynamoDbSettings {
            batch_size: batch_size(&mapping)?,
            batching_window: Duration::from_secs(window),
            filter: filter(&mapping)?,
            retries: retries(&mapping)?,
            timeout: self.timeout("GatherFunction")?,
        })
    }

    /// How often the sweeper runs on AWS.
    pub fn sweeper_interval(&self) -> Result<Duration, TemplateError> {
        let tick = self.resource("SweeperFunction").get("Properties").get("Events").get("Tick").get("Properties");
        let schedule = [tick.get("ScheduleExpression"), tick.get("Schedule")];
        let [expression, schedule] = schedule;
        let schedule = if expression.is_absent() { schedule } else { expression };
        let text = schedule.text()?;
        rate(&text).ok_or_else(|| schedule.mistyped("a rate such as rate(1 minute)"))
    }

    /// The time of one invocation of a function.
    pub fn timeout(&self, function: &str) -> Result<Duration, TemplateError> {
        let own = self.resource(function).get("Properties").get("Timeout");
        let global = self.top().get("Globals").get("Function").get("Timeout");
        let timeout = if own.is_absent() { global } else { own };
        Ok(Duration::from_secs(timeout.integer_or(TIMEOUT_SECONDS_DEFAULT, 1..=900)?))
    }

    /// The number of shards of the segment stream.
    pub fn shard_count(&self) -> Result<u16, TemplateError> {
        let count = self.resource("SegmentStream").get("Properties").get("ShardCount").integer_or(1, 1..=1_000)?;
        Ok(u16::try_from(count).unwrap_or(u16::MAX))
    }

    /// The control table.
    pub fn control_table(&self) -> Result<TableDefinition, TemplateError> {
        TableDefinition::read(&self.resource("ControlTable").get("Properties"))
    }

    fn top(&self) -> Node<'_> {
        Node::top(&self.root)
    }

    fn resource(&self, name: &str) -> Node<'_> {
        self.top().get("Resources").get(name)
    }

    fn mapping(&self, function: &str, event: &str, kind: &'static str) -> Result<Node<'_>, TemplateError> {
        let event = self.resource(function).get("Properties").get("Events").get(event);
        let found = event.get("Type");
        if found.text()? != kind {
            return Err(found.mistyped(kind));
        }
        Ok(event.get("Properties"))
    }
}

fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn batch_size(mapping: &Node<'_>) -> Result<usize, TemplateError> {
    Ok(size(mapping.get("BatchSize").integer_or(BATCH_SIZE_DEFAULT, 1..=10_000)?))
}

fn retries(mapping: &Node<'_>) -> Result<RetryPolicy, TemplateError> {
    let attempts = mapping.get("MaximumRetryAttempts");
    // -1, Lambda's default: until it succeeds or the record expires.
    let unlimited = attempts.is_absent() || attempts.is_integer(-1)?;
    let types = mapping.get("FunctionResponseTypes").list()?;
    let types = types.iter().map(Node::text).collect::<Result<Vec<_>, _>>()?;
    Ok(RetryPolicy {
        attempts_max: if unlimited { None } else { u32::try_from(attempts.integer_or(0, 0..=10_000)?).ok() },
        bisect: mapping.get("BisectBatchOnFunctionError").flag_or(false)?,
        report_failures: types.iter().any(|kind| kind == "ReportBatchItemFailures"),
    })
}

fn filter(mapping: &Node<'_>) -> Result<Filter, TemplateError> {
    let filters = mapping.get("FilterCriteria").get("Filters");
    let patterns = filters.list()?.iter().map(|filter| filter.get("Pattern").text()).collect::<Result<Vec<_>, _>>()?;
    Filter::parse(patterns.iter().map(String::as_str))
        .map_err(|source| TemplateError::Filter { path: filters.path().to_owned(), source })
}

/// `rate(1 minute)`, `rate(5 minutes)`, `rate(1 hour)`.
fn rate(expression: &str) -> Option<Duration> {
    let inner = expression.trim().strip_prefix("rate(")?.strip_suffix(')')?;
    let (number, unit) = inner.trim().split_once(' ')?;
    let seconds = match unit.trim().trim_end_matches('s') {
        "minute" => 60,
        "hour" => 3_600,
        "day" => 86_400,
        _ => return None,
    };
    number.parse::<u64>().ok().filter(|number| *number > 0)?.checked_mul(seconds).map(Duration::from_secs)
}

#[cfg(test)]
mod tests;
