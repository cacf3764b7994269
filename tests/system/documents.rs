//! docs/events.md names the fields that events have, and no other.

use std::collections::BTreeSet;

use control_table::message::{CompletionEvent, NotificationEvent};
use control_table::rows::Notification;
use serde::Serialize;
use serde_json::Value;
use test_support::Lab;

/// The names in the first column of the table under that heading.
fn documented(heading: &str) -> BTreeSet<String> {
    let document = include_str!("../../docs/events.md");
    let section = document.split("\n## ").find(|section| section.starts_with(heading)).unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.flat_map(|row| row.split('|').nth(1).unwrap().split('`').skip(1).step_by(2).map(ToOwned::to_owned)).collect()
}

fn fields(event: &impl Serialize) -> BTreeSet<String> {
    let Value::Object(fields) = serde_json::to_value(event).unwrap() else { panic!("no object") };
    fields.keys().cloned().collect()
}

#[tokio::test]
async fn the_events_have_the_fields_that_are_documented() {
    let lab = Lab::new().await;
    let run = lab.execution().segments(1).make().await;
    run.fail(0).await;
    let mut row = run.row().await;
    row.first_failure = Some(0);
    row.progress_at = Some(lab.now());
    let mut notifications = fields(&NotificationEvent::of(&row, Notification::FirstFailure));
    notifications.extend(fields(&NotificationEvent::of(&row, Notification::Stalled)));
    assert_eq!(documented("Notification"), notifications);

    row.status = control_table::rows::ExecutionStatus::Failed;
    row.finished_at = Some(lab.now());
    assert_eq!(documented("Completion"), fields(&CompletionEvent::of(&row).unwrap()));
}
