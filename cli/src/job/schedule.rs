//! `[schedule]` of a job file, and the job files of a folder.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use control_table::id::JobName;
use engine::scatter::ScatterEvent;
use local::schedule::{CatchUp, MAX_ACTIVE, Schedule, Timetable, Trigger};
use serde::Deserialize;

use super::{Job, UsageError};

/// Job files of a folder at most. A choice: each is looked at once a second.
const MAX_FILES: usize = 1_000;

/// What starts a job, as a job file has it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScheduleTable {
    cron: Option<String>,
    timezone: Option<String>,
    catch_up: Option<CatchUpName>,
    after: Option<Vec<JobName>>,
    max_active: Option<u32>,
}

/// What is done about missed moments, as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum CatchUpName {
    None,
    Last,
    All,
}

impl From<CatchUpName> for CatchUp {
    fn from(name: CatchUpName) -> Self {
        match name {
            CatchUpName::None => Self::None,
            CatchUpName::Last => Self::Last,
            CatchUpName::All => Self::All,
        }
    }
}

/// Where the jobs of a folder run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// Here.
    ThisMachine,
    /// In a stack's functions.
    Stack,
}

/// A job file of a folder.
#[derive(Debug, Clone)]
pub struct JobFile {
    /// The file.
    pub path: PathBuf,
    /// Its job.
    pub job: JobName,
    /// The event that starts it, without a key.
    pub event: ScatterEvent,
    /// What starts it, if anything does.
    pub schedule: Option<Schedule>,
}

impl JobFile {
    /// Every job file of a folder, checked as `run` checks it there; in the order of their names.
    pub fn all_in(folder: &Path, at: At, own_work: bool, now: DateTime<Utc>) -> Result<Vec<Self>, UsageError> {
        let unreadable = |source| UsageError::Folder { path: folder.to_owned(), source };
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if path.extension().is_some_and(|ending| ending == "toml") {
                paths.push(path);
            }
        }
        paths.sort();
        if paths.is_empty() {
            return Err(UsageError::NoJobs(folder.to_owned()));
        }
        if paths.len() > MAX_FILES {
            return Err(UsageError::ManyJobs { path: folder.to_owned(), limit: MAX_FILES });
        }
        paths.into_iter().map(|path| Self::read(path, at, own_work, now)).collect()
    }

    fn read(path: PathBuf, at: At, own_work: bool, now: DateTime<Utc>) -> Result<Self, UsageError> {
        let read = Job::from_file(&path).and_then(|job| job.into_scheduled(at, own_work, now));
        match read {
            Ok((event, schedule)) => Ok(Self { path, job: event.job.clone(), event, schedule }),
            Err(source) => Err(UsageError::InFile { path, source: Box::new(source) }),
        }
    }
}

impl Job {
    /// The job's event and its schedule. On this machine the process that runs it reads its file again.
    fn into_scheduled(
        mut self,
        at: At,
        own_work: bool,
        now: DateTime<Utc>,
    ) -> Result<(ScatterEvent, Option<Schedule>), UsageError> {
        let Some(table) = self.schedule.take() else { return Ok((self.into_event(at, own_work)?, None)) };
        if self.key.is_some() {
            let chosen = "[schedule]: the key is the moment, or that of the job before".to_owned();
            return Err(UsageError::NotTogether { field: "key", chosen });
        }
        let event = self.for_run()?.into_event(at, own_work)?;
        let schedule = table.into_schedule(&event.job, now)?;
        Ok((event, Some(schedule)))
    }

    fn into_event(self, at: At, own_work: bool) -> Result<ScatterEvent, UsageError> {
        match at {
            At::ThisMachine => Ok(self.into_plan(own_work)?.event),
            At::Stack => {
                let plan = self.into_plan_for_a_stack(own_work)?;
                plan.system.refuse_for_a_stack()?;
                Ok(plan.event)
            }
        }
    }
}

