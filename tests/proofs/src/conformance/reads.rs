//! Reads: lists, what is due, groups, batches, and batches that a busy service does only in part.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use control_table::id::ExecutionId;
use control_table::operation::{Cancel, Finish, OpenOutcome};
use control_table::policy::Policy;
use control_table::read::{DueItem, ExecutionPage, FindError, ListQuery};
use control_table::rows::{DueKind, DueShard, ExecutionStatus, SegmentStatus, Stop};

use super::lab::{Lab, at, execution_id, opening, retry, succeeded, tags};
use super::{Case, Partial};

/// The day before the one that the cases are on.
const DAY_BEFORE_MS: i64 = 1_795_392_000_000;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// Keys of one `BatchGetItem`, and some more.
const MORE_THAN_A_BATCH: u64 = 130;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("executions: by job, newest first, page by page", by_job),
        Case::new("executions: by day, over two days", by_day),
        Case::new("executions: each filter, and all of them, page by page", by_filters),
        Case::new("executions: a rare one is found behind many others", a_rare_one),
        Case::new("find: by beginning, end and key, and ambiguous ones", find),
        Case::new("due: what is due and nothing else, oldest first", what_is_due),
        Case::new("due: a page at a time, and the open executions beside retries", due_pages),
        Case::new("retries: of that execution, with the next and its error", retries_of_one),
        Case::new("group segments: all of them, and those with a status", by_status),
        Case::new("group segments: more than one page of answers", long_groups),
        Case::new("tallies: more than a batch of keys, of which some do not exist", many_tallies),
        Case::new("tallies: keys that a busy service left out", unprocessed_keys),
        Case::new("add rows: statements that a busy service left out", unprocessed_statements),
        Case::new("summary: folded, finished and running segments, each once", summary),
    ]
}

/// Executions of two jobs on two days, oldest first: their IDs.
async fn several(lab: &mut Lab) -> Vec<ExecutionId> {
    let mut ids = Vec::new();
    for number in 0..6_u8 {
        let opened = DAY_BEFORE_MS + i64::from(number) * 6 * 60 * 60 * 1_000;
        let id = execution_id(opened, number);
        let request = control_table::operation::Open {
            job: if number % 2 == 0 { "even" } else { "odd" }.parse().unwrap(),
            tags: tags(&["team=maps", &format!("number={number}")]),
            now: control_table::clock::Timestamp::from_millis(opened),
            ..opening(id, &number.to_string(), Policy::default())
        };
        assert!(matches!(lab.both(&request).await, OpenOutcome::Opened(_)));
        ids.push(id);
    }
    ids
}

fn query(job: Option<&str>, limit: u16) -> ListQuery {
    let now = at(12 * 60 * 60 * 1_000).to_datetime();
    let job = job.map(|job| job.parse().unwrap());
    ListQuery { job, since: now - TimeDelta::days(7), ..ListQuery::all(now, limit) }
}

async fn page(lab: &Lab, query: &ListQuery) -> ExecutionPage {
    let page = lab.table.executions(query).await.unwrap();
    for row in &page.executions {
        assert_eq!(row, &lab.memory.executions[&row.execution_id]);
    }
    page
}

async fn list(lab: &Lab, query: &ListQuery) -> Vec<ExecutionId> {
    page(lab, query).await.executions.iter().map(|row| row.execution_id).collect()
}

async fn by_job(mut lab: Lab) {
    let ids = several(&mut lab).await;
    let odd = query(Some("odd"), 10);
    assert_eq!(list(&lab, &odd).await, [ids[5], ids[3], ids[1]]);
    let page = ListQuery { limit: 2, ..odd.clone() };
    assert_eq!(list(&lab, &page).await, [ids[5], ids[3]]);
    let next = ListQuery { before: Some(ids[3]), ..page };
    assert_eq!(list(&lab, &next).await, [ids[1]]);
    let since = ListQuery { since: at(0).to_datetime(), ..odd };
    assert_eq!(list(&lab, &since).await, [ids[5]]);
    let unknown = query(Some("unknown"), 10);
    assert_eq!(list(&lab, &unknown).await, []);
}

