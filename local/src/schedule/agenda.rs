//! What starts a job, and the schedules of a folder, checked together.

use std::collections::{BTreeMap, BTreeSet};

use control_table::id::JobName;

use super::Timetable;

/// The largest `max_active`. A choice: each is a process of its own.
pub const MAX_ACTIVE: u32 = 100;

/// What is done about moments that came while nothing could be started: this process did not run, the machine slept, or as many
/// executions of the job as may be were active.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CatchUp {
    /// Nothing: they are left out.
    None,
    /// The latest of them is started, and the others are left out.
    #[default]
    Last,
    /// All of them are started, the earliest first.
    All,
}

/// What starts the executions of a job.
#[derive(Debug, Clone)]
pub enum Trigger {
    /// The clock.
    Times {
        /// When.
        timetable: Timetable,
        /// What is done about missed moments.
        catch_up: CatchUp,
    },
    /// The success of other jobs: once each of them has an execution with the same key that SUCCEEDED, this one gets one with that key.
    After(Vec<JobName>),
}

/// The schedule of a job.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// The job.
    pub job: JobName,
    /// What starts its executions.
    pub trigger: Trigger,
    /// Executions of it that may be active at once, from 1 to [`MAX_ACTIVE`].
    pub max_active: u32,
}

/// Schedules that do not fit together. Nothing was started; a retry does not help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AgendaError {
    /// Two files for one job.
    #[error("two files have the job {0}: give each file a job of its own")]
    Twice(JobName),
    /// A job follows one that there is not.
    #[error("the job {job} follows {after}, and no file of the folder has that job: correct `after`, or add the file")]
    Unknown {
        /// The job.
        job: JobName,
        /// The one that it follows.
        after: JobName,
    },
    /// Jobs follow each other in a circle.
    #[error("these jobs follow each other in a circle, so none of them could begin: {}", names(.0))]
    Circle(Vec<JobName>),
}

fn names(jobs: &[JobName]) -> String {
    jobs.iter().map(JobName::as_str).collect::<Vec<_>>().join(" after ")
}

/// The schedules of a folder.
#[derive(Debug, Clone, Default)]
pub struct Agenda {
    schedules: Vec<Schedule>,
}

impl Agenda {
    /// The agenda of these schedules; `jobs` are those of the folder's files, with a schedule or without.
    ///
    /// # Errors
    /// The first thing that does not fit.
    pub fn new(jobs: &[JobName], schedules: Vec<Schedule>) -> Result<Self, AgendaError> {
        let mut known = BTreeSet::new();
        for job in jobs {
            if !known.insert(job) {
                return Err(AgendaError::Twice(job.clone()));
            }
        }
        let follows: BTreeMap<&JobName, &[JobName]> =
            schedules.iter().map(|schedule| (&schedule.job, schedule.parents())).collect();
        for (job, parents) in &follows {
            if let Some(unknown) = parents.iter().find(|parent| !known.contains(parent)) {
                return Err(AgendaError::Unknown { job: (*job).clone(), after: unknown.clone() });
            }
        }
        let mut sound = BTreeSet::new();
        for job in follows.keys() {
            refuse_circle(job, &follows, &mut Vec::new(), &mut sound)?;
        }
        Ok(Self { schedules })
    }

    /// The schedules.
    #[must_use]
    pub fn schedules(&self) -> &[Schedule] {
        &self.schedules
    }
}

impl Schedule {
    /// The jobs that this one follows.
    #[must_use]
    pub fn parents(&self) -> &[JobName] {
        match &self.trigger {
            Trigger::Times { .. } => &[],
            Trigger::After(parents) => parents,
        }
    }
}

/// Walks up from a job; `path` is the way to it, `sound` what is known to be in no circle. As deep as there are jobs at the most.
fn refuse_circle<'a>(
    job: &'a JobName,
    follows: &BTreeMap<&'a JobName, &'a [JobName]>,
    path: &mut Vec<&'a JobName>,
    sound: &mut BTreeSet<&'a JobName>,
) -> Result<(), AgendaError> {
    if let Some(begin) = path.iter().position(|met| *met == job) {
        return Err(AgendaError::Circle(path[begin..].iter().copied().chain([job]).cloned().collect()));
    }
    if sound.contains(job) {
        return Ok(());
    }
    path.push(job);
    for parent in follows.get(job).copied().unwrap_or_default() {
        refuse_circle(parent, follows, path, sound)?;
    }
    path.pop();
    sound.insert(job);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(name: &str) -> JobName {
        name.parse().unwrap()
    }

    fn after(name: &str, parents: &[&str]) -> Schedule {
        let parents = parents.iter().map(|parent| job(parent)).collect();
        Schedule { job: job(name), trigger: Trigger::After(parents), max_active: 1 }
    }

    fn refused(files: &[&str], schedules: Vec<Schedule>) -> String {
        let files: Vec<_> = files.iter().map(|file| job(file)).collect();
        Agenda::new(&files, schedules).unwrap_err().to_string()
    }

    #[test]
    fn what_does_not_fit_together_is_named() {
        assert!(refused(&["a", "b", "a"], vec![]).contains("two files have the job a"));
        assert!(refused(&["a", "b"], vec![after("b", &["a", "x"])]).contains("the job b follows x"));
        let circle =
            refused(&["a", "b", "c", "d"], vec![after("b", &["a", "d"]), after("c", &["b"]), after("d", &["c"])]);
        assert!(circle.ends_with("b after d after c after b"), "{circle}");
        assert!(refused(&["a"], vec![after("a", &["a"])]).ends_with("a after a"));
    }

    #[test]
    fn a_job_may_follow_one_without_a_schedule_and_two_ways_to_it_are_no_circle() {
        let files = ["a", "b", "c", "d"].map(job);
        let diamond = vec![after("b", &["a"]), after("c", &["a"]), after("d", &["b", "c"])];
        assert_eq!(Agenda::new(&files, diamond).unwrap().schedules().len(), 3);
    }
}
