//! A deployed stack, as `scatterctl --stack NAME` sees it.
//!
//! An execution is started by the stack's own scatter function, and worked on by its functions alone. What an operator asks beside that
//! (a cancel, a redrive, a repair, external segments) is carried out by this process on the stack's table, stream or queue,
//! and bus, by the same code as in the functions and with the caller's credentials; if this process ends, the sweeper continues it.
//!
//! # Layout
//! - [`Deployed::connect`]: finds a stack, and takes its parts
//! - `outputs`: what a stack says of its parts
//! - [`Deployed::scatter`]: invokes the scatter function
//! - [`Deployed::wake`]: invokes the sweeper, ahead of its schedule
//! - `operate`: what people ask beside that
//! - [`Deployed::finished`]: waits for an execution's end

mod connect;
mod error;
mod invoke;
mod operator;
mod outputs;
mod scatter_function;
mod wait;

pub use self::connect::Deployed;
pub use self::error::{DeployedError, FunctionError};
pub use self::outputs::Outputs;