async fn by_day(mut lab: Lab) {
    let ids = several(&mut lab).await;
    let newest_first: Vec<_> = ids.iter().rev().copied().collect();
    let all = query(None, 10);
    assert_eq!(list(&lab, &all).await, newest_first);
    let page = ListQuery { limit: 4, ..all };
    assert_eq!(list(&lab, &page).await, newest_first[..4]);
    let next = ListQuery { before: Some(newest_first[3]), ..page };
    assert_eq!(list(&lab, &next).await, newest_first[4..]);
}

/// A list without its pages: each page is asked for until there is no next.
async fn all_pages(lab: &Lab, query: &ListQuery) -> Vec<ExecutionId> {
    let (mut query, mut found) = (query.clone(), Vec::new());
    for _ in 0..100 {
        let page = page(lab, &query).await;
        assert!(page.executions.len() <= query.limit.into());
        found.extend(page.executions.iter().map(|row| row.execution_id));
        let Some(next) = page.next else { return found };
        query.before = Some(next);
    }
    panic!("a list without end: {found:?}");
}

async fn by_filters(mut lab: Lab) {
    let ids = several(&mut lab).await;
    for id in [ids[1], ids[4]] {
        lab.both(&Cancel { execution_id: id, generation: 1, reason: Stop::Requested, due_at: at(0) }).await;
    }
    let all = ListQuery { since: at(-DAY_MS).to_datetime(), ..query(None, 10) };
    let (cancelling, scattering) = (ExecutionStatus::Cancelling, ExecutionStatus::Scattering);
    let (midnight, tag) = (at(0).to_datetime(), |tag: &str| tag.parse().unwrap());
    let with = |change: &dyn Fn(&mut ListQuery)| {
        let mut query = all.clone();
        change(&mut query);
        query
    };
    let of = |numbers: &[usize]| numbers.iter().map(|number| ids[*number]).collect::<Vec<_>>();
    for (query, expected) in [
        (with(&|query| query.statuses = vec![cancelling]), of(&[4, 1])),
        (with(&|query| query.statuses = vec![cancelling, scattering]), of(&[5, 4, 3, 2, 1, 0])),
        (with(&|query| query.statuses = vec![ExecutionStatus::Failed]), vec![]),
        (with(&|query| query.key = Some("3".parse().unwrap())), of(&[3])),
        (with(&|query| query.tags = vec![tag("team=maps")]), of(&[5, 4, 3, 2, 1, 0])),
        (with(&|query| query.tags = vec![tag("team=maps"), tag("number=2")]), of(&[2])),
        (with(&|query| query.tags = vec![tag("number=2"), tag("number=3")]), vec![]),
        (with(&|query| query.tags = vec![tag("team=map")]), vec![]),
        (with(&|query| query.tags = vec![tag("team=maps"); 11]), vec![]),
        (with(&|query| query.until = Some(midnight)), of(&[3, 2, 1, 0])),
        (with(&|query| query.until = Some(query.since)), vec![]),
        (all.clone().on_day("2026-11-23".parse().unwrap()), of(&[3, 2, 1, 0])),
        (all.clone().on_day("2026-11-24".parse().unwrap()), of(&[5, 4])),
    ] {
        for (limit, job) in [(2, None), (10, None), (2, Some("odd"))] {
            let query = ListQuery { limit, job: job.map(|job| job.parse().unwrap()), ..query.clone() };
            let is_listed =
                |id: &ExecutionId| query.job.as_ref().is_none_or(|job| lab.memory.executions[id].job == *job);
            let expected: Vec<_> = expected.iter().copied().filter(is_listed).collect();
            assert_eq!(all_pages(&lab, &query).await, expected, "{query:?}");
        }
    }
}

/// More executions than are read at a time for a page with filters: the one that is looked for is the oldest.
async fn a_rare_one(mut lab: Lab) {
    let count: u16 = 120;
    for number in 0..count {
        let id = execution_id(DAY_BEFORE_MS + i64::from(number), 0);
        let request = control_table::operation::Open {
            tags: tags(if number == 0 { &["rare=1"] } else { &[] }),
            now: control_table::clock::Timestamp::from_millis(DAY_BEFORE_MS),
            ..opening(id, &number.to_string(), Policy::default())
        };
        lab.both_unseen(&request).await;
    }
    let rare = ListQuery { tags: vec!["rare=1".parse().unwrap()], ..query(Some("nightly"), 10) };
    let oldest = execution_id(DAY_BEFORE_MS, 0);
    assert_eq!(all_pages(&lab, &rare).await, [oldest]);
    assert_eq!(all_pages(&lab, &ListQuery { job: None, ..rare }).await, [oldest]);
}

