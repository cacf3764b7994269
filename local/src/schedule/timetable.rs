//! The moments of a cron pattern in a time zone.

use chrono::{DateTime, NaiveDateTime, SecondsFormat, SubsecRound as _, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;
use control_table::id::ExecutionKey;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};

/// A timetable that cannot be read. Nothing was started; a retry does not help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTimetable {
    /// Not a cron pattern.
    #[error(
        "cron = {pattern:?} cannot be read: {reason}. Write minute, hour, day of the month, month and day of the week, such as \
         \"30 2 * * MON-FRI\""
    )]
    Cron {
        /// What was given.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A pattern for a day that no year has.
    #[error("cron = {0:?} never comes: no year has such a day")]
    Never(String),
    /// Not a time zone.
    #[error(
        "timezone = {0:?} is not a time zone: use a name of the IANA database, such as \"Europe/Berlin\" or \"UTC\""
    )]
    Timezone(String),
}

/// The longest that a clock was ever set forward or back at once, and more: a day, when Samoa crossed the date line.
const LONGEST_CHANGE: TimeDelta = TimeDelta::hours(26);

/// The moments of a cron pattern in a time zone.
///
/// When clocks go forward, a time of day that is skipped comes at the first moment after the gap, once; of a pattern with `*` or `/` in
/// minute or hour, the moments in the gap are left out. When clocks go back, a time of day comes once, at its first occurrence; of such a
/// pattern each occurrence is a moment. (croner does so for a single time of day only.)
#[derive(Debug, Clone)]
pub struct Timetable {
    /// Boxed: its tables are some hundred bytes.
    cron: Box<Cron>,
    timezone: Tz,
}

/// A moment of a timetable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// When it is.
    pub at: DateTime<Utc>,
    /// The key of its execution: the moment as the clock shows it there, with its offset, so that each of an hour's two occurrences has
    /// its own.
    pub key: ExecutionKey,
}

impl Timetable {
    /// The timetable of that pattern and time zone; `now` is for the check that it ever comes.
    ///
    /// # Errors
    /// When one of them cannot be read, or the pattern never comes.
    pub fn new(pattern: &str, timezone: &str, now: DateTime<Utc>) -> Result<Self, InvalidTimetable> {
        let zone = timezone.parse().map_err(|_| InvalidTimetable::Timezone(timezone.to_owned()))?;
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let cron = parser.parse(pattern).map_err(|error| InvalidTimetable::Cron {
            pattern: pattern.to_owned(),
            reason: error.to_string().trim_end_matches('.').to_owned(),
        })?;
        let timetable = Self { cron: Box::new(cron), timezone: zone };
        match timetable.next_after(now) {
            Some(_) => Ok(timetable),
            None => Err(InvalidTimetable::Never(pattern.to_owned())),
        }
    }

    /// The pattern, as it was given.
    #[must_use]
    pub fn pattern(&self) -> &str {
        self.cron.as_str()
    }

    pub(super) const fn cron(&self) -> &Cron {
        &self.cron
    }

