//! What the API is made of.

use std::fmt;
use std::sync::Arc;

use control_table::ControlTable;
use control_table::clock::{Clock, Entropy};
use engine::Operator;
use serde::Serialize;
use utoipa::ToSchema;

use crate::machine::Machine;
use crate::problem::{Code, Problem};

/// What the API is made of: the caller decides whether it serves a deployed stack or one machine.
#[derive(Clone)]
pub struct Parts {
    /// Starts executions and operates on them; its table is read.
    pub operator: Arc<dyn Operator>,
    /// What only one machine knows; `None` for a deployed stack.
    pub machine: Option<Arc<dyn Machine>>,
    /// Whether an answer may be sent piece by piece: server-sent events. Lambda sends an answer as a whole.
    pub is_streaming: bool,
    /// The system that it serves.
    pub place: Place,
    /// The present moment.
    pub clock: Arc<dyn Clock>,
    /// Identifiers.
    pub entropy: Arc<Entropy>,
}

/// The system that the API serves, as callers are shown it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Place {
    /// The program, such as `scatterctl`.
    pub system: String,
    /// Its version.
    pub version: String,
    /// The deployed stack; null on one machine.
    pub stack: Option<String>,
    /// Whether requests that change something are refused.
    pub read_only: bool,
    /// How to do the same by the command line; null where that is not known.
    pub cli: Option<CommandLine>,
}

/// The command line that works on the same system: `PROGRAM VERB … PLACE`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CommandLine {
    /// The program.
    pub program: String,
    /// The words that name the data directory or the stack, without a shell's quotes.
    pub place: Vec<String>,
}

impl Parts {
    /// Refuses a change, if only reads are served.
    pub(crate) fn refuse_if_read_only(&self) -> Result<(), Problem> {
        if self.place.read_only {
            return Err(Problem::new(
                Code::ReadOnly,
                "this server only shows executions: start it without --read-only to change them",
            ));
        }
        Ok(())
    }

    /// The control table.
    pub(crate) fn table(&self) -> &ControlTable {
        self.operator.table()
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("place", &self.place).finish_non_exhaustive()
    }
}