async fn find(mut lab: Lab) {
    let ids = several(&mut lab).await;
    let now = at(12 * 60 * 60 * 1_000).to_datetime();
    let find = async |text: &str, job: Option<&str>| {
        let job = job.map(|job| job.parse().unwrap());
        lab.table.find(text, job.as_ref(), now).await
    };
    assert_eq!(find("latest", None).await.unwrap(), ids[5]);
    assert_eq!(find("latest", Some("even")).await.unwrap(), ids[4]);
    assert_eq!(find("odd/3", None).await.unwrap(), ids[3]);
    for id in &ids {
        assert_eq!(find(&id.to_string(), None).await.unwrap(), *id);
        assert_eq!(find(&id.to_string()[..13], None).await.unwrap(), *id);
        assert_eq!(find(&id.to_string()[19..], None).await.unwrap(), *id);
    }
    let Err(FindError::Ambiguous { candidates, .. }) = find(&ids[0].to_string()[..4], None).await else {
        panic!("not ambiguous");
    };
    let found: Vec<_> = candidates.iter().map(|candidate| candidate.execution_id).collect();
    assert_eq!(found, [ids[5], ids[4], ids[3], ids[2], ids[1]], "the newest");
    assert!(matches!(find("odd/4", None).await, Err(FindError::NoKey { .. })));
    assert!(matches!(find("ffff", Some("odd")).await, Err(FindError::NotFound(_))));
}

async fn due(lab: &Lab, millis: i64, limit: u16) -> Vec<DueItem> {
    let mut due = Vec::new();
    for shard in [DueKind::Execution, DueKind::Retry, DueKind::Record].into_iter().flat_map(DueShard::all) {
        due.extend(lab.table.due(shard, at(millis), limit).await.unwrap());
    }
    due
}

/// A sealed execution of which these segments wait for a retry.
async fn waiting(lab: &mut Lab, size: u64, waiting: &[(u64, i64)]) {
    lab.sealed(Policy::default(), &[size]).await;
    for (index, retry_at) in waiting {
        let claim = lab.claim_of(*index);
        lab.both(&claim).await;
        let finish = Finish { ending: retry(at(*retry_at)), ..lab.finish_of(*index, 1) };
        lab.both(&finish).await;
    }
}

async fn what_is_due(mut lab: Lab) {
    waiting(&mut lab, 9, &[(0, 450), (8, 400), (1, 600)]).await;
    assert_eq!(due(&lab, 399, 10).await, []);
    let id = lab.id;
    let segment = |index| DueItem::Segment(id.segment(index));
    assert_eq!(due(&lab, 400, 10).await, [segment(8)]);
    let shard = lab.row(0).due.unwrap().due_shard;
    assert_eq!(lab.row(8).due.unwrap().due_shard, shard, "eight partitions");
    assert_eq!(lab.table.due(shard, at(500), 10).await.unwrap()[..2], [segment(8), segment(0)], "oldest first");
    let all: BTreeSet<String> = due(&lab, 600, 10).await.iter().map(|item| format!("{item:?}")).collect();
    let expected = [segment(0), segment(1), segment(8), DueItem::Execution(lab.id)];
    assert_eq!(all, expected.iter().map(|item| format!("{item:?}")).collect());
    lab.both(&control_table::operation::Claim { now: at(450), ..lab.claim_of(8) }).await;
    assert!(!due(&lab, 600, 10).await.contains(&segment(8)), "a claimed segment is not due");
}

async fn due_pages(mut lab: Lab) {
    waiting(&mut lab, 128, &[(0, 410), (8, 420), (16, 430), (24, 440)]).await;
    let shard = lab.row(0).due.unwrap().due_shard;
    let page = lab.table.due(shard, at(450), 3).await.unwrap();
    assert_eq!(page, [0, 8, 16].map(|index| DueItem::Segment(lab.id.segment(index))));
    assert_eq!(lab.table.open_executions().await.unwrap(), [lab.id]);
}

