//! What the HTTP API needs of this machine.

mod machine;
mod operator;

pub use self::machine::ThisMachine;
pub use self::operator::StartsWhenAsked;
