//! Numbers, spans of time and short texts for people.

use std::time::Duration;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// `1,234,567`.
pub fn grouped(number: impl Into<i128>) -> String {
    let number = number.into();
    let digits = number.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if number < 0 {
        text.push('-');
    }
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 segment`, `1,000 segments`.
pub fn counted(number: u64, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {what}{plural}", grouped(number))
}

/// `340 ms`, `4.2 s`, `3 min 20 s`, `2 h 5 min`.
pub fn span(duration: Duration) -> String {
    let millis = duration.as_millis();
    let seconds = duration.as_secs();
    match seconds {
        0 => format!("{millis} ms"),
        1..60 => format!("{:.1} s", duration.as_secs_f64()),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// Columns of a terminal that a text takes: an ideograph takes two.
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text, or its beginning and `…`, in at most so many columns.
pub fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut left = columns.saturating_sub(1);
    let kept = text.chars().take_while(|c| {
        let taken = c.width().unwrap_or(0);
        let fits = taken <= left;
        left = left.saturating_sub(taken);
        fits
    });
    let mut text: String = kept.collect();
    text.push('…');
    text
}

/// So many a second, in the unit that has a number before the point: `240/s`, `3.1/s`, `12/min`, `5/h`.
pub fn rate(per_second: f64) -> String {
    match per_second {
        10.0.. => format!("{per_second:.0}/s"),
        1.0.. => format!("{per_second:.1}/s"),
        _ if per_second * 60.0 >= 1.0 => format!("{:.0}/min", per_second * 60.0),
        _ => format!("{:.0}/h", per_second * 3_600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped() {
        for (number, text) in
            [(0, "0"), (999, "999"), (1_000, "1,000"), (3_133_032_118_i64, "3,133,032,118"), (-1_234, "-1,234")]
        {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn a_long_text_is_cut_at_a_character() {
        for (text, columns, cut_text) in [
            ("{}", 5, "{}"),
            ("abcdef", 6, "abcdef"),
            ("abcdefg", 6, "abcde…"),
            ("東京都庁", 6, "東京…"),
            ("ab", 0, "…"),
        ] {
            assert_eq!(cut(text, columns), cut_text);
        }
        assert_eq!(width(&cut(&"é".repeat(100), 60)), 60);
    }

    #[test]
    fn a_rate_is_never_zero_of_something_that_moves() {
        for (per_second, text) in
            [(1_240.4, "1240/s"), (9.96, "10.0/s"), (3.12, "3.1/s"), (0.2, "12/min"), (0.001, "4/h")]
        {
            assert_eq!(rate(per_second), text);
        }
    }

    #[test]
    fn spans_have_the_unit_that_fits() {
        for (millis, text) in
            [(0, "0 ms"), (999, "999 ms"), (4_210, "4.2 s"), (200_000, "3 min 20 s"), (7_500_000, "2 h 5 min")]
        {
            assert_eq!(span(Duration::from_millis(millis)), text);
        }
    }
}