    /// The time zone's name.
    #[must_use]
    pub fn timezone(&self) -> &'static str {
        self.timezone.name()
    }

    /// The first moment after that one; `None` at the end of the calendar.
    #[must_use]
    pub fn next_after(&self, after: DateTime<Utc>) -> Option<Moment> {
        let after = after.trunc_subsecs(0).with_timezone(&self.timezone);
        if !self.names_times_of_day() {
            return self.cron.find_next_occurrence(&after, false).ok().and_then(|at| moment(&at));
        }
        let mut shown = after.naive_local().checked_sub_signed(LONGEST_CHANGE)?;
        loop {
            shown = self.cron.find_next_occurrence(&shown, false).ok()?;
            if let Some(at) = self.when(shown).filter(|at| *at > after) {
                return moment(&at);
            }
        }
    }

    /// The last moment until that one, itself included; `None` at the beginning of the calendar.
    #[must_use]
    pub fn latest_until(&self, until: DateTime<Utc>) -> Option<Moment> {
        let until = until.trunc_subsecs(0).with_timezone(&self.timezone);
        if !self.names_times_of_day() {
            return self.cron.find_previous_occurrence(&until, true).ok().and_then(|at| moment(&at));
        }
        let mut shown = until.naive_local().checked_add_signed(LONGEST_CHANGE)?;
        loop {
            shown = self.cron.find_previous_occurrence(&shown, false).ok()?;
            if let Some(at) = self.when(shown).filter(|at| *at <= until) {
                return moment(&at);
            }
        }
    }

    /// Whether the pattern names its times of day, alone or in a list: without `*` and `/` in minute and hour.
    fn names_times_of_day(&self) -> bool {
        let pattern = &self.cron.pattern;
        [&pattern.minutes, &pattern.hours].into_iter().all(|field| !field.from_wildcard && field.step == 1)
    }

    /// When the clock shows that for the first time; if it never does, the first moment after the gap. Later times are never shown
    /// earlier, so moments are in the order of the times that are shown.
    fn when(&self, shown: NaiveDateTime) -> Option<DateTime<Tz>> {
        let minutes = 0..=LONGEST_CHANGE.num_minutes();
        minutes.into_iter().find_map(|minute| {
            let shown = shown.checked_add_signed(TimeDelta::minutes(minute))?;
            self.timezone.from_local_datetime(&shown).earliest()
        })
    }
}

