//! Which moment of a timetable is to be started now.

use chrono::{DateTime, TimeDelta, Utc};

use super::{CatchUp, Moment, Timetable};

/// How late a moment may be and still count as on time: a restart of the process, or a loaded machine.
const ON_TIME: TimeDelta = TimeDelta::seconds(60);

/// What a timetable asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Due {
    /// Nothing has come since.
    Nothing,
    /// This moment is to be started. The moments before it are left out, if there were any since.
    Start(Moment),
    /// The moments until that one, itself included, are left out.
    LeaveOut(Moment),
}

/// What is due `now`, if every moment until `handled` was handled.
pub(super) fn due(timetable: &Timetable, catch_up: CatchUp, handled: DateTime<Utc>, now: DateTime<Utc>) -> Due {
    let Some(latest) = timetable.latest_until(now).filter(|latest| latest.at > handled) else { return Due::Nothing };
    match catch_up {
        CatchUp::Last => Due::Start(latest),
        CatchUp::None if now - latest.at <= ON_TIME => Due::Start(latest),
        CatchUp::None => Due::LeaveOut(latest),
        CatchUp::All => Due::Start(timetable.next_after(handled).filter(|next| next.at <= latest.at).unwrap_or(latest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_moment_is_due_until_it_was_handled() {
        let timetable = Timetable::new("0 2 * * *", "UTC", time("2026-01-01T00:00:00Z")).unwrap();
        let ask = |catch_up, handled, now| match due(&timetable, catch_up, time(handled), time(now)) {
            Due::Nothing => "nothing".to_owned(),
            Due::Start(moment) => format!("start {}", moment.key),
            Due::LeaveOut(moment) => format!("leave out {}", moment.key),
        };
        let slept = ("2026-11-20T02:00:00Z", "2026-11-24T09:00:00Z");
        assert_eq!(ask(CatchUp::None, slept.0, slept.1), "leave out 2026-11-24T02:00:00+00:00");
        assert_eq!(ask(CatchUp::Last, slept.0, slept.1), "start 2026-11-24T02:00:00+00:00");
        assert_eq!(ask(CatchUp::All, slept.0, slept.1), "start 2026-11-21T02:00:00+00:00");
        for catch_up in [CatchUp::None, CatchUp::Last, CatchUp::All] {
            let handled = "2026-11-23T02:00:00Z";
            assert_eq!(ask(catch_up, handled, "2026-11-24T01:59:59.999Z"), "nothing");
            assert_eq!(ask(catch_up, handled, "2026-11-24T02:00:00Z"), "start 2026-11-24T02:00:00+00:00");
            assert_eq!(ask(catch_up, handled, "2026-11-24T02:01:00Z"), "start 2026-11-24T02:00:00+00:00");
            assert_eq!(ask(catch_up, "2026-11-24T02:00:00Z", "2026-11-24T02:00:00.5Z"), "nothing");
        }
    }
}
