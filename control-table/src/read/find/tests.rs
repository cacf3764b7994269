use super::*;

use crate::clock::{Entropy, Timestamp};
use crate::operation::Open;
use crate::policy::Policy;
use crate::rows::PlanKind;
use crate::store::MemoryStore;
use crate::tags::Tags;

/// 2026-11-24 00:00 UTC.
const DAY: i64 = 1_795_478_400_000;

/// Executions of those jobs with the keys 0, 1 and so on, opened at those moments.
async fn table_with(opened: &[(&str, i64)]) -> (ControlTable, Vec<ExecutionId>) {
    let (table, entropy) = (ControlTable::new(MemoryStore::default()), Entropy::from_seed(4));
    let mut ids = Vec::new();
    for (number, (job, millis)) in opened.iter().enumerate() {
        let now = Timestamp::from_millis(*millis);
        let execution_id = ExecutionId::new(entropy.uuid_v7(now.to_datetime()));
        let open = Open {
            execution_id,
            job: job.parse().unwrap(),
            key: number.to_string().parse().unwrap(),
            tags: Tags::default(),
            policy: Policy::default(),
            expected: None,
            kind: PlanKind::Planned,
            asked: String::new(),
            source: serde_json::Value::Null,
            parameters: serde_json::Value::Null,
            trace: None,
            now,
            due_at: now,
        };
        table.execute(&open).await.unwrap();
        ids.push(execution_id);
    }
    (table, ids)
}

async fn found_of(table: &ControlTable, text: &str, job: Option<&str>) -> Result<ExecutionId, String> {
    let now = Timestamp::from_millis(DAY + 3_600_000).to_datetime();
    let job = job.map(|job| job.parse().unwrap());
    table.find(text, job.as_ref(), now).await.map_err(|error| error.to_string())
}

async fn found(table: &ControlTable, text: &str) -> Result<ExecutionId, String> {
    found_of(table, text, None).await
}

#[tokio::test]
async fn latest_full_beginning_and_end() {
    let (table, ids) = table_with(&[("a", DAY - 90 * 86_400_000), ("b", DAY), ("a", DAY + 1_000)]).await;
    assert_eq!(found(&table, "latest").await, Ok(ids[2]));
    assert_eq!(found(&table, &ids[0].to_string()).await, Ok(ids[0]));
    assert_eq!(found(&table, &ids[0].to_string().to_uppercase()).await, Ok(ids[0]));
    for length in [4, 9, 13, 14, 15, 20, 35] {
        assert_eq!(found(&table, &ids[0].to_string()[..length]).await, Ok(ids[0]), "{length}");
    }
    assert_eq!(found(&table, &ids[1].to_string()[..20]).await, Ok(ids[1]));
    assert_eq!(found(&table, &ids[2].to_string()[..20]).await, Ok(ids[2]));
    for (id, from) in ids.iter().flat_map(|id| [1, 8, 13, 22, 23, 24, 30].map(|from| (id, from))) {
        assert_eq!(found(&table, &id.to_string()[from..]).await, Ok(*id), "from {from}");
        assert_eq!(found(&table, &id.to_string()[from..].to_uppercase()).await, Ok(*id), "from {from}");
    }
}

#[tokio::test]
async fn a_job_narrows_what_is_meant() {
    let (table, ids) = table_with(&[("a", DAY), ("b", DAY + 1)]).await;
    assert_eq!(found_of(&table, "latest", Some("a")).await, Ok(ids[0]));
    assert_eq!(found_of(&table, &ids[0].to_string()[..8], Some("a")).await, Ok(ids[0]));
    assert_eq!(found_of(&table, &ids[1].to_string()[30..], Some("b")).await, Ok(ids[1]));
    let none = found_of(&table, "latest", Some("c")).await.unwrap_err();
    assert_eq!(none, "the job c has no executions here yet");
    let full = ids[0].to_string();
    let other = format!("the execution {full} is not of the job b, but of a");
    assert_eq!(found_of(&table, &full, Some("b")).await, Err(other.clone()));
    assert_eq!(found_of(&table, "a/0", Some("b")).await, Err(other));
}

