//! A number as text: whether two are equal, and whether `DynamoDB` keeps one exactly.

/// Digits that `DynamoDB` keeps (quota).
const MAX_DIGITS: usize = 38;
/// The powers of ten of the smallest and largest number it keeps (quota).
const MAGNITUDES: std::ops::RangeInclusive<i64> = -130..=125;

/// A decimal number, split up; equal numbers are equal values, however they were written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Decimal {
    negative: bool,
    /// Without zeros at either end; empty for zero.
    digits: String,
    /// The power of ten of the last digit.
    exponent: i64,
}

impl Decimal {
    /// Reads a number of JSON's grammar; `None` if it is none, or its exponent has more than nine digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, power) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, power)) => (mantissa, parse_power(power)?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((whole, fraction)) if is_digits(fraction) => (whole, fraction),
            Some(_) => return None,
            None => (mantissa, ""),
        };
        if !is_digits(whole) || (whole.len() > 1 && whole.starts_with('0')) {
            return None;
        }
        let all = format!("{whole}{fraction}");
        let significant = all.trim_start_matches('0');
        let digits = significant.trim_end_matches('0');
        if digits.is_empty() {
            return Some(Self { negative: false, digits: String::new(), exponent: 0 });
        }
        let trailing = i64::try_from(significant.len() - digits.len()).ok()?;
        let exponent = power - i64::try_from(fraction.len()).ok()? + trailing;
        Some(Self { negative, digits: digits.to_owned(), exponent })
    }

    /// Whether `DynamoDB` keeps it as it is.
    #[must_use]
    pub fn fits_dynamodb(&self) -> bool {
        let places = i64::try_from(self.digits.len()).unwrap_or(i64::MAX);
        let magnitude = self.exponent.saturating_add(places - 1);
        self.digits.is_empty() || (self.digits.len() <= MAX_DIGITS && MAGNITUDES.contains(&magnitude))
    }

    /// One spelling for equal numbers.
    #[must_use]
    pub fn canonical(&self) -> String {
        let sign = if self.negative { "-" } else { "" };
        format!("{sign}{}e{}", self.digits, self.exponent)
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// An exponent of more than nine digits is out of every range, and would overflow the sums here.
fn parse_power(text: &str) -> Option<i64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !is_digits(unsigned) || unsigned.len() > 9 {
        return None;
    }
    text.strip_prefix('+').unwrap_or(text).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_numbers_have_one_spelling() {
        let spelled = |text: &str| Decimal::parse(text).unwrap().canonical();
        assert_eq!(spelled("1"), spelled("1.0"));
        assert_eq!(spelled("1200"), spelled("1.2E+3"));
        assert_eq!(spelled("0"), spelled("-0.00"));
        assert_ne!(spelled("1"), spelled("-1"));
        assert_ne!(spelled("1"), spelled("10"));
    }

    #[test]
    fn what_dynamodb_cannot_keep() {
        for number in ["1e126", "1e-131", "123456789012345678901234567890123456789", "1e999999999"] {
            assert!(Decimal::parse(number).is_some_and(|number| !number.fits_dynamodb()), "{number}");
        }
        assert!(Decimal::parse("1e125").unwrap().fits_dynamodb());
        assert!(Decimal::parse("100000000000000000000000000000000000000000").unwrap().fits_dynamodb());
        assert_eq!(Decimal::parse("1e9999999999"), None);
    }
}
