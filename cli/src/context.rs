//! What every verb works with.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use control_table::ControlTable;
use control_table::clock::{Clock, Entropy, SystemClock};
use control_table::id::ExecutionId;
use engine::Operator;
use local::data_dir::{DataDir, DataDirError};
use local::system::{HookOutput, Hooks, WorkChoice};
use local::{Bystander, Database, Durability, Life, Options, Place};

use crate::api_server::{StartsWhenAsked, ThisMachine};
use crate::args::{DATA_DIR_VARIABLE, Global, HookArgs, IdArgs, SystemArgs};
use crate::error::CliError;
use crate::interrupt::{Interrupt, Stops};
use crate::job::{Job, RunPlan, UsageError};
use crate::output::Output;
use crate::span::Span;
use crate::tables::Tables;

/// What every verb works with.
pub struct Context {
    /// How this process prints.
    pub output: Output,
    /// What this program was called as, for hints.
    pub program: String,
    /// The program's own name, whatever it was called as: executions keep it.
    program_name: String,
    /// The user's work; the built-in one if there is none.
    pub work: Option<Arc<dyn runtime::Work>>,
    /// The time.
    clock: Arc<dyn Clock>,
    /// Identifiers and jitter.
    entropy: Arc<Entropy>,
    data_dir: Option<PathBuf>,
    /// Whether the functions' own handlers run, on the emulator.
    emulate: bool,
    /// The stack, where one was named.
    stack: Option<String>,
    /// The stack as it was found.
    #[cfg(feature = "aws")]
    found: tokio::sync::OnceCell<aws::Deployed>,
}

impl Context {
    /// By the arguments.
    pub fn new(global: &Global, program_name: &str, program: String, work: Option<Arc<dyn runtime::Work>>) -> Self {
        Self {
            output: Output::new(global),
            program,
            program_name: program_name.to_owned(),
            work,
            clock: Arc::new(SystemClock),
            entropy: Arc::new(Entropy::from_system()),
            data_dir: global.data_dir.clone(),
            emulate: global.emulate,
            stack: global.deployed.name().map(ToOwned::to_owned),
            #[cfg(feature = "aws")]
            found: tokio::sync::OnceCell::new(),
        }
    }

    /// Whether a stack was named: then its functions work on executions, and not this process.
    pub const fn is_deployed(&self) -> bool {
        self.stack.is_some()
    }

    /// The data directory.
    pub fn data_dir(&self) -> Result<PathBuf, CliError> {
        match &self.data_dir {
            Some(path) => Ok(path.clone()),
            None => Ok(DataDir::default_path()?),
        }
    }

    /// The stack that was named, if one was.
    #[cfg(feature = "aws")]
    async fn stack(&self) -> Result<Option<Box<aws::Deployed>>, CliError> {
        let Some(name) = &self.stack else { return Ok(None) };
        let connect = || Box::pin(aws::Deployed::connect(name, Arc::clone(&self.clock), self.entropy()));
        Ok(Some(Box::new(self.found.get_or_try_init(connect).await?.clone())))
    }

    /// Refuses a stack: this program cannot reach one.
    #[cfg(not(feature = "aws"))]
    fn refuse_stack(&self) -> Result<(), UsageError> {
        if self.is_deployed() { Err(UsageError::NoAws) } else { Ok(()) }
    }

    /// The stack's tables, or those of the data directory, which `here` opens.
    async fn tables(&self, here: impl Future<Output = Result<Database, CliError>>) -> Result<Tables, CliError> {
        #[cfg(feature = "aws")]
        if let Some(stack) = self.stack().await? {
            return Ok(Tables::Deployed(stack));
        }
        #[cfg(not(feature = "aws"))]
        self.refuse_stack()?;
        Ok(Tables::Local(here.await?))
    }

    /// Opens the tables to read, also while another process works on them.
    pub async fn read(&self) -> Result<Tables, CliError> {
        self.tables(self.read_here()).await
    }

    async fn read_here(&self) -> Result<Database, CliError> {
        // The setting that changes nothing; what little is written beside another process is kept in any case.
        let durability = Durability::PowerLoss;
        Ok(Database::read(&self.place()?, durability, self.entropy()).await?)
    }

    fn place(&self) -> Result<Place, CliError> {
        Ok(Place { data_dir: self.data_dir()?, emulate: self.emulate })
    }

    /// The database of this machine, to work there beside other processes; made if it is missing.
    pub async fn database_here(&self) -> Result<Database, CliError> {
        if self.is_deployed() {
            return Err(UsageError::OnlyHere("this verb").into());
        }
        self.open_here().await
    }

    /// The clock.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    /// Opens the tables to fill one of the user's, and makes them if they are missing.
    pub async fn open(&self) -> Result<Tables, CliError> {
        self.tables(self.open_here()).await
    }

    async fn open_here(&self) -> Result<Database, CliError> {
        let durability = Durability::ProcessCrash;
        Ok(Database::open(&self.place()?, durability, self.entropy()).await?)
    }

