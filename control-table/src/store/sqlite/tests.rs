//! What the store in a file does beyond [`Store`]: several stores on one file, the outbox, owners, expiry, rows that cannot be read.

use uuid::Uuid;

use super::*;
use crate::ControlTable;
use crate::operation::testing::{at, execution_id};
use crate::operation::{
    AddDeadLetter, AddRows, CommitGroup, Fold, Open, OpenOutcome, OverwriteIfUnchanged, Seal, SealOutcome, Tally,
};
use crate::policy::Policy;
use crate::rows::{DeadLetterSource, DueKind, ExecutionRow, ExecutionStatus, PlanKind, SegmentStatus};
use crate::tags::Tags;

struct Lab {
    directory: tempfile::TempDir,
    store: SqliteStore,
    table: ControlTable,
}

fn open_store(directory: &tempfile::TempDir, process: u128) -> SqliteStore {
    let opener = Opener { process: ProcessId::new(Uuid::from_u128(process)), origin: format!("origin {process}") };
    SqliteStore::open(&directory.path().join("control.db"), Durability::ProcessCrash, opener).unwrap()
}

impl Lab {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = open_store(&directory, 1);
        let table = ControlTable::new(store.clone());
        Self { directory, store, table }
    }

    /// A sealed execution of one group of two segments.
    async fn sealed(&self, policy: Policy) {
        let opened = self.table.execute(&open(execution_id(), "k", policy)).await.unwrap();
        assert!(matches!(opened, OpenOutcome::Opened(_)), "{opened:?}");
        let group = execution_id().group(0);
        let rows = AddRows { group, generation: 1, specs: vec![serde_json::Value::Null; 2], now: at(1) };
        self.table.execute(&rows).await.unwrap();
        let commit = CommitGroup { group, size: 2, generation: 1, now: at(1), scatter_until: at(9) };
        self.table.execute(&commit).await.unwrap();
        let seal = Seal { execution_id: execution_id(), groups: 1, now: at(5) };
        assert_eq!(self.table.execute(&seal).await.unwrap(), SealOutcome::Sealed);
    }

    /// Both segments succeeded, and counted.
    async fn count_both(&self) {
        let mut rows = self.table.group_segments(execution_id().group(0), None).await.unwrap();
        for row in &mut rows {
            row.status = SegmentStatus::Succeeded;
        }
        let tally = Tally::merge(rows.iter().filter_map(Tally::of)).remove(0);
        self.table.execute(&tally).await.unwrap();
    }
}

fn open(execution_id: ExecutionId, key: &str, policy: Policy) -> Open {
    Open {
        execution_id,
        job: "nightly".parse().unwrap(),
        key: key.parse().unwrap(),
        tags: crate::tags::Tags::default(),
        policy,
        expected: None,
        kind: PlanKind::Planned,
        asked: String::new(),
        source: serde_json::Value::Null,
        parameters: serde_json::Value::Null,
        trace: None,
        now: at(0),
        due_at: at(60),
    }
}

#[tokio::test]
async fn two_stores_on_one_file_see_each_others_writes() {
    let lab = Lab::new();
    let other = ControlTable::new(open_store(&lab.directory, 2));
    let (mine, theirs) = (open(execution_id(), "k", Policy::default()), ExecutionId::new(Uuid::from_u128(77)));
    let theirs = open(theirs, "k", Policy::default());
    let (first, second) = tokio::join!(lab.table.execute(&mine), other.execute(&theirs));
    let opened =
        [first.unwrap(), second.unwrap()].into_iter().filter(|outcome| matches!(outcome, OpenOutcome::Opened(_)));
    assert_eq!(opened.count(), 1, "one of them gets the key");
    let job = "nightly".parse().unwrap();
    let found = lab.table.execution_of_key(&job, &"k".parse().unwrap()).await.unwrap();
    assert_eq!(found, other.execution_of_key(&job, &"k".parse().unwrap()).await.unwrap());
}

#[tokio::test]
async fn many_writers_at_once_lose_nothing() {
    let lab = Lab::new();
    let tables = [lab.table.clone(), ControlTable::new(open_store(&lab.directory, 2))];
    let opens = (0..200_u128).map(|number| {
        let table = tables[usize::try_from(number % 2).unwrap()].clone();
        let open = open(ExecutionId::new(Uuid::from_u128(1_000 + number)), &format!("k{number}"), Policy::default());
        tokio::spawn(async move { matches!(table.execute(&open).await.unwrap(), OpenOutcome::Opened(_)) })
    });
    for open in opens.collect::<Vec<_>>() {
        assert!(open.await.unwrap());
    }
    let rows = lab.store.read(About { operation: "count", subject: &"rows" }, |connection| {
        Ok(connection.query_row("SELECT count(*) FROM execution_rows", [], |row| row.get::<_, i64>(0))?)
    });
    assert_eq!(rows.await.unwrap(), 200);
}

