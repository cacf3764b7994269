//! Retention: what has had its time is deleted when the system runs.

use std::sync::Arc;
use std::time::Duration;

use control_table::clock::{Entropy, SystemClock, Timestamp};
use control_table::id::ExecutionId;
use control_table::operation::{Complete, CompleteOutcome, MarkPublished, Open, Seal};
use control_table::policy::Policy;
use control_table::rows::PlanKind;
use local::system::{HookOutput, Hooks, WorkChoice};
use local::{Database, Durability, Options, System};
use serde_json::{Value, json};

/// Between two looks, and how many there are before the test fails.
const LOOK: Duration = Duration::from_millis(50);
const LOOKS: u32 = 1_200;

fn options(data_dir: &std::path::Path, emulate: bool) -> Options {
    Options {
        data_dir: data_dir.to_owned(),
        emulate,
        durability: Durability::ProcessCrash,
        workers: None,
        program: "a test".to_owned(),
        any_worker: false,
        work: WorkChoice::Builtin,
        hooks: Hooks::default(),
        hook_output: HookOutput::Stderr,
        tick: Options::TICK,
        clock: Arc::new(SystemClock),
        entropy: Arc::new(Entropy::from_seed(1)),
    }
}

/// An execution that was complete in 2020, and was to be kept for that long after it.
async fn complete_in_2020(database: &Database, name: &str, retention_days: Option<u32>) -> ExecutionId {
    let now = Timestamp::from_millis(1_577_836_800_000);
    let execution_id =
        ExecutionId::new(Entropy::from_seed(u64::from(retention_days.is_some())).uuid_v7(now.to_datetime()));
    let open = Open {
        execution_id,
        job: name.parse().unwrap(),
        key: name.parse().unwrap(),
        tags: control_table::tags::Tags::default(),
        policy: Policy { retention_days, ..Policy::default() },
        expected: None,
        kind: PlanKind::External,
        asked: String::new(),
        source: json!({"type": "external"}),
        parameters: Value::Null,
        trace: None,
        now,
        due_at: now,
    };
    let table = database.control_table();
    table.execute(&open).await.unwrap();
    table.execute(&Seal { execution_id, groups: 0, now }).await.unwrap();
    let seen = Box::new(table.execution(execution_id).await.unwrap().unwrap());
    let completed = table.execute(&Complete { seen, generation: 1, now, due_at: now }).await.unwrap();
    let CompleteOutcome::Completed(row) = completed else { panic!("{completed:?}") };
    table.execute(&MarkPublished { execution_id, generation: 1, expires_at: row.expires_at() }).await.unwrap();
    execution_id
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_had_its_time_is_deleted_and_the_rest_is_kept() {
    expired_rows_are_deleted(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_it_is_in_an_emulation() {
    expired_rows_are_deleted(true).await;
}

async fn expired_rows_are_deleted(emulate: bool) {
    let dir = tempfile::tempdir().unwrap();
    let options = options(dir.path(), emulate);
    let (place, entropy) = (options.place(), Arc::new(Entropy::from_seed(2)));
    let database = Database::open(&place, Durability::ProcessCrash, entropy).await.unwrap();
    let expired = complete_in_2020(&database, "expired", Some(30)).await;
    let kept = complete_in_2020(&database, "kept", None).await;
    drop(database);

    let system = System::start(options).await.unwrap();
    let table = system.control_table();
    for _ in 0..LOOKS {
        if table.execution(expired).await.unwrap().is_none() && table.plan(expired).await.unwrap().is_none() {
            assert!(table.execution(kept).await.unwrap().is_some());
            system.stop().await;
            return;
        }
        tokio::time::sleep(LOOK).await; // sleeps because another task does what is waited for
    }
    panic!("the expired execution is still there");
}
