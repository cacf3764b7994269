//! docs/events.md names the fields that events have, and no other; docs/cost.md counts what a stack has.

use std::collections::BTreeSet;

use control_table::message::{CompletionEvent, NotificationEvent};
use control_table::metric;
use control_table::rows::Notification;
use serde::Serialize;
use serde_json::Value;
use test_support::{Lab, deployed, template};

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

/// The alarms of a stack with these parameters, and the metrics that they are charged for.
fn alarms(values: &[(&str, &str)]) -> (usize, usize) {
    let template = deployed(&template(), values);
    let resources = template["Resources"].as_object().unwrap().values();
    let alarms: Vec<&Value> = resources.filter(|resource| resource["Type"] == "AWS::CloudWatch::Alarm").collect();
    let metrics = |alarm: &&Value| {
        let of_math = alarm["Properties"]["Metrics"].as_array().map(Vec::as_slice).unwrap_or_default();
        of_math.iter().filter(|metric| metric["MetricStat"].is_object()).count().max(1)
    };
    (alarms.len(), alarms.iter().map(metrics).sum())
}

#[test]
fn the_price_of_a_stack_at_rest_counts_its_alarms_and_metrics() {
    let (of_cost, of_choice) =
        (include_str!("../../docs/cost.md"), include_str!("../../docs/when-to-use-something-else.md"));
    let (count, charged) = alarms(&[]);
    assert_eq!(alarms(&[("Transport", "SQS")]), (count, charged), "the table has one row for both");
    let row = format!("| {count} alarms over {charged} metrics | ${:.2} |", charged as f64 * 0.10);
    assert!(of_cost.contains(&row), "{row}");
    let (with_api, charged_with_api) = alarms(&[("HttpApi", "FunctionUrl")]);
    let words = format!("four functions, {count} alarms; with the HTTP API five and {with_api} |");
    assert!(of_choice.contains(&words), "{words}");
    let words = format!("two more alarms, ${:.2}", (charged_with_api - charged) as f64 * 0.10);
    assert_eq!(with_api - count, 2, "{words}");
    assert!(of_cost.contains(&words), "{words}");
    let metrics = metric::COUNTS.len() + metric::DURATIONS.len();
    let row = format!("| {metrics} metrics, in a month in which each has a value | ${:.2} |", metrics as f64 * 0.30);
    assert!(of_cost.contains(&row), "{row}");
}
