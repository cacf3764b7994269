//! `serve JOBS`: a scheduler, and the console beside it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::sync::Arc;

use control_table::id::{ExecutionKey, JobName};
use futures::future::join;
use local::schedule::{Agenda, Launcher, Processes, Purpose, Schedule, Scheduler, Trigger};
use tokio::process::Command;

use super::console::Console;
use super::ended_by_signal;
use crate::args::{ServeArgs, SystemArgs};
use crate::context::{Context, absolute};
use crate::error::CliError;
use crate::job::{At, JobFile, UsageError};
use crate::output::Output;

pub(super) async fn execute(context: &Context, args: &ServeArgs) -> Result<ExitCode, CliError> {
    let files = JobFile::all_in(&args.jobs.folder, At::ThisMachine, context.work.is_some(), context.now())?;
    let agenda = agenda(&args.jobs.folder, &files)?;
    let mut interrupt = context.take_signals();
    let database = Arc::new(context.database_here().await?);
    let data_dir = absolute(&context.data_dir()?)?;
    let _only_one = Scheduler::lock(&data_dir)?;
    let processes = Arc::new(processes(context, &files, data_dir)?);
    let launcher = Arc::clone(&processes) as Arc<dyn Launcher>;
    let scheduler = Scheduler::new(agenda.clone(), database, context.clock(), launcher)?;
    say(&context.output, agenda.schedules());
    // The console's server belongs here, beside the scheduler: both end with the first signal.
    let console =
        if args.no_console { None } else { Some(Console::open(context, &args.listen, &SystemArgs::default()).await?) };
    let stop = interrupt.clone();
    let serving = async move {
        match console {
            Some(console) => console.serve(stop).await,
            None => Ok(()),
        }
    };
    let ((), served) = join(scheduler.run(interrupt.wait()), serving).await;
    processes.stop().await;
    served?;
    context.output.warn("nothing is lost: the next `serve` continues what this one left");
    Ok(ended_by_signal(&interrupt))
}

pub(super) fn agenda(folder: &Path, files: &[JobFile]) -> Result<Agenda, UsageError> {
    let jobs: Vec<JobName> = files.iter().map(|file| file.job.clone()).collect();
    let schedules: Vec<Schedule> = files.iter().filter_map(|file| file.schedule.clone()).collect();
    if schedules.is_empty() {
        return Err(UsageError::NothingScheduled(folder.to_owned()));
    }
    Ok(Agenda::new(&jobs, schedules)?)
}

/// Says what starts each job.
fn say(output: &Output, schedules: &[Schedule]) {
    for Schedule { job, trigger, .. } in schedules {
        match trigger {
            Trigger::Times { timetable, .. } => {
                let (cron, zone) = (timetable.pattern(), timetable.timezone());
                output.note(format_args!("{job}: {cron} in {zone}"));
            }
            Trigger::After(parents) => {
                let parents: Vec<_> = parents.iter().map(JobName::as_str).collect();
                output.note(format_args!("{job}: after {}", parents.join(" and ")));
            }
        }
    }
}

/// The processes of executions: this program, with `run`.
fn processes(context: &Context, files: &[JobFile], data_dir: PathBuf) -> Result<Processes, UsageError> {
    let program = context.program_file()?;
    let mut paths = HashMap::new();
    for file in files {
        paths.insert(file.job.clone(), absolute(&file.path)?);
    }
    Ok(Processes::new(Box::new(move |job: &JobName, key: &ExecutionKey, purpose| {
        let mut command = Command::new(&program);
        command.arg("run");
        match (purpose, paths.get(job)) {
            (Purpose::Open, Some(path)) => drop(command.arg(path).args(["--key", key.as_str()])),
            // Whatever its file says by now, the execution is continued as it was opened.
            _ => drop(command.args(["--attach", "--job", job.as_str(), "--key", key.as_str()])),
        }
        // How it stands, `list` and `status` show.
        command.arg("--quiet").arg("--data-dir").arg(&data_dir).stdin(Stdio::null()).stdout(Stdio::null());
        command
    })))
}
