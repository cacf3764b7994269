//! The environment variables of a function.

use std::env;
use std::fmt;

/// A function cannot start without this variable.
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

/// Reads a required variable; an empty one counts as missing. Logs the error itself, because Lambda prints the error of `main` with
/// `Debug`, so call [`init`](crate::telemetry::init) first.
pub fn variable(name: &'static str) -> Result<String, Missing> {
    let value = env::var(name).ok().filter(|value| !value.is_empty());
    value.ok_or(Missing { variable: name }).inspect_err(|error| tracing::error!(%error, "the function cannot start"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_variable_is_named() {
        // Cargo sets it for every test.
        assert_eq!(variable("CARGO_PKG_NAME").as_deref(), Ok("scatter-gather-functions"));
        let error = variable("NO_SUCH_VARIABLE").unwrap_err().to_string();
        assert!(error.starts_with("NO_SUCH_VARIABLE is not set: "), "{error}");
    }
}
