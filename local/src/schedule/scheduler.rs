//! Looks what is due, and has it started.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use control_table::ControlTable;
use control_table::clock::{Clock, Timestamp};
use control_table::id::{ExecutionId, ExecutionKey, JobName};
use control_table::read::ListQuery;
use control_table::rows::ExecutionStatus;
use control_table::store::SqliteStore;
use control_table::store::sqlite::Success;
use tokio::time::MissedTickBehavior;

use super::due::{Due, due};
use super::{Agenda, MAX_ACTIVE, Schedule, Trigger};
use crate::data_dir::{DataDir, DataDirError};
use crate::processes::Life;
use crate::system::{Database, Error};

/// The folder of a data directory whose lock its scheduler holds.
const FOLDER: &str = "schedules";

/// Between two looks. The clock is read in each: a machine that slept, or whose clock was set, is late by one look.
const LOOK: Duration = Duration::from_secs(1);

/// Between two looks for executions that a process has left.
const LOOK_FOR_LEFT: TimeDelta = TimeDelta::seconds(10);

/// How far the mark of a schedule without anything due may stay behind the clock: a write for each.
const MARK_EVERY: TimeDelta = TimeDelta::seconds(60);

/// How long after its end a success may become visible: a transaction waits up to 30 s for another process's. The mark of a job that follows
/// others stays behind by as much; what is met twice is one execution, by its key.
const VISIBLE_AFTER: TimeDelta = TimeDelta::seconds(120);

/// Successes that a look reads of a job at most; the next look reads on.
const SUCCESSES_READ: u16 = 10_000;

/// The wait before a start is tried again that ended before its execution was open. It doubles with each.
const RETRY_FIRST: TimeDelta = TimeDelta::seconds(5);

/// The longest such wait.
const RETRY_MAX: TimeDelta = TimeDelta::minutes(5);

/// How long after it might have been tried again a start is forgotten.
const FORGET_AFTER: TimeDelta = TimeDelta::hours(1);

/// The statuses of an execution that is active.
const ACTIVE: [ExecutionStatus; 4] =
    [ExecutionStatus::Scattering, ExecutionStatus::Running, ExecutionStatus::Cancelling, ExecutionStatus::Redriving];

/// A process that could not be started. A later look tries again.
#[derive(Debug, thiserror::Error)]
#[error("cannot start {program}: {source}")]
pub struct LaunchError {
    /// The program.
    pub program: String,
    /// What the operating system said.
    pub source: std::io::Error,
}

/// Starts executions. Each runs in a process of its own, so that one that crashes takes nothing else with it.
pub trait Launcher: Send + Sync {
    /// Starts a process that opens the execution of that job and key, and works on it to its end.
    ///
    /// # Errors
    /// When no process can be started.
    fn open(&self, job: &JobName, key: &ExecutionKey) -> Result<(), LaunchError>;

    /// Starts a process that works on the execution that they have, to its end: the process before it has ended.
    ///
    /// # Errors
    /// When no process can be started.
    fn resume(&self, job: &JobName, key: &ExecutionKey) -> Result<(), LaunchError>;

    /// Whether a process that was started for them still runs.
    fn is_running(&self, job: &JobName, key: &ExecutionKey) -> bool;
}

type Name = (JobName, ExecutionKey);

/// Starts of one execution that did not open it yet.
#[derive(Debug, Clone, Copy)]
struct Tries {
    count: u32,
    next_at: DateTime<Utc>,
}

/// The scheduler of a data directory.
pub struct Scheduler {
    agenda: Agenda,
    database: Arc<Database>,
    store: SqliteStore,
    clock: Arc<dyn Clock>,
    launcher: Arc<dyn Launcher>,
    /// The marks, as they are in the table.
    handled: HashMap<JobName, Timestamp>,
    /// Successes after their followers' marks whose execution is open. As many as there were in [`VISIBLE_AFTER`].
    followed: HashMap<Name, Timestamp>,
    /// What was started and is not open, or was left and is to be continued. As many as are due.
    tries: HashMap<Name, Tries>,
    looked_for_left: Option<DateTime<Utc>>,
}

impl Scheduler {
    /// Makes this process the one scheduler of a data directory, until the value is dropped or the process ends. Two would start nothing
    /// twice, but each would move the other's marks.
    ///
    /// # Errors
    /// When another process is its scheduler.
    pub fn lock(data_dir: &Path) -> Result<DataDir, DataDirError> {
        DataDir::open(&data_dir.join(FOLDER))
    }

