//! Lists of executions in `DynamoDB`, whose indexes know no status, key or tag.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use control_table::ControlTable;
use control_table::clock::Entropy;
use control_table::id::ExecutionId;
use control_table::operation::{Open, OpenOutcome};
use control_table::policy::Policy;
use control_table::read::ListQuery;
use control_table::rows::PlanKind;
use control_table::store::DynamoDbStore;
use control_table::tags::Tags;
use emulator::embedded::EmbeddedDynamoDb;
use serde_json::Value;

/// A table with that many executions of one job, a second apart; the oldest has the tag `rare=1`. Its ID.
async fn table_with(count: i64, now: DateTime<Utc>) -> (ControlTable, ExecutionId) {
    let entropy = Arc::new(Entropy::from_seed(4));
    let client = EmbeddedDynamoDb::in_memory().unwrap().client();
    let store = DynamoDbStore::new(client, "control", Arc::clone(&entropy));
    store.create().await.unwrap();
    let (table, mut oldest) = (ControlTable::new(store), None);
    for number in 0..count {
        let opened_at = now - TimeDelta::seconds(count - number);
        let execution_id = ExecutionId::new(entropy.uuid_v7(opened_at));
        let tags = if number == 0 { vec!["rare=1".parse().unwrap()] } else { Vec::new() };
        let open = Open {
            execution_id,
            job: "job".parse().unwrap(),
            key: number.to_string().parse().unwrap(),
            tags: Tags::try_from(tags).unwrap(),
            policy: Policy::default(),
            expected: None,
            kind: PlanKind::Planned,
            asked: String::new(),
            source: Value::Null,
            parameters: Value::Null,
            trace: None,
            now: opened_at.into(),
            due_at: opened_at.into(),
        };
        assert!(matches!(table.execute(&open).await.unwrap(), OpenOutcome::Opened(_)));
        oldest = oldest.or(Some(execution_id));
    }
    (table, oldest.unwrap())
}

#[tokio::test]
async fn a_page_reads_a_thousand_executions_at_the_most_and_says_where_the_next_one_begins() {
    let now: DateTime<Utc> = "2026-11-24T12:00:00Z".parse().unwrap();
    let (table, oldest) = table_with(1_050, now).await;
    for job in [Some("job".parse().unwrap()), None] {
        let rare = ListQuery { job, tags: vec!["rare=1".parse().unwrap()], ..ListQuery::all(now, 10) };
        let first = table.executions(&rare).await.unwrap();
        assert_eq!(first.executions, [], "it is behind the thousand newest");
        let second = table.executions(&ListQuery { before: first.next, ..rare.clone() }).await.unwrap();
        assert!(first.next.is_some());
        assert_eq!(second.executions.iter().map(|row| row.execution_id).collect::<Vec<_>>(), [oldest]);
    }
    let by_key =
        ListQuery { job: Some("job".parse().unwrap()), key: Some("0".parse().unwrap()), ..ListQuery::all(now, 10) };
    assert_eq!(table.executions(&by_key).await.unwrap().executions.len(), 1, "a key is found without a search");
}

#[tokio::test]
async fn a_list_of_all_jobs_ends_at_its_beginning() {
    let now: DateTime<Utc> = "2026-11-24T12:00:00Z".parse().unwrap();
    let (table, oldest) = table_with(3, now).await;
    let all = ListQuery { since: now - TimeDelta::days(2), ..ListQuery::all(now, 10) };
    let page = table.executions(&all).await.unwrap();
    assert_eq!((page.executions.len(), page.next), (3, None));
    let older = table.executions(&ListQuery { before: Some(oldest), ..all }).await.unwrap();
    assert_eq!((older.executions.len(), older.next), (0, None));
}