fn moment(at: &DateTime<Tz>) -> Option<Moment> {
    let key = at.to_rfc3339_opts(SecondsFormat::Secs, false).parse().ok()?;
    Some(Moment { at: at.to_utc(), key })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn timetable(pattern: &str, timezone: &str) -> Timetable {
        Timetable::new(pattern, timezone, time("2026-01-01T00:00:00Z")).unwrap()
    }

    /// The keys of so many moments after that one.
    fn keys(pattern: &str, timezone: &str, after: &str, count: usize) -> Vec<String> {
        let timetable = timetable(pattern, timezone);
        let mut after = time(after);
        let next = || {
            let moment = timetable.next_after(after)?;
            after = moment.at;
            Some(moment.key.to_string())
        };
        std::iter::from_fn(next).take(count).collect()
    }

    #[test]
    fn a_skipped_time_of_day_comes_after_the_gap_and_once() {
        let night = keys("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", 3);
        let expected = ["2026-03-28T02:30:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"];
        assert_eq!(night, expected);
        // Two times of day of which one is skipped are one moment.
        let both = keys("0 2,3 * * *", "Europe/Berlin", "2026-03-28T20:00:00Z", 2);
        assert_eq!(both, ["2026-03-29T03:00:00+02:00", "2026-03-30T02:00:00+02:00"]);
        let hourly = keys("0 * * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", 2);
        assert_eq!(hourly, ["2026-03-29T03:00:00+02:00", "2026-03-29T04:00:00+02:00"]);
    }

    #[test]
    fn a_doubled_time_of_day_comes_once_and_every_hour_of_the_day_comes() {
        let night = keys("30 2 * * *", "Europe/Berlin", "2026-10-24T00:00:00Z", 3);
        let expected = ["2026-10-24T02:30:00+02:00", "2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"];
        assert_eq!(night, expected);
        let hourly = keys("0 * * * *", "Europe/Berlin", "2026-10-24T23:00:00Z", 4);
        let expected = [
            "2026-10-25T02:00:00+02:00",
            "2026-10-25T02:00:00+01:00",
            "2026-10-25T03:00:00+01:00",
            "2026-10-25T04:00:00+01:00",
        ];
        assert_eq!(hourly, expected);
    }

    #[test]
    fn a_list_of_times_of_day_loses_none_and_doubles_none() {
        let spring = keys("0 2,14 * * *", "Europe/Berlin", "2026-03-28T20:00:00Z", 3);
        assert_eq!(spring, ["2026-03-29T03:00:00+02:00", "2026-03-29T14:00:00+02:00", "2026-03-30T02:00:00+02:00"]);
        let autumn = keys("15,45 2,3 * * *", "Europe/Berlin", "2026-10-24T20:00:00Z", 5);
        let expected = [
            "2026-10-25T02:15:00+02:00",
            "2026-10-25T02:45:00+02:00",
            "2026-10-25T03:15:00+01:00",
            "2026-10-25T03:45:00+01:00",
            "2026-10-26T02:15:00+01:00",
        ];
        assert_eq!(autumn, expected);
        let skipped_day = keys("0 9 * * *", "Pacific/Apia", "2011-12-29T12:00:00Z", 3);
        assert_eq!(
            skipped_day,
            ["2011-12-29T09:00:00-10:00", "2011-12-31T00:00:00+14:00", "2011-12-31T09:00:00+14:00"]
        );
    }

    #[test]
    fn month_ends_and_leap_days() {
        let last = keys("0 6 L * *", "UTC", "2028-01-30T00:00:00Z", 3);
        assert_eq!(last, ["2028-01-31T06:00:00+00:00", "2028-02-29T06:00:00+00:00", "2028-03-31T06:00:00+00:00"]);
        let thirty_first = keys("0 0 31 * *", "UTC", "2026-03-31T00:00:00Z", 2);
        assert_eq!(thirty_first, ["2026-05-31T00:00:00+00:00", "2026-07-31T00:00:00+00:00"]);
        let leap = keys("0 0 29 2 *", "UTC", "2096-02-28T00:00:00Z", 2);
        assert_eq!(leap, ["2096-02-29T00:00:00+00:00", "2104-02-29T00:00:00+00:00"], "2100 has none");
    }

    #[test]
    fn going_back_meets_the_same_moments_as_going_forward() {
        for (pattern, zone) in [
            ("30 2 * * *", "Europe/Berlin"),
            ("0 2,3 * * *", "Europe/Berlin"),
            ("0,30 1-3 * * *", "America/New_York"),
            ("0 * * * *", "America/New_York"),
            ("*/20 1-3 * * *", "Europe/Berlin"),
            ("15 0 L * *", "Australia/Lord_Howe"),
            ("0 0 * * MON", "America/Sao_Paulo"),
            ("45 23 28-31 * *", "Asia/Kathmandu"),
        ] {
            let timetable = timetable(pattern, zone);
            let (mut before, mut count) = (timetable.next_after(time("2026-01-01T00:00:00Z")).unwrap(), 0);
            while before.at < time("2027-02-01T00:00:00Z") {
                let next = timetable.next_after(before.at).unwrap();
                assert!(next.at > before.at, "{pattern} in {zone}: {before:?}, {next:?}");
                assert_eq!(timetable.latest_until(next.at).as_ref(), Some(&next), "{pattern} in {zone}");
                let just_before = next.at - chrono::TimeDelta::seconds(1);
                assert_eq!(timetable.latest_until(just_before).as_ref(), Some(&before), "{pattern} in {zone}");
                (before, count) = (next, count + 1);
            }
            assert!(count >= 12, "{pattern}: {count}");
        }
    }

    #[test]
    fn what_is_no_timetable_is_refused_with_words() {
        let refused =
            |pattern, zone| Timetable::new(pattern, zone, time("2026-01-01T00:00:00Z")).unwrap_err().to_string();
        for pattern in ["", "* * * *", "0 0 2 * * *", "60 * * * *", "nightly", "0 2 * * XYZ", "0 2 * * * 2027 1"] {
            let words = refused(pattern, "UTC");
            assert!(words.starts_with(&format!("cron = {pattern:?} cannot be read: ")), "{words}");
        }
        assert!(refused("0 0 31 2 *", "UTC").contains("never comes"));
        for zone in ["", "Berlin", "Europe/Atlantis", "CEST", "+01:00"] {
            assert!(refused("0 2 * * *", zone).contains("IANA"), "{zone}");
        }
        assert!(Timetable::new("@daily", "UTC", time("2026-01-01T00:00:00Z")).is_ok());
    }
}
