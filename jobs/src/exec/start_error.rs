//! Why a command could not be started, and what its user can do.

use std::io;

use runtime::SegmentError;

/// The error of an attempt whose command could not be started. It is retryable: what is missing may be free again.
pub(super) fn cannot_start(error: &io::Error) -> SegmentError {
    let advice = advice(error).map_or_else(String::new, |advice| format!(". {advice}"));
    SegmentError::retryable(format_args!("the command cannot be started with `sh -c`: {error}{advice}"))
}

/// What helps against limits of the operating system, which are met by working on many segments at once.
#[cfg(unix)]
fn advice(error: &io::Error) -> Option<&'static str> {
    use rustix::io::Errno;
    match Errno::from_io_error(error)? {
        Errno::MFILE | Errno::NFILE => Some("Work on fewer segments at once (--workers), or raise `ulimit -n`"),
        Errno::AGAIN | Errno::NOMEM => Some("Work on fewer segments at once (--workers), or raise `ulimit -u`"),
        _ => None,
    }
}

#[cfg(not(unix))]
const fn advice(_: &io::Error) -> Option<&'static str> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use rustix::io::Errno;

    #[test]
    fn a_limit_of_the_system_is_named_with_what_raises_it() {
        for (errno, words) in
            [(Errno::MFILE, "`ulimit -n`"), (Errno::AGAIN, "`ulimit -u`"), (Errno::NOENT, "No such file")]
        {
            let error = cannot_start(&io::Error::from(errno));
            assert!(error.is_retryable() && error.message().contains(words), "{error}");
        }
    }
}
