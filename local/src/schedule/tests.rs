//! The scheduler under a clock of the test's, on a real control table.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use control_table::ControlTable;
use control_table::clock::{Clock, Entropy, Timestamp};
use control_table::id::{ExecutionId, ExecutionKey, JobName};
use control_table::operation::{Open, OpenOutcome, OverwriteIfUnchanged};
use control_table::policy::Policy;
use control_table::read::ListQuery;
use control_table::rows::{ExecutionRow, ExecutionStatus, PlanKind, RowKey};
use control_table::store::SqliteStore;
use control_table::store::sqlite::{Durability, Opener, ProcessId};
use control_table::tags::Tags;

use super::{Agenda, CatchUp, LaunchError, Launcher, Schedule, Scheduler, Timetable, Trigger};
use crate::system::{Database, Place};

#[derive(Debug)]
struct TestClock(Mutex<DateTime<Utc>>);

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Launched {
    Open(JobName, ExecutionKey),
    Resume(JobName, ExecutionKey),
}

/// Keeps what is asked of it until the test does it.
#[derive(Debug, Default)]
struct TestLauncher {
    asked: Mutex<Vec<Launched>>,
    running: Mutex<Vec<(JobName, ExecutionKey)>>,
}

impl Launcher for TestLauncher {
    fn open(&self, job: &JobName, key: &ExecutionKey) -> Result<(), LaunchError> {
        self.asked.lock().unwrap().push(Launched::Open(job.clone(), key.clone()));
        self.running.lock().unwrap().push((job.clone(), key.clone()));
        Ok(())
    }

    fn resume(&self, job: &JobName, key: &ExecutionKey) -> Result<(), LaunchError> {
        self.asked.lock().unwrap().push(Launched::Resume(job.clone(), key.clone()));
        Ok(())
    }

    fn is_running(&self, job: &JobName, key: &ExecutionKey) -> bool {
        self.running.lock().unwrap().contains(&(job.clone(), key.clone()))
    }
}

struct World {
    dir: tempfile::TempDir,
    clock: Arc<TestClock>,
    entropy: Arc<Entropy>,
    database: Arc<Database>,
    launcher: Arc<TestLauncher>,
    agenda: Agenda,
    scheduler: Scheduler,
    opened: BTreeMap<String, u32>,
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn job(name: &str) -> JobName {
    name.parse().unwrap()
}

fn by_clock(name: &str, cron: &str, zone: &str, catch_up: CatchUp) -> Schedule {
    let timetable = Timetable::new(cron, zone, time("2026-01-01T00:00:00Z")).unwrap();
    Schedule { job: job(name), trigger: Trigger::Times { timetable, catch_up }, max_active: 1 }
}

fn after(name: &str, parents: &[&str]) -> Schedule {
    let parents = parents.iter().map(|parent| job(parent)).collect();
    Schedule { job: job(name), trigger: Trigger::After(parents), max_active: 10 }
}

impl World {
    async fn new(now: &str, wanted: Vec<Schedule>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(TestClock(Mutex::new(time(now))));
        let entropy = Arc::new(Entropy::from_seed(5));
        let place = Place { data_dir: dir.path().to_owned(), emulate: false };
        let database = Database::open(&place, Durability::ProcessCrash, Arc::clone(&entropy)).await.unwrap();
        let (database, launcher) = (Arc::new(database), Arc::new(TestLauncher::default()));
        let mut jobs: Vec<_> = wanted.iter().map(|schedule| schedule.job.clone()).collect();
        jobs.extend(["load", "other"].map(job));
        let agenda = Agenda::new(&jobs, wanted).unwrap();
        let scheduler =
            Scheduler::new(agenda.clone(), Arc::clone(&database), Arc::clone(&clock) as _, Arc::clone(&launcher) as _);
        let scheduler = scheduler.unwrap();
        Self { dir, clock, entropy, database, launcher, agenda, scheduler, opened: BTreeMap::new() }
    }

    fn table(&self) -> &ControlTable {
        self.database.control_table()
    }

    fn set(&self, now: &str) {
        *self.clock.0.lock().unwrap() = time(now);
    }

    fn pass(&self, span: TimeDelta) {
        *self.clock.0.lock().unwrap() += span;
    }

