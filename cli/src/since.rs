//! `--since` and `--until`: a span back from now, or a moment; and `--day`.

use std::str::FromStr;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};

/// From when on, or until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// That long before now.
    Ago(TimeDelta),
    /// From that moment.
    Moment(DateTime<Utc>),
}

/// Not a span and not a moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no time: use a span such as 7d, 24h or 30m, a date such as 2026-11-24 (UTC), or an RFC 3339 time")]
pub struct InvalidSince(String);

impl Since {
    /// The moment that is meant, if it is `now`.
    pub fn moment(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::Ago(span) => now.checked_sub_signed(span).unwrap_or(DateTime::UNIX_EPOCH),
            Self::Moment(moment) => moment,
        }
    }
}

impl FromStr for Since {
    type Err = InvalidSince;

    fn from_str(text: &str) -> Result<Self, InvalidSince> {
        if let Some(span) = span(text) {
            return Ok(Self::Ago(span));
        }
        if let Ok(date) = text.parse::<NaiveDate>() {
            return Ok(Self::Moment(date.and_time(NaiveTime::MIN).and_utc()));
        }
        let moment = DateTime::parse_from_rfc3339(text).map_err(|_| InvalidSince(text.to_owned()))?;
        Ok(Self::Moment(moment.with_timezone(&Utc)))
    }
}

/// A day of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day(pub NaiveDate);

/// Not a day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no day: use a date such as 2026-11-24")]
pub struct InvalidDay(String);

impl FromStr for Day {
    type Err = InvalidDay;

    fn from_str(text: &str) -> Result<Self, InvalidDay> {
        text.parse().map(Self).map_err(|_| InvalidDay(text.to_owned()))
    }
}

fn span(text: &str) -> Option<TimeDelta> {
    let unit = text.chars().next_back()?;
    let count: u32 = text[..text.len() - unit.len_utf8()].parse().ok()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        'w' => 7 * 24 * 60 * 60,
        _ => return None,
    };
    TimeDelta::try_seconds(i64::from(count) * seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> String {
        let now = DateTime::parse_from_rfc3339("2026-11-24T12:00:00Z").unwrap().with_timezone(&Utc);
        text.parse::<Since>().unwrap().moment(now).to_rfc3339()
    }

    #[test]
    fn spans_dates_and_times() {
        for (text, expected) in [
            ("7d", "2026-11-17T12:00:00+00:00"),
            ("24h", "2026-11-23T12:00:00+00:00"),
            ("30m", "2026-11-24T11:30:00+00:00"),
            ("90s", "2026-11-24T11:58:30+00:00"),
            ("2w", "2026-11-10T12:00:00+00:00"),
            ("2026-11-20", "2026-11-20T00:00:00+00:00"),
            ("2026-11-20T10:00:00+02:00", "2026-11-20T08:00:00+00:00"),
        ] {
            assert_eq!(moment(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_time() {
        for text in ["", "d", "7", "7y", "-7d", "7.5h", "yesterday", "2026-13-01", "2026-11-20T10:00", "7ü"] {
            assert!(text.parse::<Since>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_span_longer_than_time_itself_begins_with_it() {
        assert!(moment("4294967295w").starts_with("1970-01-01") || moment("4294967295w").starts_with('-'));
    }
}
