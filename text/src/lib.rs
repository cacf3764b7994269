//! Text that people bring from other systems: every file, pipe and argument is read here, and nowhere else.
//!
//! # Layout
//! - [`Text`]: a file or standard input, decompressed, in an encoding that was recognised
//! - [`Lines`]: its lines; [`Records`]: its rows, if it is CSV; [`document`]: all of it, if it is one document
//! - [`Json`]: one JSON value, with its numbers as they are written
//! - [`Decimal`]: a number as text
//! - [`TextError`]: what is wrong, in which file, line and column, and what to do
//!
//! # What is refused
//! Whatever could make a row vanish or a value change without a word: an open quotation mark, text behind a closing one, a NUL, a
//! lone carriage return, bytes that are not UTF-8, a JSON name that comes twice, a number that a 64-bit float would change.
//! Accepted everywhere: a byte-order mark at the beginning, line ends of either kind, a last line without one, gzip.

mod decimal;
mod document;
mod error;
mod json;
mod lines;
mod open;
mod records;

pub use self::decimal::Decimal;
pub use self::document::document;
pub use self::error::{Place, Problem, TextError};
pub use self::json::{Json, JsonError, json_value};
pub use self::lines::{Line, Lines};
pub use self::open::{STDIN, Text};
pub use self::records::{Record, Records};
