//! The HTTP API of executions, and the console: one router, which a function in Lambda and `scatterctl console` serve.
//!
//! # Layout
//! - [`view`]: what callers are shown; `scatterctl --json` prints the same types
//! - [`router`]: the API under `/api/v1`, of the [`Parts`] that it is given; `endpoint`: one file a family
//! - [`Machine`]: what only one machine knows: the output of attempts, processes, the queue
//! - [`console`]: the API for the holder of a token, and the pages beside it, on one machine
//! - `request`: paths, queries and bodies, read strictly; `cursor`: where the next page begins; `problem`: what a caller gets instead of
//!   an answer
//! - `answer`: operations that may take longer than a caller waits
//! - `headers`: what every answer says to a browser
//! - `read`: bounded reads that several endpoints share

mod answer;
#[cfg(feature = "console")]
pub mod console;
mod cursor;
mod endpoint;
mod headers;
mod machine;
mod parts;
mod problem;
mod read;
mod request;
mod router;
pub mod view;

pub use self::machine::{AttemptOutput, Machine, MachineError, Now, Process, RunningSegment};
pub use self::parts::{CommandLine, Parts, Place};
pub use self::problem::Problem;
pub use self::router::{description, router};