    /// What works on runs: the stack that was named, or the system started in this process.
    pub async fn start(&self, args: &SystemArgs) -> Result<Arc<dyn Operator>, CliError> {
        if self.is_deployed() {
            args.refuse_for_a_stack()?;
        }
        #[cfg(feature = "aws")]
        if let Some(stack) = self.stack().await? {
            return Ok(Arc::new(*stack));
        }
        #[cfg(not(feature = "aws"))]
        self.refuse_stack()?;
        Ok(Arc::new(self.start_here(args).await?))
    }

    /// Starts the system on the data directory; an emulation, only if no other process has it.
    pub async fn start_here(&self, args: &SystemArgs) -> Result<local::System, CliError> {
        if self.is_deployed() {
            return Err(UsageError::OnlyHere("this verb").into());
        }
        Ok(local::System::start(self.options(args)?).await?)
    }

    /// How the system is started on the data directory.
    fn options(&self, args: &SystemArgs) -> Result<Options, CliError> {
        Ok(Options {
            data_dir: self.data_dir()?,
            emulate: self.emulate,
            durability: if args.durable { Durability::PowerLoss } else { Durability::ProcessCrash },
            workers: args.workers.map(usize::from),
            work: self.work.clone().map_or(WorkChoice::Builtin, WorkChoice::Own),
            program: self.program_name.clone(),
            any_worker: args.any_worker,
            hooks: self.hooks(args)?,
            hook_output: if self.output.is_json() { HookOutput::Stderr } else { HookOutput::Stdout },
            tick: Options::TICK,
            clock: Arc::clone(&self.clock),
            entropy: self.entropy(),
        })
    }

    /// What the HTTP API serves: the stack that was named, or this data directory, which is made if it is missing.
    pub async fn api_parts(&self, args: &SystemArgs, read_only: bool) -> Result<api::Parts, CliError> {
        let place = api::Place {
            system: self.program_name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            stack: self.stack.clone(),
            read_only,
            cli: Some(self.command_line()?),
        };
        let (clock, entropy) = (Arc::clone(&self.clock), self.entropy());
        let parts = |operator, machine| api::Parts { operator, machine, is_streaming: true, place, clock, entropy };
        if self.is_deployed() {
            return Ok(parts(self.start(args).await?, None));
        }
        let database = Arc::new(match self.read_here().await {
            // Nothing was ever kept here: there will be, when the first execution is started.
            Err(CliError::Local(local::Error::Empty(_))) => {
                self.open_here().await?;
                self.read_here().await?
            }
            database => database?,
        });
        let machine = ThisMachine::new(Arc::clone(&database), self.data_dir()?, Arc::clone(&self.clock));
        let operator = StartsWhenAsked::new(&database, self.options(args)?);
        Ok(parts(Arc::new(operator), Some(Arc::new(machine))))
    }

    /// How the command line reaches what this call works with, wherever it is typed.
    fn command_line(&self) -> Result<api::CommandLine, CliError> {
        let mut place = match &self.stack {
            Some(stack) => vec!["--stack".to_owned(), stack.clone()],
            None => vec!["--data-dir".to_owned(), absolute(&self.data_dir()?)?.display().to_string()],
        };
        if self.emulate {
            place.push("--emulate".to_owned());
        }
        Ok(api::CommandLine { program: self.program.clone(), place })
    }

    /// The hooks, as the local system takes them.
    fn hooks(&self, args: &SystemArgs) -> Result<Hooks, CliError> {
        let HookArgs { on_complete, on_success, on_failure, on_first_failure, on_stall, then, hook_timeout } =
            args.hooks.clone();
        let on_success = match then {
            Some(job) => Some(self.run_of(&job)?),
            None => on_success,
        };
        let timeout_ms = hook_timeout.map(Span::millis);
        Ok(Hooks { on_complete, on_success, on_failure, on_first_failure, on_stall, timeout_ms })
    }

    /// This program's file.
    pub fn program_file(&self) -> Result<PathBuf, UsageError> {
        std::env::current_exe().map_err(|source| UsageError::Read { path: self.program.clone().into(), source })
    }

    /// A command that runs a job after an event, once an event.
    fn run_of(&self, job: &Path) -> Result<String, CliError> {
        let program = self.program_file()?;
        let (job, data_dir) = (absolute(job)?, absolute(&self.data_dir()?)?);
        if !job.is_file() {
            let source = std::io::ErrorKind::NotFound.into();
            return Err(UsageError::Read { path: job, source }.into());
        }
        let [program, job, data_dir] = [&*program, &*job, &*data_dir].map(quoted);
        Ok(format!("{program} run {job} --key \"$EVENT_ID\" --data-dir {data_dir} --quiet >&2"))
    }

    /// An operator beside the process that works on the data directory, if there is one; or the stack's.
    pub async fn bystander(&self) -> Result<Box<dyn Operator>, CliError> {
        #[cfg(feature = "aws")]
        if let Some(stack) = self.stack().await? {
            return Ok(stack);
        }
        #[cfg(not(feature = "aws"))]
        self.refuse_stack()?;
        let database = self.read_here().await?;
        Ok(Box::new(Bystander::new(&database, &self.clock, &self.entropy)))
    }

