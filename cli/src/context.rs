//! What every verb works with.

use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use control_table::ControlTable;
use control_table::clock::{Clock, Entropy, SystemClock, Timestamp};
use control_table::id::ExecutionId;
use local::data_dir::{DataDir, DataDirError};
use local::embedded::Durability;
use local::system::{HookOutput, Hooks, RepairReport, WorkChoice};
use local::{Database, Options, System};

use crate::args::{Global, SystemArgs};
use crate::error::CliError;
use crate::execution;
use crate::output::Output;

/// What every verb works with.
pub struct Context {
    /// How this process prints.
    pub output: Output,
    /// What this program was called as, for hints.
    pub program: String,
    /// The user's work; the built-in one if there is none.
    pub work: Option<Arc<dyn worker::Work>>,
    /// The time.
    clock: Arc<dyn Clock>,
    /// Identifiers and jitter.
    entropy: Arc<Entropy>,
    data_dir: Option<PathBuf>,
}

impl Context {
    /// By the arguments.
    pub fn new(global: &Global, program: String, work: Option<Arc<dyn worker::Work>>) -> Self {
        Self {
            output: Output::new(global),
            program,
            work,
            clock: Arc::new(SystemClock),
            entropy: Arc::new(Entropy::from_system()),
            data_dir: global.data_dir.clone(),
        }
    }

    /// The data directory.
    fn data_dir(&self) -> Result<PathBuf, CliError> {
        match &self.data_dir {
            Some(path) => Ok(path.clone()),
            None => Ok(DataDir::default_path()?),
        }
    }

    /// Opens the database to read, also while another process works on it.
    pub async fn read(&self) -> Result<Database, CliError> {
        // The setting that changes nothing; what little is written beside another process is kept in any case.
        let durability = Durability::PowerLoss;
        Ok(Database::read(&self.data_dir()?, durability, self.entropy()).await?)
    }

    /// Opens the database for single conditional writes of the control table's, also while another process works on it.
    pub async fn beside(&self) -> Result<Database, CliError> {
        self.read().await
    }

    /// Opens the database to fill a table of the user's, alone.
    pub async fn lock(&self) -> Result<Database, CliError> {
        let durability = Durability::ProcessCrash;
        Ok(Database::lock(&self.data_dir()?, durability, self.entropy()).await?)
    }

    /// Starts the system on the data directory, which must be nobody else's.
    pub async fn start(&self, args: &SystemArgs) -> Result<System, CliError> {
        let options = Options {
            data_dir: self.data_dir()?,
            durability: if args.durable { Durability::PowerLoss } else { Durability::ProcessCrash },
            workers: args.workers.map(usize::from),
            work: self.work.clone().map_or(WorkChoice::Builtin, WorkChoice::Own),
            on_complete: args.hooks.on_complete.clone(),
            hook_output: if self.output.is_json() { HookOutput::Stderr } else { HookOutput::Stdout },
            tick: Options::TICK,
            template: None,
            clock: Arc::clone(&self.clock),
            entropy: self.entropy(),
        };
        let hooks = Hooks {
            on_success: args.hooks.on_success.clone(),
            on_failure: args.hooks.on_failure.clone(),
            on_first_failure: args.hooks.on_first_failure.clone(),
            on_stall: args.hooks.on_stall.clone(),
        };
        Ok(System::start_with(options, hooks).await?)
    }

    /// What a repair would find, and change nothing.
    pub async fn inspect(&self, execution_id: ExecutionId) -> Result<RepairReport, CliError> {
        let database = self.read().await?;
        Ok(local::system::inspect(&database, execution_id, &self.clock, &self.entropy).await?)
    }

    /// As [`Self::start`]; `None` if another process has the data directory.
    pub async fn start_if_free(&self, args: &SystemArgs) -> Result<Option<System>, CliError> {
        match self.start(args).await {
            Ok(system) => Ok(Some(system)),
            Err(CliError::Local(local::Error::DataDir(DataDirError::InUse { .. }))) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The run that is meant.
    pub async fn resolve(&self, table: &ControlTable, text: &str) -> Result<ExecutionId, CliError> {
        Ok(execution::resolve(table, &*self.clock, text).await??)
    }

    /// The time now, in UTC.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// The time now, as rows have it.
    pub fn timestamp(&self) -> Timestamp {
        self.clock.timestamp()
    }

    /// Identifiers and jitter.
    pub fn entropy(&self) -> Arc<Entropy> {
        Arc::clone(&self.entropy)
    }

    /// Says that what was begun is not lost, and how to go on with it.
    pub fn say_how_to_resume(&self) {
        let directory = match &self.data_dir {
            Some(path) => format!(" --data-dir {}", path.display()),
            None => String::new(),
        };
        let program = &self.program;
        self.output.warn(format_args!("nothing is lost: `{program} resume{directory}` goes on where this stopped"));
    }
}
