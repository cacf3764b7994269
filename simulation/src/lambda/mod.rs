//! Lambda: the account's concurrency, a function's environments, timeouts, and asynchronous invocations.

mod account;
mod function;

pub use self::account::{Account, Place};
pub use self::function::{Function, InvocationError, Turn};
