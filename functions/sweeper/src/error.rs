//! Why something that is due could not be looked after. It stays due, and the next sweep tries again.

use control_table::Error;
use gather::SettleError;
use scatter::{DispatchError, ScatterError};

/// A failed step of a sweep.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// The control table.
    #[error(transparent)]
    Table(#[from] Error),
    /// Records could not be put.
    #[error(transparent)]
    Dispatch(#[from] DispatchError),
    /// A scatter could not go on.
    #[error(transparent)]
    Scatter(#[from] ScatterError),
    /// A completion could not be made or published.
    #[error(transparent)]
    Settle(#[from] SettleError),
}
