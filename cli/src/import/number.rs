//! Numbers as text: which text is one, and whether `DynamoDB` keeps it exactly.

/// Digits that `DynamoDB` keeps.
const MAX_DIGITS: usize = 38;
/// The powers of ten of the smallest and largest number it keeps.
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
    /// Reads a number of JSON's grammar.
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
    pub fn fits(&self) -> bool {
        let places = i64::try_from(self.digits.len()).unwrap_or(i64::MAX);
        let magnitude = self.exponent.saturating_add(places - 1);
        self.digits.is_empty() || (self.digits.len() <= MAX_DIGITS && MAGNITUDES.contains(&magnitude))
    }

    /// One spelling for equal numbers.
    pub fn canonical(&self) -> String {
        let sign = if self.negative { "-" } else { "" };
        format!("{sign}{}e{}", self.digits, self.exponent)
    }
}

/// Whether a cell of a CSV file is a number. What merely looks like one stays text: `007` and `+1` are codes or telephone
/// numbers, and `12E4` is an article number more often than 120,000.
pub fn is_number_cell(cell: &str) -> bool {
    let digits = cell.bytes().filter(u8::is_ascii_digit).count();
    digits <= MAX_DIGITS && !cell.contains(['e', 'E']) && Decimal::parse(cell).is_some_and(|number| number.fits())
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// An exponent of more than nine digits is out of anybody's range, and would overflow the sums here.
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
    fn cells_that_are_numbers() {
        let longest = "9".repeat(38);
        for number in ["0", "-1", "10", "34.93998", "1.50", "-0.5", &longest] {
            assert!(is_number_cell(number), "{number}");
        }
    }

    #[test]
    fn cells_that_only_look_like_numbers() {
        let too_long = "9".repeat(39);
        for text in ["", "007", "+1", "12E4", "1e5", ".5", "5.", "1,000", " 1", "0x1f", "NaN", "-", "1.2.3", &too_long]
        {
            assert!(!is_number_cell(text), "{text}");
        }
    }

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
            assert!(Decimal::parse(number).is_some_and(|number| !number.fits()), "{number}");
        }
        assert!(Decimal::parse("1e125").unwrap().fits());
        assert!(Decimal::parse("100000000000000000000000000000000000000000").unwrap().fits());
        assert_eq!(Decimal::parse("1e9999999999"), None);
    }
}
