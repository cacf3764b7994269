//! Which cells of a CSV file are numbers, and which of them a number does not keep as they are written.

use text::Decimal;

/// Digits that `DynamoDB` keeps (quota).
const MAX_DIGITS: usize = 38;

/// Whether a cell of a CSV file is a number. What merely looks like one stays text: `007` and `+1` are codes or telephone
/// numbers, and `12E4` is an article number more often than 120,000.
pub fn is_number_cell(cell: &str) -> bool {
    let digits = cell.bytes().filter(u8::is_ascii_digit).count();
    digits <= MAX_DIGITS
        && !cell.contains(['e', 'E'])
        && Decimal::parse(cell).is_some_and(|number| number.fits_dynamodb())
}

/// Whether `DynamoDB` spells this number cell in another way: it keeps the number 1.10 as 1.1, and -0 as 0.
pub fn is_respelled(cell: &str) -> bool {
    (cell.contains('.') && cell.ends_with('0'))
        || (cell.starts_with('-') && Decimal::parse(cell) == Decimal::parse("0"))
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
    fn numbers_that_dynamodb_spells_in_another_way() {
        for cell in ["1.10", "0.0", "-0", "-0.00", "19.990"] {
            assert!(is_respelled(cell), "{cell}");
        }
        for cell in ["1.1", "100", "-10", "0", "1.01", "-0.5"] {
            assert!(!is_respelled(cell), "{cell}");
        }
    }
}