    /// A scheduler for that data directory.
    ///
    /// # Errors
    /// When the directory is an emulation's: its executions belong to one process.
    pub fn new(
        agenda: Agenda,
        database: Arc<Database>,
        clock: Arc<dyn Clock>,
        launcher: Arc<dyn Launcher>,
    ) -> Result<Self, Error> {
        let store = database.shared_file().ok_or(Error::NoSchedules)?.0.clone();
        let (handled, followed, tries) = Default::default();
        Ok(Self { agenda, database, store, clock, launcher, handled, followed, tries, looked_for_left: None })
    }

    /// Looks once a second until `stop`.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        let mut stop = std::pin::pin!(stop);
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = &mut stop => return,
                _ = looks.tick() => self.look().await,
            }
        }
    }

    /// Starts what is due. What fails is logged, and the next look tries it again.
    pub async fn look(&mut self) {
        for schedule in self.agenda.schedules().to_vec() {
            let now = self.clock.now();
            if let Err(error) = self.look_at(&schedule, now).await {
                tracing::error!(job = %schedule.job, %error, "cannot look what is due; the next look tries again");
            }
        }
        let now = self.clock.now();
        if self.looked_for_left.is_none_or(|looked| !(looked..looked + LOOK_FOR_LEFT).contains(&now)) {
            self.looked_for_left = Some(now);
            if let Err(error) = self.resume_left(now).await {
                tracing::error!(%error, "cannot look for executions that were left; the next look tries again");
            }
        }
    }

    async fn look_at(&mut self, schedule: &Schedule, now: DateTime<Utc>) -> Result<(), Error> {
        let handled = self.handled_until(&schedule.job, now).await?;
        match &schedule.trigger {
            Trigger::Times { timetable, catch_up } => {
                let moment = match due(timetable, *catch_up, handled.to_datetime(), now) {
                    Due::Nothing => return self.mark_if_behind(&schedule.job, handled, now).await,
                    Due::LeaveOut(moment) => {
                        tracing::warn!(job = %schedule.job, until = %moment.key, "missed moments are left out");
                        return self.mark(&schedule.job, moment.at.into()).await;
                    }
                    Due::Start(moment) => moment,
                };
                if self.is_open(schedule, &moment.key, now).await? {
                    self.mark(&schedule.job, moment.at.into()).await?;
                }
                Ok(())
            }
            Trigger::After(parents) => self.follow(schedule, parents, handled, now).await,
        }
    }

    /// Starts what follows the successes after `handled`, and moves the mark to the last moment before which none is left.
    async fn follow(
        &mut self,
        schedule: &Schedule,
        parents: &[JobName],
        handled: Timestamp,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let mut until = Timestamp::from(now - VISIBLE_AFTER);
        for parent in parents {
            let successes = self.store.succeeded_after(parent, handled, SUCCESSES_READ).await?;
            if let Some(last) = successes.last().filter(|_| successes.len() >= SUCCESSES_READ.into()) {
                until = until.min(just_before(last.finished_at));
            }
            for success in successes {
                let finished_at = success.finished_at;
                if !self.is_followed(schedule, parents, success, now).await? {
                    until = until.min(just_before(finished_at));
                }
            }
        }
        self.followed.retain(|(job, _), finished_at| *job != schedule.job || *finished_at > until);
        if until.to_datetime() - handled.to_datetime() >= MARK_EVERY {
            self.mark(&schedule.job, until).await?;
        }
        Ok(())
    }

    /// Whether nothing is left to do about a success: its follower is open, or another job has to succeed first.
    async fn is_followed(
        &mut self,
        schedule: &Schedule,
        parents: &[JobName],
        success: Success,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let Success { key, finished_at, .. } = success;
        let name = (schedule.job.clone(), key);
        if self.followed.contains_key(&name) {
            return Ok(true);
        }
        for parent in parents {
            // The last of them to succeed starts it.
            if !self.has_succeeded(parent, &name.1).await? {
                return Ok(true);
            }
        }
        let is_open = self.is_open(schedule, &name.1, now).await?;
        if is_open {
            self.followed.insert(name, finished_at);
        }
        Ok(is_open)
    }

    async fn has_succeeded(&self, job: &JobName, key: &ExecutionKey) -> Result<bool, Error> {
        let Some(execution_id) = self.table().execution_of_key(job, key).await? else { return Ok(false) };
        let execution = self.table().execution(execution_id).await?;
        Ok(execution.is_some_and(|row| row.status == ExecutionStatus::Succeeded))
    }

    /// Whether the job has an execution with that key. If not, one is started, as soon as one more may be active.
    async fn is_open(&mut self, schedule: &Schedule, key: &ExecutionKey, now: DateTime<Utc>) -> Result<bool, Error> {
        let name = (schedule.job.clone(), key.clone());
        if self.table().execution_of_key(&schedule.job, key).await?.is_some() {
            self.tries.remove(&name);
            return Ok(true);
        }
        if self.may_try(&name, now) && self.active(&schedule.job).await? < schedule.max_active as usize {
            self.try_to(&name, now, |launcher| launcher.open(&name.0, &name.1));
        }
        Ok(false)
    }

    /// Executions of the job that are not over, or were started and are not open yet.
    async fn active(&self, job: &JobName) -> Result<usize, Error> {
        let is_starting = |(of, key): &&Name| of == job && self.launcher.is_running(of, key);
        let starting = self.tries.keys().filter(is_starting).count();
        Ok(starting + self.active_executions(job).await?.len())
    }

    async fn active_executions(&self, job: &JobName) -> Result<Vec<(ExecutionId, ExecutionKey)>, Error> {
        let limit = u16::try_from(MAX_ACTIVE).unwrap_or(u16::MAX);
        let statuses = ACTIVE.to_vec();
        let query = ListQuery { job: Some(job.clone()), statuses, ..ListQuery::all(self.clock.now(), limit) };
        let page = self.table().executions(&query).await?;
        Ok(page.executions.into_iter().map(|row| (row.execution_id, row.key)).collect())
    }

    /// Continues executions of these jobs whose process has ended: it was killed, or the machine went down.
    async fn resume_left(&mut self, now: DateTime<Utc>) -> Result<(), Error> {
        // A moment that another has replaced is tried no more.
        self.tries.retain(|_, tries| now < tries.next_at + FORGET_AFTER);
        for schedule in self.agenda.schedules().to_vec() {
            for (execution_id, key) in self.active_executions(&schedule.job).await? {
                let name = (schedule.job.clone(), key);
                match self.database.process_of(execution_id).await? {
                    Some(Life::Ended) if self.may_try(&name, now) => {
                        self.try_to(&name, now, |launcher| launcher.resume(&name.0, &name.1));
                    }
                    Some(Life::Ended) => {}
                    _ => drop(self.tries.remove(&name)),
                }
            }
        }
        Ok(())
    }

    fn may_try(&self, name: &Name, now: DateTime<Utc>) -> bool {
        let waits = self.tries.get(name).is_some_and(|tries| now < tries.next_at && tries.next_at - now <= RETRY_MAX);
        !waits && !self.launcher.is_running(&name.0, &name.1)
    }

    fn try_to(
        &mut self,
        name: &Name,
        now: DateTime<Utc>,
        launch: impl FnOnce(&dyn Launcher) -> Result<(), LaunchError>,
    ) {
        let (job, key) = name;
        let before = self.tries.get(name).map_or(0, |tries| tries.count);
        if before > 0 {
            tracing::warn!(%job, %key, before, "its process ended before the execution was over; another is started");
        }
        let wait = RETRY_FIRST * 2_i32.saturating_pow(before.min(10));
        self.tries.insert(name.clone(), Tries { count: before + 1, next_at: now + wait.min(RETRY_MAX) });
        match launch(&*self.launcher) {
            Ok(()) => tracing::info!(%job, %key, "started"),
            Err(error) => tracing::error!(%job, %key, %error, "cannot be started; a later look tries again"),
        }
    }

    /// The mark of a job. The first look at it marks the present: what was before it was not asked for. So does a mark in the future, of
    /// a clock that was ahead; what ran then does not run again, by its key.
    async fn handled_until(&mut self, job: &JobName, now: DateTime<Utc>) -> Result<Timestamp, Error> {
        let handled = match self.handled.get(job) {
            Some(handled) => Some(*handled),
            None => self.store.handled_until(job).await?,
        };
        if let Some(handled) = handled.filter(|handled| *handled <= now.into()) {
            self.handled.insert(job.clone(), handled);
            return Ok(handled);
        }
        self.mark(job, now.into()).await?;
        Ok(now.into())
    }

    async fn mark_if_behind(&mut self, job: &JobName, handled: Timestamp, now: DateTime<Utc>) -> Result<(), Error> {
        if now - handled.to_datetime() < MARK_EVERY { Ok(()) } else { self.mark(job, now.into()).await }
    }

    async fn mark(&mut self, job: &JobName, until: Timestamp) -> Result<(), Error> {
        self.store.mark_handled(job, until).await?;
        self.handled.insert(job.clone(), until);
        Ok(())
    }

    fn table(&self) -> &ControlTable {
        self.database.control_table()
    }
}

const fn just_before(moment: Timestamp) -> Timestamp {
    Timestamp::from_millis(moment.as_millis() - 1)
}