#[tokio::test]
async fn the_outbox_has_what_gather_must_read_until_it_is_removed_unchanged() {
    let lab = Lab::new();
    lab.sealed(Policy::default()).await;
    let sealed = lab.store.outbox(10).await.unwrap();
    assert_eq!(sealed.iter().map(|entry| &entry.key).collect::<Vec<_>>(), [&RowKey::Execution(execution_id())]);
    lab.count_both().await;
    let counted = lab.store.outbox(10).await.unwrap();
    let tally = RowKey::Tally(execution_id().group(0));
    assert!(counted.iter().any(|entry| entry.key == tally), "{counted:?}");

    // The fold changes the execution, so its entry is a newer one, and stays.
    let tallies = lab.table.tallies(execution_id(), 0..1).await.unwrap();
    for fold in Fold::of(execution_id(), 1, &tallies) {
        lab.table.execute(&fold).await.unwrap();
    }
    lab.store.remove_from_outbox(counted).await.unwrap();
    let left = lab.store.outbox(10).await.unwrap();
    assert_eq!(left.iter().map(|entry| &entry.key).collect::<Vec<_>>(), [&RowKey::Execution(execution_id())]);
    assert!(left[0].number > sealed[0].number);
    assert!(open_store(&lab.directory, 2).outbox(10).await.unwrap().is_empty(), "it is another process's");
}

#[tokio::test]
async fn an_execution_belongs_to_its_opener_until_another_takes_it_over() {
    let lab = Lab::new();
    lab.sealed(Policy::default()).await;
    let other = open_store(&lab.directory, 2);
    let owner = other.owner(execution_id()).await.unwrap().unwrap();
    assert_eq!((owner.process, owner.origin.as_str()), (lab.store.process(), "origin 1"));
    assert!(
        !other.take_over(execution_id(), ProcessId::new(Uuid::from_u128(9))).await.unwrap(),
        "it is not of that process"
    );
    assert!(other.take_over(execution_id(), owner.process).await.unwrap());
    // What it was opened with stays.
    assert_eq!(other.owner(execution_id()).await.unwrap().unwrap(), Owner { process: other.process(), ..owner });
    let due = async |store: &SqliteStore| {
        let mut due = Vec::new();
        for shard in DueShard::all(DueKind::Execution) {
            due.extend(store.due(shard, at(1_000_000_000), 10).await.unwrap());
        }
        due.len()
    };
    assert_eq!((due(&lab.store).await, due(&other).await), (0, 1), "each sweeps its own");
}

#[tokio::test]
async fn deleted_rows_are_gone_with_their_news_and_others_stay() {
    let lab = Lab::new();
    lab.sealed(Policy::default()).await;
    let kept = open(ExecutionId::new(Uuid::from_u128(77)), "kept", Policy::default());
    lab.table.execute(&kept).await.unwrap();
    let group = execution_id().group(0);
    let mut keys = vec![RowKey::Tally(group), RowKey::Plan(execution_id()), RowKey::Execution(execution_id())];
    keys.extend([0, 1].map(|offset| RowKey::Segment(group.segment(offset))));
    lab.store.delete(About { operation: "delete", subject: &group }, &keys).await.unwrap();
    assert!(lab.table.execution(execution_id()).await.unwrap().is_none());
    assert_eq!(lab.table.group_segments(group, None).await.unwrap(), []);
    assert!(lab.table.execution(kept.execution_id).await.unwrap().is_some());
    let news = lab.store.read(About { operation: "count", subject: &"news" }, |connection| {
        Ok(connection.query_row("SELECT count(*) FROM outbox", [], |row| row.get::<_, i64>(0))?)
    });
    assert_eq!(news.await.unwrap(), 0);
}

#[tokio::test]
async fn dead_letters_expire() {
    let lab = Lab::new();
    let letter = AddDeadLetter {
        source: DeadLetterSource::Worker,
        event_id: "shard:1".to_owned(),
        reason: "it is no record".to_owned(),
        payload: b"x".to_vec(),
        now: at(0),
    };
    lab.table.execute(&letter).await.unwrap();
    let days = |days| at(0).plus(chrono::TimeDelta::days(days));
    assert_eq!(lab.store.delete_expired(days(13)).await.unwrap(), 0);
    assert_eq!(lab.store.delete_expired(days(15)).await.unwrap(), 1);
    assert_eq!(lab.table.dead_letters(9).await.unwrap(), []);
}

#[tokio::test]
async fn a_row_that_cannot_be_read_fails_its_own_operation_and_is_named() {
    let lab = Lab::new();
    lab.sealed(Policy::default()).await;
    let damage = |connection: &Connection| Ok(connection.execute("UPDATE execution_rows SET body = '{}'", [])?);
    lab.store.write(About { operation: "damage", subject: &"it" }, damage).await.unwrap();
    let seal = Seal { execution_id: execution_id(), groups: 1, now: at(5) };
    let another = open(ExecutionId::new(Uuid::from_u128(77)), "another", Policy::default());
    let (refused, opened) = tokio::join!(lab.table.execute(&seal), lab.table.execute(&another));
    let refused = refused.unwrap_err();
    assert!(!refused.is_retryable() && refused.to_string().contains("EXECUTION"), "{refused}");
    assert!(matches!(opened.unwrap(), OpenOutcome::Opened(_)));
}

