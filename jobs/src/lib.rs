//! Jobs that need no code of the user's. An execution's parameters choose one: `{"work": "count"}`, and what else it takes.

mod count;
mod exec;
pub mod leftovers;
mod noop;
pub mod process_group;
mod process_table;
mod read;
mod sum;
mod table;
mod tail;
#[cfg(test)]
mod tests;
pub mod transcript;

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use futures::future::BoxFuture;
use serde_json::Value;

pub use self::exec::OutputFiles;
use self::table::Tables;
use runtime::Output;
use runtime::Segment;
use runtime::SegmentError;
use runtime::Work;
use runtime::{Context, read_json};

/// Whether an execution may have commands executed where the worker is.
#[derive(Debug, Clone)]
pub enum Commands {
    /// It may: the caller who starts the execution owns the machine.
    Allowed(Shell),
    /// It may not: a caller who may start an execution on AWS would have the function's permissions.
    Refused,
}

/// How commands are run.
#[derive(Debug, Clone, Default)]
pub struct Shell {
    /// Where the output of each attempt is kept, if it is.
    pub files: Option<OutputFiles>,
    /// The name of this process, which commands carry: [`leftovers::end`] finds what they leave if this process is killed.
    pub owner: Option<String>,
}

/// The built-in work. It is chosen by the `work` of an execution's parameters:
///
/// | `work` | takes | does |
/// |---|---|---|
/// | `count` | `table`, `index` | counts the items of the segment |
/// | `sum` | `attribute`, `table`, `index` | sums a number over the items of the segment, as a counter of that name |
/// | `exec` | `command`, `permanent_exit_code`, `kill_grace_ms` | runs a shell command for the segment |
/// | `noop` | `sleep_ms` | waits, and counts one item |
///
/// `dynamodb` is where `count` and `sum` find the user's table.
pub fn builtin(dynamodb: Client, commands: Commands) -> Arc<dyn Work> {
    Arc::new(Builtin { tables: Tables::new(dynamodb), commands })
}

struct Builtin {
    tables: Tables,
    commands: Commands,
}

/// The work that an execution asks for.
#[derive(Debug, PartialEq)]
enum Job {
    Count(count::Count),
    Sum(sum::Sum),
    Exec(exec::Exec),
    Noop(noop::Noop),
}

impl Job {
    /// By hand, because serde's tagged enums lose the path to a wrong field.
    fn read(parameters: Value) -> Result<Self, SegmentError> {
        const NAMES: &str = "\"count\", \"sum\", \"exec\" or \"noop\"";
        let Value::Object(mut fields) = parameters else {
            return Err(SegmentError::permanent(format_args!(
                "the execution's parameters name no work: give {{\"work\": …}} with {NAMES}"
            )));
        };
        let work = fields.remove("work").unwrap_or_default();
        let rest = Value::Object(fields);
        let what = "the execution's parameters";
        match work.as_str() {
            Some("count") => read_json(what, rest).map(Self::Count),
            Some("sum") => read_json(what, rest).map(Self::Sum),
            Some("exec") => read_json(what, rest).map(Self::Exec),
            Some("noop") => read_json(what, rest).map(Self::Noop),
            _ => Err(SegmentError::permanent(format_args!(
                "there is no built-in work {work}: the parameter \"work\" is one of {NAMES}"
            ))),
        }
    }
}

impl Work for Builtin {
    fn process(&self, segment: Segment<Value>, context: Context) -> BoxFuture<'static, Result<Output, SegmentError>> {
        let (tables, commands) = (self.tables.clone(), self.commands.clone());
        Box::pin(async move {
            match (Job::read(context.parameters()?)?, commands) {
                (Job::Count(job), _) => job.run(&tables, segment.spec).await,
                (Job::Sum(job), _) => job.run(&tables, segment.spec).await,
                (Job::Noop(job), _) => Ok(job.run().await),
                (Job::Exec(job), Commands::Allowed(shell)) => job.run(&segment, &context, &shell).await,
                (Job::Exec(_), Commands::Refused) => Err(SegmentError::permanent(
                    "this worker executes no commands: an execution with \"exec\" works on one machine only. On AWS, build a worker \
                     of your own",
                )),
            }
        })
    }

    fn grace(&self, parameters: &Value) -> Duration {
        match self.commands {
            Commands::Allowed(_) => exec::grace(parameters),
            Commands::Refused => Duration::ZERO,
        }
    }
}
