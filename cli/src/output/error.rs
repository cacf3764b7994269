//! What can go wrong with printing.

use std::io;

/// Standard output could not be written.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The reader closed the pipe, as `head` does. Not an error for the user.
    #[error("the output's reader has closed it")]
    Closed,
    /// Anything else: a full disk, for example.
    #[error("cannot write the output")]
    Io(#[source] io::Error),
    /// An answer that has no JSON.
    #[error("cannot write the answer as JSON")]
    Json(#[from] serde_json::Error),
}

impl From<io::Error> for OutputError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe { Self::Closed } else { Self::Io(error) }
    }
}
