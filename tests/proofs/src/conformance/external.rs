//! Add external group.

use control_table::limits::SEGMENTS_PER_ADD;
use control_table::operation::{AddExternal, AddExternalOutcome, Seal};
use control_table::policy::Policy;
use control_table::rows::{AddPart, ExecutionStatus};

use super::Case;
use super::lab::{Lab, at, succeeded};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("add external: each part once, whatever group it is sent for", each_part_once),
        Case::new("add external: of two adders one gets the number, the other retries with the next", two_adders),
        Case::new("add external: as many segments as a transaction takes", the_largest_group),
        Case::new("add external: only while scattering; a repeat is recognised even then", only_while_open),
    ]
}

fn add(lab: &Lab, group: u64, number: u64) -> AddExternal {
    AddExternal {
        group: lab.id.group(group),
        part: AddPart { token: "s3://bucket/day 7".parse().unwrap(), number },
        digest: "digest".to_owned(),
        specs: vec![serde_json::json!({"x": 1.0}), serde_json::Value::Null],
        generation: 1,
        now: at(5),
    }
}

async fn each_part_once(mut lab: Lab) {
    let first = add(&lab, 0, 0);
    assert_eq!(lab.both(&first).await, AddExternalOutcome::Missing);
    lab.opened(Policy::default()).await;
    assert_eq!(lab.both(&first).await, AddExternalOutcome::Added);
    for group in [0, 1, 7] {
        let again = AddExternal { digest: "another".to_owned(), ..add(&lab, group, 0) };
        assert_eq!(lab.both(&again).await, AddExternalOutcome::AlreadyAdded(Box::new(first.mark())));
    }
    assert_eq!((lab.execution().groups, lab.execution().segments), (1, 2));
    lab.done(1, succeeded(1)).await;
}

async fn two_adders(mut lab: Lab) {
    lab.opened(Policy::default()).await;
    let (one, other) = (add(&lab, 0, 0), add(&lab, 0, 1));
    assert_eq!(lab.both(&one).await, AddExternalOutcome::Added);
    assert_eq!(lab.both(&other).await, AddExternalOutcome::GroupsMoved(1));
    let early = add(&lab, 2, 1);
    assert_eq!(lab.both(&early).await, AddExternalOutcome::GroupsMoved(1));
    let next = add(&lab, 1, 1);
    assert_eq!(lab.both(&next).await, AddExternalOutcome::Added);
}

async fn the_largest_group(mut lab: Lab) {
    lab.opened(Policy::default()).await;
    let largest = AddExternal { specs: vec![serde_json::json!("x"); SEGMENTS_PER_ADD], ..add(&lab, 0, 0) };
    assert_eq!(lab.both(&largest).await, AddExternalOutcome::Added);
    assert_eq!(lab.tally_row(0).pending, SEGMENTS_PER_ADD as u64);
}

async fn only_while_open(mut lab: Lab) {
    lab.opened(Policy::default()).await;
    let first = add(&lab, 0, 0);
    lab.both(&first).await;
    let seal = Seal { execution_id: lab.id, groups: 1, now: at(10) };
    lab.both(&seal).await;
    let late = add(&lab, 1, 1);
    assert_eq!(lab.both(&late).await, AddExternalOutcome::NotOpen(ExecutionStatus::Running));
    assert!(matches!(lab.both(&first).await, AddExternalOutcome::AlreadyAdded(_)));
}