async fn retries_of_one(mut lab: Lab) {
    assert_eq!(lab.table.retries(lab.id).await.unwrap(), None);
    waiting(&mut lab, 9, &[(0, 450), (8, 400), (1, 600)]).await;
    let retries = lab.table.retries(lab.id).await.unwrap().unwrap();
    assert_eq!((retries.count, retries.next, retries.next_at), (3, lab.id.segment(8), at(400)));
    assert_eq!(retries.error, lab.row(8).error);
    assert_eq!(lab.table.retries(execution_id(DAY_BEFORE_MS, 9)).await.unwrap(), None);
}

async fn by_status(mut lab: Lab) {
    waiting(&mut lab, 5, &[(3, 400)]).await;
    lab.done(1, succeeded(1)).await;
    let claim = lab.claim_of(2);
    lab.both(&claim).await;
    let group = lab.id.group(0);
    for (status, expected) in [
        (SegmentStatus::Pending, vec![0, 3, 4]),
        (SegmentStatus::Running, vec![2]),
        (SegmentStatus::Succeeded, vec![1]),
        (SegmentStatus::Failed, vec![]),
    ] {
        let rows = lab.table.group_segments(group, Some(status)).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.index).collect::<Vec<_>>(), expected);
        assert_eq!(lab.table.count_segments(group, status).await.unwrap(), expected.len() as u64);
    }
    assert_eq!(lab.table.group_segments(lab.id.group(1), None).await.unwrap(), []);
    let at = lab.table.segments_at(group, &[4, 1, 77].into()).await.unwrap();
    assert_eq!(at.iter().map(|row| row.index).collect::<Vec<_>>(), [1, 4]);
}

async fn long_groups(mut lab: Lab) {
    lab.opened(Policy::default()).await;
    let long = serde_json::json!("x".repeat(control_table::limits::MAX_SPEC_BYTES - 2));
    let rows = lab.rows_of(0, 1);
    // 2 MB: an answer has 1 MB at the most.
    lab.both(&control_table::operation::AddRows { specs: vec![long; 128], ..rows }).await;
    let group = lab.id.group(0);
    assert_eq!(lab.table.group_segments(group, Some(SegmentStatus::Pending)).await.unwrap().len(), 128);
    assert_eq!(lab.table.count_segments(group, SegmentStatus::Pending).await.unwrap(), 128);
}

async fn groups(lab: &mut Lab, groups: u64) {
    lab.opened(Policy::default()).await;
    for group in 0..groups {
        let commit = lab.commit_of(group, 1);
        lab.both_unseen(&commit).await;
    }
}

async fn many_tallies(mut lab: Lab) {
    groups(&mut lab, MORE_THAN_A_BATCH).await;
    let found = lab.table.tallies(lab.id, 0..2 * MORE_THAN_A_BATCH).await.unwrap();
    assert_eq!(found, lab.memory.tallies.values().cloned().collect::<Vec<_>>());
    lab.compare().await;
}

async fn unprocessed_keys(mut lab: Lab) {
    groups(&mut lab, 30).await;
    let partial = Partial::default();
    let Some(table) = lab.table_through(|client| partial.of(client)) else { return };
    let found = table.tallies(lab.id, 0..30).await.unwrap();
    assert_eq!(found, lab.memory.tallies.values().cloned().collect::<Vec<_>>());
    assert!(partial.cut() > 0, "the service did a part");
}

async fn unprocessed_statements(mut lab: Lab) {
    lab.opened(Policy::default()).await;
    let partial = Partial::default();
    let Some(table) = lab.table_through(|client| partial.of(client)) else { return };
    let request = lab.rows_of(0, 60);
    table.execute(&request).await.unwrap();
    lab.memory.execute(&request);
    lab.compare().await;
    assert!(partial.cut() > 0, "the service did a part");
}

async fn summary(mut lab: Lab) {
    lab.sealed(Policy::default(), &[1, 3]).await;
    lab.done(0, succeeded(0)).await;
    lab.folded(&[0]).await;
    lab.done(128, succeeded(128)).await;
    let claim = lab.claim_of(129);
    lab.both(&claim).await;
    let summary = lab.table.summary(lab.id).await.unwrap().unwrap();
    assert_eq!((summary.segments, summary.succeeded, summary.running, summary.pending), (4, 2, 1, 1));
    assert_eq!((summary.item_count, summary.attempts, summary.counters["status"]), (148, 2, 126));
}
