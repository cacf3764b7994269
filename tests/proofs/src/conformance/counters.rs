//! Register counters: the names that an execution has.

use control_table::limits::{MAX_COUNTERS, MAX_EXECUTION_COUNTERS};
use control_table::operation::{RegisterCounters, RegisterCountersOutcome};
use control_table::policy::Policy;

use super::Case;
use super::lab::{Lab, failed, succeeded};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("register counters: new names begin at zero, known ones keep their sums", known_names_keep_sums),
        Case::new("register counters: as many as an execution may have, and one more", up_to_the_limit),
        Case::new("register counters: no names, and no execution", nothing_to_register),
    ]
}

fn register(lab: &Lab, names: impl IntoIterator<Item = String>) -> RegisterCounters {
    RegisterCounters { execution_id: lab.id, names: names.into_iter().collect() }
}

async fn known_names_keep_sums(mut lab: Lab) {
    lab.sealed(Policy::default(), &[2]).await;
    let names = ["status", "rows read, été"].map(str::to_owned);
    let request = register(&lab, names.clone());
    assert_eq!(lab.both(&request).await, RegisterCountersOutcome::Registered);
    assert_eq!(lab.both(&request).await, RegisterCountersOutcome::Registered);
    lab.done(0, succeeded(8)).await;
    lab.done(1, failed()).await;
    lab.folded(&[0]).await;
    let more = register(&lab, names.into_iter().chain(["another".to_owned()]));
    assert_eq!(lab.both(&more).await, RegisterCountersOutcome::Registered);
    let row = lab.execution();
    assert_eq!((row.counts.counters.0["status"], row.counts.counters.0["another"]), (7, 0));
    assert_eq!(row.counters_registered, 3);
}

async fn up_to_the_limit(mut lab: Lab) {
    lab.sealed(Policy::default(), &[1]).await;
    let names: Vec<String> = (0..MAX_EXECUTION_COUNTERS).map(|number| format!("counter {number}")).collect();
    for names in names.chunks(MAX_COUNTERS) {
        let request = register(&lab, names.to_vec());
        assert_eq!(lab.both(&request).await, RegisterCountersOutcome::Registered);
    }
    let one_more = register(&lab, [names[3].clone(), "one more".to_owned()]);
    let too_many = RegisterCountersOutcome::TooMany { registered: MAX_EXECUTION_COUNTERS };
    assert_eq!(lab.both(&one_more).await, too_many);
    let known = register(&lab, names[..MAX_COUNTERS].to_vec());
    assert_eq!(lab.both(&known).await, RegisterCountersOutcome::Registered, "they are there");
}

async fn nothing_to_register(mut lab: Lab) {
    let nothing = register(&lab, []);
    assert_eq!(lab.both(&nothing).await, RegisterCountersOutcome::Missing);
    let one = register(&lab, ["one".to_owned()]);
    assert_eq!(lab.both(&one).await, RegisterCountersOutcome::Missing);
    lab.sealed(Policy::default(), &[1]).await;
    assert_eq!(lab.both(&nothing).await, RegisterCountersOutcome::Registered);
}