impl ScheduleTable {
    fn into_schedule(self, job: &JobName, now: DateTime<Utc>) -> Result<Schedule, UsageError> {
        let max_active = self.max_active.unwrap_or(1);
        if !(1..=MAX_ACTIVE).contains(&max_active) {
            return Err(UsageError::MaxActive { given: max_active, limit: MAX_ACTIVE });
        }
        let trigger = match (self.cron, self.after) {
            (Some(_), Some(_)) => return Err(UsageError::Both("cron", "after")),
            (Some(cron), None) => {
                let timetable = Timetable::new(&cron, self.timezone.as_deref().unwrap_or("UTC"), now)?;
                Trigger::Times { timetable, catch_up: self.catch_up.map(CatchUp::from).unwrap_or_default() }
            }
            (None, Some(after)) if !after.is_empty() => {
                let foreign = [("timezone", self.timezone.is_some()), ("catch_up", self.catch_up.is_some())];
                if let Some((field, _)) = foreign.into_iter().find(|(_, is_given)| *is_given) {
                    let chosen = "after: every success is followed, however late".to_owned();
                    return Err(UsageError::NotTogether { field, chosen });
                }
                Trigger::After(after)
            }
            (None, _) => {
                let how = "`cron` or `after` under [schedule] in the job file";
                return Err(UsageError::Missing { what: "what starts the job", how });
            }
        };
        Ok(Schedule { job: job.clone(), trigger, max_active })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: &str =
        "job = 'nightly'\n[source]\ntype = 'range'\nfrom = 0\nto = 2\nsize = 1\n[parameters]\nwork = 'noop'\n";

    fn read(schedule: &str) -> Result<JobFile, UsageError> {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("a.toml"), format!("{JOB}{schedule}")).unwrap();
        let now = "2026-11-24T00:00:00Z".parse().unwrap();
        Ok(JobFile::all_in(directory.path(), At::ThisMachine, false, now)?.remove(0))
    }

    #[test]
    fn what_starts_a_job() {
        assert!(read("").unwrap().schedule.is_none());
        let by_clock = "[schedule]\ncron = '30 2 * * *'\ntimezone = 'Europe/Berlin'\ncatch_up = 'all'\nmax_active = 3";
        let schedule = read(by_clock).unwrap().schedule.unwrap();
        let Trigger::Times { timetable, catch_up } = schedule.trigger else { panic!("{schedule:?}") };
        assert_eq!((timetable.timezone(), catch_up, schedule.max_active), ("Europe/Berlin", CatchUp::All, 3));
        let schedule = read("[schedule]\ncron = '@hourly'").unwrap().schedule.unwrap();
        let Trigger::Times { timetable, catch_up } = schedule.trigger else { panic!("{schedule:?}") };
        assert_eq!((timetable.timezone(), catch_up, schedule.max_active), ("UTC", CatchUp::Last, 1));
        let schedule = read("[schedule]\nafter = ['a', 'b']").unwrap().schedule.unwrap();
        assert_eq!(schedule.parents().len(), 2);
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_the_file() {
        for (schedule, words) in [
            ("[schedule]", "what starts the job is missing"),
            ("[schedule]\nafter = []", "what starts the job is missing"),
            ("[schedule]\ncron = '0 2 * * *'\nafter = ['a']", "cron and after exclude each other"),
            ("[schedule]\ncron = '0 25 * * *'", "cron = \"0 25 * * *\" cannot be read"),
            ("[schedule]\ncron = '0 2 * * *'\ntimezone = 'CEST'", "is not a time zone"),
            ("[schedule]\ncron = '0 2 * * *'\ncatch_up = 'some'", "catch_up"),
            ("[schedule]\ncron = '0 2 * * *'\nmax_active = 0", "max_active is 0"),
            ("[schedule]\nafter = ['a']\ncatch_up = 'all'", "catch_up does not go with after"),
            ("[schedule]\nafter = ['a b']", "not a job name"),
            ("[schedule]\nevery = '1h'", "every"),
        ] {
            let refused = read(schedule).unwrap_err().to_string();
            assert!(refused.contains("a.toml") && refused.contains(words), "{schedule}: {refused}");
        }
    }

    #[test]
    fn a_folder_without_jobs_is_no_folder_of_jobs() {
        let directory = tempfile::tempdir().unwrap();
        let now = "2026-11-24T00:00:00Z".parse().unwrap();
        let empty = JobFile::all_in(directory.path(), At::ThisMachine, false, now).unwrap_err().to_string();
        assert!(empty.contains("has no job files"), "{empty}");
        let missing =
            JobFile::all_in(&directory.path().join("no"), At::ThisMachine, false, now).unwrap_err().to_string();
        assert!(missing.contains("cannot read the folder"), "{missing}");
    }
}