#[tokio::test]
async fn a_key_of_a_job_is_an_execution() {
    let (table, ids) = table_with(&[("a", DAY), ("a", DAY + 1)]).await;
    assert_eq!(found(&table, "a/1").await, Ok(ids[1]));
    assert_eq!(found_of(&table, "a/0", Some("a")).await, Ok(ids[0]));
    let unknown = found(&table, "a/2026/11").await.unwrap_err();
    assert!(unknown.starts_with("the job a has no execution with the key 2026/11"), "{unknown}");
    for text in ["/1", "a/", "a b/1", "a/ 1", "/"] {
        let refused = found(&table, text).await.unwrap_err();
        assert!(refused.starts_with(&format!("{text:?} is no execution")), "{refused}");
    }
}

#[tokio::test]
async fn an_ambiguous_part_says_which() {
    let (table, ids) = table_with(&[("a", DAY), ("b", DAY + 1)]).await;
    let beginning = &ids[0].to_string()[..8];
    let refused = found(&table, beginning).await.unwrap_err();
    let candidates = format!("{} (b/1), {} (a/0)", ids[1], ids[0]);
    assert_eq!(refused, format!("{beginning:?} could be {candidates}: give more of it"));
    let (table, ids) = table_with(&[("a", DAY); 40]).await;
    let end = &ids[39].to_string()[35..];
    let same = ids.iter().filter(|id| id.to_string().ends_with(end)).count();
    assert!(same > 1, "forty IDs end in sixteen digits");
    let refused = found(&table, end).await.unwrap_err();
    assert!(refused.contains("give more of it") && refused.matches("(a/").count() == same.min(5), "{refused}");
}

/// The digits with which every ID begins may be the end of one, too.
#[tokio::test]
async fn digits_that_begin_one_id_and_end_another_are_ambiguous() {
    let (table, ids) = table_with(&[("a", DAY), ("a", DAY + 86_400_000)]).await;
    let (store, digits) = (MemoryStore::default(), &ids[1].to_string()[..8]);
    let mut rows: Vec<ExecutionRow> = Vec::new();
    for id in &ids {
        rows.push(table.execution(*id).await.unwrap().unwrap());
    }
    rows[0].execution_id = format!("{}{digits}", &ids[0].to_string()[..28]).parse().unwrap();
    for row in rows {
        store.lock().executions.insert(row.execution_id, row);
    }
    let refused = found(&ControlTable::new(store), digits).await.unwrap_err();
    assert!(refused.contains("(a/0)") && refused.contains("(a/1)"), "{refused}");
}

#[tokio::test]
async fn what_is_not_there() {
    let (table, _) = table_with(&[]).await;
    assert_eq!(found(&table, "latest").await, Err("there are no executions here yet".to_owned()));
    let not_found = |text: &str| Err(format!("there is no execution {text} here: `list` shows those there are"));
    let full = "0193a5b0-3c1e-7d2f-8a4b-5c6d7e8f9a0b";
    let parts = ["0193", "0193a5b0-", "a4b-5c6d7e8f9a0b", "0193a5b03c1e"];
    for typed in parts.into_iter().chain([full, &full.to_uppercase(), "FFFF"]) {
        assert_eq!(found(&table, typed).await, not_found(typed), "as it was typed");
    }
    let too_long = format!("{full}0");
    for text in ["", "xyz", "2026-11-24T08", "0193a5b03c1e7", "-", "last", "019-3a5b0", &too_long] {
        let refused = found(&table, text).await.unwrap_err();
        assert!(refused.starts_with(&format!("{text:?} is no execution: ")), "{refused}");
    }
}

#[tokio::test]
async fn an_end_is_looked_for_among_the_newest_only() {
    let (table, ids) = table_with(&[("a", DAY), ("a", DAY + 1)]).await;
    let old = table.execution(ids[0]).await.unwrap().unwrap();
    let store = MemoryStore::default();
    for number in 0..=ENDS_READ {
        let millis = u128::try_from(DAY).unwrap() - u128::try_from(number).unwrap();
        let uuid = (millis << 80) | (7 << 76) | (8 << 60) | (0xabc_def0 + u128::from(number == ENDS_READ));
        let execution_id = ExecutionId::new(uuid::Uuid::from_u128(uuid));
        store.lock().executions.insert(execution_id, ExecutionRow { execution_id, ..old.clone() });
    }
    let table = ControlTable::new(store);
    let refused = found(&table, "0abcdef1").await.unwrap_err();
    assert!(
        refused.starts_with("none of the newest 10000 executions has an ID that ends in \"0abcdef1\""),
        "{refused}"
    );
}