#[tokio::test]
async fn a_full_disk_is_an_error_and_what_was_written_stays() {
    let lab = Lab::new();
    lab.sealed(Policy::default()).await;
    let fill = |connection: &Connection| {
        let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
        connection.pragma_update(None, "max_page_count", pages)?;
        Ok(())
    };
    lab.store.write(About { operation: "fill", subject: &"it" }, fill).await.unwrap();
    let group = execution_id().group(1);
    let specs = vec![serde_json::Value::from("x".repeat(10_000)); 100];
    let rows = AddRows { group, generation: 1, specs, now: at(1) };
    let error = lab.table.execute(&rows).await.unwrap_err();
    let text = error.to_string();
    assert!(!error.is_retryable() && text.contains("control.db") && text.contains("free space"), "{text}");
    assert_eq!(lab.table.group_segments(execution_id().group(0), None).await.unwrap().len(), 2);
    assert_eq!(lab.table.group_segments(group, None).await.unwrap(), []);
}

#[tokio::test]
async fn a_person_finds_the_views() {
    let lab = Lab::new();
    lab.sealed(Policy::default()).await;
    let file = Connection::open(lab.directory.path().join("control.db")).unwrap();
    let execution: (String, String, i64) = file
        .query_row("SELECT execution, status, segments FROM executions", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .unwrap();
    assert_eq!(execution, (execution_id().to_string(), "RUNNING".to_owned(), 2));
    let segments: i64 =
        file.query_row("SELECT count(*) FROM segments WHERE status = 'PENDING'", [], |row| row.get(0)).unwrap();
    let failures: i64 = file.query_row("SELECT count(*) FROM failures", [], |row| row.get(0)).unwrap();
    assert_eq!((segments, failures), (2, 0));
}

#[tokio::test]
async fn a_schedule_knows_until_when_it_was_handled_and_what_has_succeeded_since() {
    let lab = Lab::new();
    let (job, other) = ("nightly".parse().unwrap(), "other".parse().unwrap());
    assert_eq!(lab.store.handled_until(&job).await.unwrap(), None);
    lab.store.mark_handled(&job, at(70)).await.unwrap();
    lab.store.mark_handled(&job, at(50)).await.unwrap();
    assert_eq!(lab.store.handled_until(&job).await.unwrap(), Some(at(50)), "a clock that was set back");
    assert_eq!(lab.store.handled_until(&other).await.unwrap(), None);
    for (number, finished_at, status) in [
        (1, Some(at(60)), ExecutionStatus::Succeeded),
        (2, Some(at(40)), ExecutionStatus::Succeeded),
        (3, Some(at(50)), ExecutionStatus::Failed),
        (4, None, ExecutionStatus::Running),
        (5, Some(at(80)), ExecutionStatus::Succeeded),
    ] {
        let id = ExecutionId::new(Uuid::from_u128(number));
        let opened = lab.table.execute(&open(id, &number.to_string(), Policy::default())).await.unwrap();
        let OpenOutcome::Opened(seen) = opened else { panic!("{opened:?}") };
        let ended = ExecutionRow { status, finished_at, ..(*seen).clone() };
        lab.table.execute(&OverwriteIfUnchanged::new(Some(*seen), ended).unwrap()).await.unwrap();
    }
    let keys = async |after, limit| {
        let found = lab.store.succeeded_after(&job, after, limit).await.unwrap();
        found.into_iter().map(|success| success.key.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(keys(at(0), 10).await, ["2", "1", "5"]);
    assert_eq!(keys(at(40), 10).await, ["1", "5"]);
    assert_eq!(keys(at(0), 2).await, ["2", "1"]);
    assert_eq!(lab.store.succeeded_after(&other, at(0), 10).await.unwrap(), []);
}

#[tokio::test]
async fn the_tags_of_an_execution_go_with_it() {
    let lab = Lab::new();
    // An ID of version 7, as lists need it.
    let execution_id = ExecutionId::new(Uuid::from_u128((5 << 80) | (7 << 76) | (8 << 60)));
    let tags: Tags = vec!["team=maps".parse().unwrap()].try_into().unwrap();
    lab.table.execute(&Open { tags, ..open(execution_id, "k", Policy::default()) }).await.unwrap();
    let tagged = ListQuery { tags: vec!["team=maps".parse().unwrap()], ..ListQuery::all(at(0).to_datetime(), 5) };
    assert_eq!(lab.table.executions(&tagged).await.unwrap().executions.len(), 1);
    lab.table.delete_expired_rows(execution_id, &[RowKey::Execution(execution_id)]).await.unwrap();
    assert_eq!(lab.table.executions(&tagged).await.unwrap().executions.len(), 0);
    let rows = lab.store.read(About { operation: "count", subject: &"rows" }, |connection| {
        Ok(connection.query_row("SELECT count(*) FROM tag_rows", [], |row| row.get::<_, i64>(0))?)
    });
    assert_eq!(rows.await.unwrap(), 0);
}