    /// As [`Self::start`]; `None` if another process has the emulation.
    pub async fn start_if_free(&self, args: &SystemArgs) -> Result<Option<Arc<dyn Operator>>, CliError> {
        match self.start(args).await {
            Ok(system) => Ok(Some(system)),
            Err(CliError::Local(local::Error::DataDir(DataDirError::InUse { .. }))) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Takes the signals for a verb whose work runs in this process, unless a stack does it.
    pub fn take_signals(&self) -> Interrupt {
        Interrupt::install(&self.output, if self.is_deployed() { Stops::Display } else { Stops::Work })
    }

    /// Takes the signals for a verb that only shows something.
    pub fn take_signals_while_watching(&self) -> Interrupt {
        Interrupt::install(&self.output, Stops::Display)
    }

    /// The execution that is meant, found before anything is started.
    pub async fn find(&self, execution: &IdArgs) -> Result<ExecutionId, CliError> {
        let tables = self.read().await?;
        self.resolve(tables.control_table(), execution).await
    }

    /// The execution that is meant.
    pub async fn resolve(&self, table: &ControlTable, execution: &IdArgs) -> Result<ExecutionId, CliError> {
        Ok(table.find(&execution.id, execution.job.as_ref(), self.now()).await?)
    }

    /// The scatter event of a job, and the settings of the system that executes it.
    pub fn plan(&self, job: Job) -> Result<RunPlan, UsageError> {
        if self.is_deployed() {
            job.into_plan_for_a_stack(self.work.is_some())
        } else {
            job.keeping_its_list(&self.data_dir().map_err(|_| UsageError::NoDataDir)?)?.into_plan(self.work.is_some())
        }
    }

    /// How often a moving display looks: two short requests each.
    pub const fn look_every(&self) -> Duration {
        if self.is_deployed() { Duration::from_secs(1) } else { Duration::from_millis(200) }
    }

    /// The time now, in UTC.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Identifiers and jitter.
    pub fn entropy(&self) -> Arc<Entropy> {
        Arc::clone(&self.entropy)
    }

    /// A command of this program in a message. It can be pasted as it is: it names the data directory or the stack, if this call did.
    pub fn command(&self, rest: impl Display) -> String {
        let place = match (&self.stack, self.data_dir.as_deref()) {
            (Some(stack), _) => format!(" --stack {}", quoted(Path::new(stack))),
            (None, Some(data_dir)) if !is_usual(data_dir) => format!(" --data-dir {}", quoted(data_dir)),
            _ => String::new(),
        };
        let emulate = if self.emulate { " --emulate" } else { "" };
        format!("`{} {rest}{place}{emulate}`", self.program)
    }

    /// Names the command that continues an execution that no process works on.
    pub async fn warn_if_left(&self, tables: &Tables, execution_id: ExecutionId) -> Result<(), CliError> {
        if tables.process_of(execution_id).await? == Some(Life::Ended) {
            let resume = self.command(format_args!("resume {execution_id}"));
            self.output.warn(format_args!("no process works on it: {resume} continues it"));
        }
        Ok(())
    }

    /// Says that what was begun is not lost, and how to continue it.
    pub fn say_how_to_resume(&self) {
        if self.is_deployed() {
            let watch = self.command("watch latest");
            self.output.warn(format_args!("the stack continues without this process: {watch} follows"));
        } else {
            let resume = self.command("resume");
            self.output.warn(format_args!("nothing is lost: {resume} continues where this stopped"));
        }
    }
}

/// A path that holds in any directory.
pub fn absolute(path: &Path) -> Result<PathBuf, UsageError> {
    std::path::absolute(path).map_err(|source| UsageError::Read { path: path.to_owned(), source })
}

/// Whether a call without `--data-dir` uses that directory, too.
fn is_usual(data_dir: &Path) -> bool {
    std::env::var_os(DATA_DIR_VARIABLE).is_some_and(|usual| Path::new(&usual) == data_dir)
}

/// A path for the shell, in quotes if it needs them.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,:@%".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(global: &Global) -> Context {
        Context::new(global, "scatterctl", "scatterctl".to_owned(), None)
    }

    #[test]
    fn a_command_in_a_message_works_where_it_is_pasted() {
        let global = Global { data_dir: Some("/d/it's here".into()), emulate: true, ..Global::default() };
        assert_eq!(context(&global).command("resume"), r"`scatterctl resume --data-dir '/d/it'\''s here' --emulate`");
        let plain = Global { data_dir: Some("/data/nightly-2".into()), ..Global::default() };
        assert_eq!(context(&plain).command("seal 0193"), "`scatterctl seal 0193 --data-dir /data/nightly-2`");
        assert_eq!(context(&Global::default()).command("list"), "`scatterctl list`");
    }
}