    /// The process is killed, and another one begins: it knows what is in the table.
    fn restart(&mut self) {
        let (database, clock) = (Arc::clone(&self.database), Arc::clone(&self.clock));
        self.launcher = Arc::new(TestLauncher::default());
        let launcher = Arc::clone(&self.launcher);
        self.scheduler = Scheduler::new(self.agenda.clone(), database, clock, launcher).unwrap();
    }

    /// Looks, and does what the launcher was asked to open.
    async fn look(&mut self) {
        self.scheduler.look().await;
        self.open_what_was_asked().await;
    }

    async fn open_what_was_asked(&mut self) {
        let asked = std::mem::take(&mut *self.launcher.asked.lock().unwrap());
        for launched in asked {
            if let Launched::Open(job, key) = launched {
                self.open(&job, &key).await;
                self.launcher.running.lock().unwrap().retain(|name| *name != (job.clone(), key.clone()));
            }
        }
    }

    /// As `run --key` does: of two for one key, the second finds the execution of the first.
    async fn open(&mut self, job: &JobName, key: &ExecutionKey) {
        let table = self.table().clone();
        if let Some(row) = open_in(&table, &self.entropy, self.clock.now(), job, key).await {
            *self.opened.entry(row.job.to_string() + " " + row.key.as_str()).or_default() += 1;
        }
    }

    async fn end(&self, name: &str, key: &str, status: ExecutionStatus) {
        let found = self.table().execution_of_key(&job(name), &key.parse().unwrap()).await.unwrap().unwrap();
        let seen = self.table().execution(found).await.unwrap().unwrap();
        let ended = ExecutionRow { status, finished_at: Some(self.clock.now().into()), ..seen.clone() };
        self.table().execute(&OverwriteIfUnchanged::new(Some(seen), ended).unwrap()).await.unwrap();
    }

    /// Ends every execution of the job that is open.
    async fn end_all(&self, name: &str) {
        let query = ListQuery { statuses: vec![ExecutionStatus::Scattering], ..ListQuery::all(self.clock.now(), 100) };
        for row in self.table().executions(&ListQuery { job: Some(job(name)), ..query }).await.unwrap().executions {
            self.end(name, row.key.as_str(), ExecutionStatus::Succeeded).await;
        }
    }

