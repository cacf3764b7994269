//! Why a command cannot be started, and what its user can do.

use std::io;
use std::time::Duration;

use runtime::{Context, SegmentError};

/// Between two tries to start a command when the operating system has reached a limit. A choice: commands end at no set moments.
const PAUSE: Duration = Duration::from_millis(200);

/// Does what takes files or processes. Where a limit of the operating system refuses it, it waits until it can be done, for as long as the
/// attempt may take: other commands hold what is missing, and that is no failure of this segment.
pub(super) async fn within_limits<T>(context: &Context, mut begin: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let mut has_warned = false;
    loop {
        let error = match begin() {
            Err(error) if is_limit(&error) => error,
            done => return done,
        };
        if !has_warned {
            let advice = advice(&error).unwrap_or_default();
            tracing::warn!(%error, "a command waits to be started: the system has reached a limit. {advice}");
            has_warned = true;
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = context.cancelled() => return Err(error),
        }
    }
}

/// The error of an attempt whose command could not be started. It is retryable: what is missing may be free again.
pub(super) fn cannot_start(error: &io::Error) -> SegmentError {
    let advice = advice(error).map_or_else(String::new, |advice| format!(". {advice}"));
    SegmentError::retryable(format_args!("the command cannot be started with `sh -c`: {error}{advice}"))
}

/// Whether the operating system has reached a limit.
pub(super) fn is_limit(error: &io::Error) -> bool {
    advice(error).is_some()
}

/// What helps against limits of the operating system, which are met by working on many segments at once; `None` for other errors.
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
    use runtime::testing;
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

    #[tokio::test(start_paused = true)]
    async fn a_limit_of_the_system_is_waited_for_and_any_other_error_is_not() {
        let context = testing::context().build();
        let mut tries = 0;
        let begin = || {
            tries += 1;
            if tries < 5 { Err(Errno::MFILE.into()) } else { Ok(tries) }
        };
        assert_eq!(within_limits(&context, begin).await.unwrap(), 5);
        let missing = within_limits(&context, || Err::<(), _>(Errno::NOENT.into())).await;
        assert_eq!(missing.unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_the_attempt_ends_the_wait() {
        let context = testing::context().build();
        testing::cancel(&context);
        let refused = within_limits(&context, || Err::<(), _>(Errno::AGAIN.into())).await;
        assert!(cannot_start(&refused.unwrap_err()).message().contains("`ulimit -u`"));
    }
}
