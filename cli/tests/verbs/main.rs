//! The verbs, as a user calls them: the program itself, on a data directory of its own.

#![expect(clippy::expect_used, reason = "a test stops at the first surprise")]

mod cancel;
mod damage;
#[cfg(not(feature = "aws"))]
mod deployed;
mod external;
mod finding;
mod hooks;
mod hostile;
mod import;
mod policy;
mod processes;
mod redrive;
mod repair;
mod results;
#[cfg(unix)]
mod serve;
#[cfg(unix)]
mod signals;
mod texts;
mod world;
