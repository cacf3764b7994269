//! What the environment says to a function.

use std::env;
use std::fmt;

/// A function cannot start, because nothing says what it has to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The variable.
    pub variable: &'static str,
}

impl fmt::Display for Missing {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { variable } = self;
        write!(out, "{variable} is not set: give the function that environment variable, as infra/template.yaml does")
    }
}

impl std::error::Error for Missing {}

/// What that variable says. That it says nothing is logged here, because the error that `main` returns is printed for
/// programmers; so [`init`](crate::telemetry::init) comes first.
pub fn variable(name: &'static str) -> Result<String, Missing> {
    let value = env::var(name).ok().filter(|value| !value.is_empty());
    value.ok_or(Missing { variable: name }).inspect_err(|error| tracing::error!(%error, "the function cannot start"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_what_it_says_or_an_error_with_its_name() {
        // Cargo sets it for every test.
        assert_eq!(variable("CARGO_PKG_NAME").as_deref(), Ok("telemetry"));
        let error = variable("NOBODY_SETS_THIS").unwrap_err().to_string();
        assert!(error.starts_with("NOBODY_SETS_THIS is not set: "), "{error}");
    }
}
