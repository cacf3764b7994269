//! A timetable as EventBridge Scheduler takes it.

use croner::CronComponent;

use super::Timetable;

/// The longest expression of a schedule
/// (<https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html>).
const MAX_EXPRESSION: usize = 256;

/// A timetable that EventBridge Scheduler has no expression for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotOnAws {
    /// Days of the month and days of the week.
    #[error(
        "day of the month and day of the week are both given: there only one of them can be, so make two jobs of it"
    )]
    BothDays,
    /// `#` or `W`, or `L` beside other days.
    #[error("it has a day with L, W or #, which this program does not translate: write that schedule by hand")]
    Modifier,
    /// Too many minutes and hours to write down.
    #[error("its moments are too many to write down in {MAX_EXPRESSION} characters: make two jobs of it")]
    TooLong,
}

impl Timetable {
    /// The expression of the same moments, `cron(30 2 ? * 2-6 *)`, for a schedule with the same time zone.
    ///
    /// A time of day that the clock skips is a moment here, and none there; one that it shows twice comes once there, whatever the pattern.
    ///
    /// # Errors
    /// When there is no such expression.
    pub fn to_aws(&self) -> Result<String, NotOnAws> {
        let pattern = &self.cron().pattern;
        let (days, weekdays) = (&pattern.days, &pattern.days_of_week);
        let (day, weekday) = match (pattern.is_dom_wildcard(), pattern.is_dow_wildcard()) {
            (false, false) => return Err(NotOnAws::BothDays),
            (false, true) => (self.days(days)?, "?".to_owned()),
            (true, true) => ("*".to_owned(), "?".to_owned()),
            (true, false) if weekdays.has_modifiers() => return Err(NotOnAws::Modifier),
            // There Sunday is 1.
            (true, false) => ("?".to_owned(), listed(weekdays.values().into_iter().map(|day| day % 7 + 1), 1..=7)),
        };
        let minutes = listed(pattern.minutes.values(), 0..=59);
        let hours = listed(pattern.hours.values(), 0..=23);
        let months = listed(pattern.months.values(), 1..=12);
        let expression = format!("cron({minutes} {hours} {day} {months} {weekday} *)");
        if expression.len() > MAX_EXPRESSION { Err(NotOnAws::TooLong) } else { Ok(expression) }
    }

    fn days(&self, days: &CronComponent) -> Result<String, NotOnAws> {
        if !days.has_modifiers() {
            return Ok(listed(days.values(), 1..=31));
        }
        // Day of the month is the third of five.
        match self.pattern().split_whitespace().nth(2) {
            Some("L") => Ok("L".to_owned()),
            _ => Err(NotOnAws::Modifier),
        }
    }
}

/// Numbers as a list with ranges; all of them as `*`.
fn listed(values: impl IntoIterator<Item = u16>, all: std::ops::RangeInclusive<u16>) -> String {
    let mut values: Vec<u16> = values.into_iter().collect();
    values.sort_unstable();
    values.dedup();
    if values.len() == all.count() {
        return "*".to_owned();
    }
    let runs = values.chunk_by(|one, next| one + 1 == *next);
    let run = |run: &[u16]| match run {
        [first, _, .., last] => format!("{first}-{last}"),
        few => few.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
    };
    runs.map(run).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to_aws(pattern: &str) -> Result<String, NotOnAws> {
        Timetable::new(pattern, "Europe/Berlin", "2026-01-01T00:00:00Z".parse().unwrap()).unwrap().to_aws()
    }

    #[test]
    fn patterns_as_the_service_writes_them() {
        for (pattern, expected) in [
            ("30 2 * * *", "cron(30 2 * * ? *)"),
            ("30 2 * * MON-FRI", "cron(30 2 ? * 2-6 *)"),
            ("0 9 * * 0,6,7", "cron(0 9 ? * 1,7 *)"),
            ("*/20 8-17 1,15 * *", "cron(0,20,40 8-17 1,15 * ? *)"),
            ("0 0 L JAN,FEB,MAR,JUL *", "cron(0 0 L 1-3,7 ? *)"),
            ("* * * * *", "cron(* * * * ? *)"),
            ("@daily", "cron(0 0 * * ? *)"),
        ] {
            assert_eq!(to_aws(pattern), Ok(expected.to_owned()), "{pattern}");
        }
    }

    #[test]
    fn what_the_service_does_not_have() {
        assert_eq!(to_aws("0 0 13 * FRI"), Err(NotOnAws::BothDays));
        assert_eq!(to_aws("0 0 * * MON#2"), Err(NotOnAws::Modifier));
        assert_eq!(to_aws("0 0 15W * *"), Err(NotOnAws::Modifier));
        assert_eq!(to_aws("0 0 1,L * *"), Err(NotOnAws::Modifier));
        let odd = "1-59/2 1-23/2 1-31/2 1-12/2 *";
        assert!(to_aws(odd).unwrap().len() <= MAX_EXPRESSION);
    }
}
