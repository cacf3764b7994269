//! **recount**: the rows are the truth. What tallies and execution have to be is counted from them, and compared.

mod difference;

pub use self::difference::Difference;