    /// What was opened, in the order of the names; each must have been opened once.
    fn once(&self) -> Vec<&str> {
        assert!(self.opened.values().all(|times| *times == 1), "{:?}", self.opened);
        self.opened.keys().map(String::as_str).collect()
    }
}

async fn open_in(
    table: &ControlTable,
    entropy: &Entropy,
    now: DateTime<Utc>,
    job: &JobName,
    key: &ExecutionKey,
) -> Option<ExecutionRow> {
    let open = Open {
        execution_id: ExecutionId::new(entropy.uuid_v7(now)),
        job: job.clone(),
        key: key.clone(),
        tags: Tags::default(),
        policy: Policy::default(),
        expected: None,
        kind: PlanKind::Planned,
        asked: String::new(),
        source: serde_json::Value::Null,
        parameters: serde_json::Value::Null,
        trace: None,
        now: now.into(),
        due_at: now.into(),
    };
    match table.execute(&open).await.unwrap() {
        OpenOutcome::Opened(row) => Some(*row),
        OpenOutcome::Existing(_) => None,
    }
}

#[tokio::test]
async fn a_moment_is_started_when_it_comes_and_once() {
    let mut world = World::new("2026-11-24T01:59:00Z", vec![by_clock("a", "0 2 * * *", "UTC", CatchUp::None)]).await;
    for _ in 0..180 {
        world.look().await;
        world.end_all("a").await;
        world.pass(TimeDelta::seconds(1));
    }
    assert_eq!(world.once(), ["a 2026-11-24T02:00:00+00:00"]);
}

#[tokio::test]
async fn what_was_before_the_first_look_was_not_asked_for() {
    for catch_up in [CatchUp::None, CatchUp::Last, CatchUp::All] {
        let mut world = World::new("2026-11-24T09:00:00Z", vec![by_clock("a", "0 2 * * *", "UTC", catch_up)]).await;
        world.look().await;
        world.restart();
        world.look().await;
        assert!(world.once().is_empty(), "{catch_up:?}");
    }
}

/// The machine sleeps, or the process does not run, from one evening to a morning three days later.
#[tokio::test]
async fn missed_moments_are_left_out_or_started_as_the_job_wants_it() {
    let nights = |days: &[u8]| days.iter().map(|day| format!("a 2026-11-{day}T02:00:00+01:00")).collect::<Vec<_>>();
    for (catch_up, expected) in
        [(CatchUp::None, nights(&[])), (CatchUp::Last, nights(&[24])), (CatchUp::All, nights(&[22, 23, 24]))]
    {
        for restarts in [false, true] {
            let nightly = by_clock("a", "0 2 * * *", "Europe/Berlin", catch_up);
            let mut world = World::new("2026-11-21T19:00:00Z", vec![nightly]).await;
            world.look().await;
            world.set("2026-11-24T08:00:00Z");
            if restarts {
                world.restart();
            }
            for _ in 0..10 {
                world.look().await;
                world.end_all("a").await;
                world.pass(TimeDelta::seconds(1));
            }
            assert_eq!(world.once(), expected, "{catch_up:?}, {restarts}");
        }
    }
}

#[tokio::test]
async fn both_changes_of_the_clocks() {
    for (from, expected) in [
        (
            "2026-03-28T20:00:00Z",
            ["2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00", "2026-03-31T02:30:00+02:00"],
        ),
        (
            "2026-10-24T20:00:00Z",
            ["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00", "2026-10-27T02:30:00+01:00"],
        ),
    ] {
        let mut world = World::new(from, vec![by_clock("a", "30 2 * * *", "Europe/Berlin", CatchUp::None)]).await;
        for _ in 0..3 * 24 * 60 {
            world.look().await;
            world.end_all("a").await;
            world.pass(TimeDelta::minutes(1));
        }
        assert_eq!(world.once(), expected.map(|key| format!("a {key}")));
    }
}

/// At each step the process may be killed: before a look, after it has asked for an execution that was never begun, and after an execution
/// was opened that was not marked.
#[tokio::test]
async fn a_process_that_is_killed_at_any_step_loses_no_moment_and_starts_none_twice() {
    for seed in 0..4 {
        let random = Entropy::from_seed(seed);
        let hourly = by_clock("a", "0 * * * *", "Europe/Berlin", CatchUp::All);
        let mut world = World::new("2026-10-24T19:59:00Z", vec![hourly, after("b", &["a"])]).await;
        world.look().await;
        let mut kills = 0;
        for _ in 0..250 {
            match random.up_to(5) {
                0 => {
                    world.scheduler.look().await;
                    world.restart();
                    kills += 1;
                }
                1 => {
                    world.look().await;
                    world.restart();
                    kills += 1;
                }
                _ => world.look().await,
            }
            if random.up_to(2) == 0 {
                world.end_all("a").await;
            }
            // Sometimes a second, sometimes a third of an hour.
            world.pass(TimeDelta::seconds(if random.up_to(3) == 0 { 1_200 } else { 1 }));
        }
        for _ in 0..200 {
            world.look().await;
            world.end_all("a").await;
            world.end_all("b").await;
            world.pass(TimeDelta::seconds(10));
        }
        assert!(kills > 30, "{kills}");
        let timetable = Timetable::new("0 * * * *", "Europe/Berlin", time("2026-01-01T00:00:00Z")).unwrap();
        let mut moment = timetable.next_after(time("2026-10-24T19:59:00Z")).unwrap();
        let mut expected = Vec::new();
        while moment.at <= world.clock.now() - TimeDelta::seconds(10) {
            expected.push(moment.key.to_string());
            moment = timetable.next_after(moment.at).unwrap();
        }
        let of = |name: &str| {
            let mut keys: Vec<_> =
                world.once().iter().filter_map(|opened| opened.strip_prefix(name)).map(str::to_owned).collect();
            keys.sort();
            keys
        };
        expected.sort();
        assert_eq!(of("a "), expected, "seed {seed}");
        assert_eq!(of("b "), expected, "seed {seed}: each is followed");
    }
}

#[tokio::test]
async fn no_more_executions_are_active_than_the_job_wants() {
    let two = Schedule { max_active: 2, ..by_clock("a", "*/10 * * * *", "UTC", CatchUp::All) };
    let mut world = World::new("2026-11-24T00:00:30Z", vec![two]).await;
    world.look().await;
    world.set("2026-11-24T01:00:30Z");
    for _ in 0..20 {
        world.look().await;
        world.pass(TimeDelta::seconds(1));
    }
    assert_eq!(world.once(), ["a 2026-11-24T00:10:00+00:00", "a 2026-11-24T00:20:00+00:00"]);
    world.end("a", "2026-11-24T00:10:00+00:00", ExecutionStatus::Failed).await;
    for _ in 0..5 {
        world.look().await;
        world.pass(TimeDelta::seconds(1));
    }
    assert_eq!(world.once().len(), 3, "a failure makes room, too");
    assert_eq!(world.once()[2], "a 2026-11-24T00:30:00+00:00");
}

/// Of moments that come while another execution is active, those that are late when it ends are missed moments.
#[tokio::test]
async fn an_execution_that_takes_longer_than_its_interval() {
    for (catch_up, expected) in [
        (CatchUp::None, vec!["00:10", "00:50"]),
        (CatchUp::Last, vec!["00:10", "00:40", "00:50"]),
        (CatchUp::All, vec!["00:10", "00:20", "00:30", "00:40", "00:50"]),
    ] {
        let every_ten = by_clock("a", "*/10 * * * *", "UTC", catch_up);
        let mut world = World::new("2026-11-24T00:05:00Z", vec![every_ten]).await;
        for second in 0..3_000 {
            world.look().await;
            // The first one takes until 00:45.
            if second > 2_400 {
                world.end_all("a").await;
            }
            world.pass(TimeDelta::seconds(1));
        }
        let expected: Vec<_> = expected.iter().map(|minute| format!("a 2026-11-24T{minute}:00+00:00")).collect();
        assert_eq!(world.once(), expected, "{catch_up:?}");
    }
}

#[tokio::test]
async fn a_job_follows_the_success_of_another_with_its_key_and_no_failure() {
    let mut world = World::new("2026-11-24T00:00:00Z", vec![after("report", &["load"])]).await;
    world.open(&job("load"), &"before".parse().unwrap()).await;
    world.end("load", "before", ExecutionStatus::Succeeded).await;
    world.look().await;
    world.pass(TimeDelta::seconds(1));
    for (key, status) in [("good", ExecutionStatus::Succeeded), ("bad", ExecutionStatus::Failed)] {
        world.open(&job("load"), &key.parse().unwrap()).await;
        world.end("load", key, status).await;
    }
    for _ in 0..3 {
        world.look().await;
        world.pass(TimeDelta::seconds(1));
    }
    let followed = |world: &World| world.once().iter().filter(|name| name.starts_with("report")).count();
    assert_eq!((followed(&world), world.once().contains(&"report good")), (1, true), "{:?}", world.opened);
    // Redriven days later, by hand, while this process does not run.
    world.pass(TimeDelta::days(3));
    world.look().await;
    world.end("load", "bad", ExecutionStatus::Succeeded).await;
    world.restart();
    world.pass(TimeDelta::hours(5));
    world.look().await;
    assert!(world.once().contains(&"report bad"), "{:?}", world.opened);
}

#[tokio::test]
async fn a_job_that_follows_several_waits_for_all_of_them() {
    let mut world = World::new("2026-11-24T00:00:00Z", vec![after("report", &["load", "other"])]).await;
    world.look().await;
    world.pass(TimeDelta::seconds(1));
    for parent in ["load", "other"] {
        world.look().await;
        assert!(!world.opened.contains_key("report k"), "{parent}");
        world.open(&job(parent), &"k".parse().unwrap()).await;
        world.end(parent, "k", ExecutionStatus::Succeeded).await;
        world.pass(TimeDelta::hours(7));
    }
    world.look().await;
    assert!(world.once().contains(&"report k"));
}

/// Its row is gone after its retention, and with it what says that it ran.
#[tokio::test]
async fn a_follower_whose_rows_were_deleted_does_not_run_again() {
    let mut world = World::new("2026-11-24T00:00:00Z", vec![after("report", &["load"])]).await;
    world.look().await;
    world.pass(TimeDelta::seconds(1));
    world.open(&job("load"), &"k".parse().unwrap()).await;
    world.end("load", "k", ExecutionStatus::Succeeded).await;
    for _ in 0..60 {
        world.look().await;
        world.end_all("report").await;
        world.pass(TimeDelta::minutes(1));
    }
    let key: ExecutionKey = "k".parse().unwrap();
    let id = world.table().execution_of_key(&job("report"), &key).await.unwrap().unwrap();
    let rows = [RowKey::Execution(id), RowKey::Plan(id), RowKey::Key(job("report"), key)];
    world.table().delete_expired_rows(id, &rows).await.unwrap();
    world.restart();
    world.look().await;
    assert!(world.once().contains(&"report k"));
}

#[tokio::test]
async fn a_clock_that_was_years_ahead_for_a_while_stops_nothing_and_repeats_nothing() {
    for catch_up in [CatchUp::None, CatchUp::Last, CatchUp::All] {
        let nightly = by_clock("a", "0 2 * * *", "UTC", catch_up);
        let mut world = World::new("2026-11-24T01:00:00Z", vec![nightly, after("b", &["a"])]).await;
        let hours = async |world: &mut World, from: &str, count: u32| {
            world.set(from);
            for _ in 0..count * 60 {
                world.look().await;
                world.end_all("a").await;
                world.end_all("b").await;
                world.pass(TimeDelta::minutes(1));
            }
        };
        hours(&mut world, "2026-11-24T01:00:00Z", 2).await;
        hours(&mut world, "2027-11-24T03:00:00Z", 1).await;
        world.restart();
        hours(&mut world, "2026-11-24T03:00:00Z", 24).await;
        let opened = world.once();
        for day in ["24", "25"] {
            for name in ["a", "b"] {
                let expected = format!("{name} 2026-11-{day}T02:00:00+00:00");
                assert!(opened.contains(&expected.as_str()), "{catch_up:?}: {expected} of {opened:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_start_that_opens_nothing_is_tried_again_less_and_less_often() {
    let mut world = World::new("2026-11-24T01:59:59Z", vec![by_clock("a", "0 2 * * *", "UTC", CatchUp::Last)]).await;
    let mut starts = Vec::new();
    for second in 0..2_000 {
        world.scheduler.look().await;
        if !std::mem::take(&mut *world.launcher.asked.lock().unwrap()).is_empty() {
            starts.push(second);
        }
        // It ended before its execution was open.
        world.launcher.running.lock().unwrap().clear();
        world.pass(TimeDelta::seconds(1));
    }
    assert_eq!(starts, [1, 6, 16, 36, 76, 156, 316, 616, 916, 1_216, 1_516, 1_816]);
    world.look().await;
    world.set("2026-11-24T12:00:00Z");
    world.look().await;
    assert_eq!(world.once(), ["a 2026-11-24T02:00:00+00:00"]);
}

#[tokio::test]
async fn an_execution_whose_process_was_killed_is_continued() {
    let mut world = World::new("2026-11-24T00:00:00Z", vec![by_clock("a", "0 2 * * *", "UTC", CatchUp::Last)]).await;
    world.look().await;
    let opener = Opener { process: ProcessId::new(uuid::Uuid::from_u128(9)), origin: String::new() };
    let dead = SqliteStore::open(&world.dir.path().join("control.db"), Durability::ProcessCrash, opener).unwrap();
    let (dead, key) = (ControlTable::new(dead), "by hand".parse().unwrap());
    open_in(&dead, &world.entropy, world.clock.now(), &job("a"), &key).await.unwrap();
    world.open(&job("a"), &"alive".parse().unwrap()).await;
    world.pass(TimeDelta::seconds(11));
    world.scheduler.look().await;
    let asked = std::mem::take(&mut *world.launcher.asked.lock().unwrap());
    assert_eq!(asked, [Launched::Resume(job("a"), key)]);
    assert_eq!(Timestamp::from(world.clock.now()).as_millis() % 1_000, 0);
}
