//! The signals that end this process: what each stops, and the exit status that a shell expects after it.
//!
//! | signal | the first | the next |
//! |---|---|---|
//! | SIGINT | running segments have two seconds to come to their end, then they are stopped | stops them now; a third ends at once |
//! | SIGTERM, SIGHUP, SIGQUIT | stops running segments now | ends at once |
//!
//! A segment that is stopped has its command ended: SIGTERM, and SIGKILL after its grace. A process that ends at once kills its commands
//! before. A signal that this process's parent had ignored stays ignored, as `nohup` wants it.

use std::process::ExitCode;
use std::sync::mpsc;

use tokio::runtime::Builder;
use tokio::sync::watch;

use crate::output::Output;

/// What a shell adds to a signal's number for the exit status of a process that the signal ended.
const BY_SIGNAL: u8 = 128;

/// What a signal stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stops {
    /// Work that runs in this process.
    Work,
    /// Nothing but the display: another process, or a stack, does the work.
    Display,
}

/// A signal that ends this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// The terminal was closed.
    Hangup = 1,
    /// Ctrl-C.
    Interrupt = 2,
    /// Ctrl-\.
    Quit = 3,
    /// What `kill`, systemd and containers send.
    Terminate = 15,
}

impl Signal {
    /// What a shell expects of a process that it ended.
    const fn exit_status(self) -> u8 {
        BY_SIGNAL + self as u8
    }
}

/// The signals that have come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Received {
    first: Option<Signal>,
    /// Whether running work is to be stopped now.
    is_urgent: bool,
}

/// Whether a signal asked this process to stop.
#[derive(Debug, Clone)]
pub struct Interrupt {
    received: watch::Receiver<Received>,
}

impl Interrupt {
    /// Takes the signals from now on.
    pub fn install(output: &Output, stops: Stops) -> Self {
        let (send, received) = watch::channel(Received::default());
        let output = output.clone();
        let (installed, is_installed) = mpsc::channel();
        // A thread with a runtime of its own: work that holds all of the other's threads can still be stopped.
        std::thread::spawn(move || {
            if let Ok(runtime) = Builder::new_current_thread().enable_io().build() {
                runtime.block_on(listen(&output, stops, &send, installed));
            }
        });
        // An error says that no signal can be taken: then the default holds, and the process simply ends.
        is_installed.recv().unwrap_or_default();
        Self { received }
    }

    /// Whether a signal has come.
    pub fn is_set(&self) -> bool {
        self.received.borrow().first.is_some()
    }

    /// The exit status of a process that a signal has ended; `None` if none has come.
    pub fn exit_code(&self) -> Option<ExitCode> {
        self.received.borrow().first.map(|signal| ExitCode::from(signal.exit_status()))
    }

    /// Returns when a signal comes.
    pub async fn wait(&mut self) {
        self.wait_until(|received| received.first.is_some()).await;
    }

    /// Returns when a signal comes that wants running work stopped now.
    pub async fn urgent(&mut self) {
        self.wait_until(|received| received.is_urgent).await;
    }

    async fn wait_until(&mut self, is_so: impl Fn(&Received) -> bool) {
        if self.received.wait_for(|received| is_so(received)).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

async fn listen(output: &Output, stops: Stops, send: &watch::Sender<Received>, installed: mpsc::Sender<()>) {
    let mut signals = signals::Signals::new();
    drop(installed);
    let first = signals.next().await;
    let is_urgent = first != Signal::Interrupt;
    if stops == Stops::Work {
        output.warn(if is_urgent {
            "stopping: segments that run in this process are stopped; again to end at once"
        } else {
            "stopping: segments that run in this process have 2 s to end, then they are stopped; again to stop them now"
        });
    }
    send.send_replace(Received { first: Some(first), is_urgent });
    signals.next().await;
    if stops == Stops::Work && !is_urgent && local::has_running_commands() {
        output.warn("commands get SIGTERM, and SIGKILL after their grace; again to end at once");
        send.send_replace(Received { first: Some(first), is_urgent: true });
        signals.next().await;
    }
    local::kill_commands();
    exit(first)
}

#[expect(clippy::exit, reason = "the user asked again; whatever is under way is safe to lose")]
fn exit(signal: Signal) -> ! {
    std::process::exit(signal.exit_status().into())
}

#[cfg(unix)]
mod signals {
    use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

    use super::Signal;

    /// The signals that this process takes.
    pub struct Signals {
        hangup: Option<Stream>,
        interrupt: Option<Stream>,
        quit: Option<Stream>,
        terminate: Option<Stream>,
    }

    impl Signals {
        pub fn new() -> Self {
            let ignored = std::fs::read_to_string("/proc/self/status").map_or(0, |status| ignored(&status));
            let take = |kind: SignalKind, number: Signal| {
                let is_ignored = ignored & (1 << (number as u32 - 1)) != 0;
                // One that cannot be taken keeps its default, which ends the process.
                if is_ignored { None } else { signal(kind).ok() }
            };
            Self {
                hangup: take(SignalKind::hangup(), Signal::Hangup),
                interrupt: take(SignalKind::interrupt(), Signal::Interrupt),
                quit: take(SignalKind::quit(), Signal::Quit),
                terminate: signal(SignalKind::terminate()).ok(),
            }
        }

        pub async fn next(&mut self) -> Signal {
            tokio::select! {
                () = received(&mut self.hangup) => Signal::Hangup,
                () = received(&mut self.interrupt) => Signal::Interrupt,
                () = received(&mut self.quit) => Signal::Quit,
                () = received(&mut self.terminate) => Signal::Terminate,
            }
        }
    }

    async fn received(stream: &mut Option<Stream>) {
        match stream {
            Some(stream) => {
                stream.recv().await;
            }
            None => std::future::pending().await,
        }
    }

    /// The mask of ignored signals in a process's status, as Linux shows it (proc(5)).
    fn ignored(status: &str) -> u64 {
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn signals_that_nohup_and_a_script_in_the_background_ignore_are_read() {
            let status = "Name:\tscatterctl\nSigIgn:\t0000000000001007\nSigCgt:\t0\n";
            let mask = ignored(status);
            let is_ignored = |signal: Signal| mask & (1 << (signal as u32 - 1)) != 0;
            assert!(is_ignored(Signal::Hangup) && is_ignored(Signal::Interrupt) && is_ignored(Signal::Quit));
            assert!(!is_ignored(Signal::Terminate));
            assert_eq!(ignored(""), 0);
        }
    }
}

#[cfg(not(unix))]
mod signals {
    use super::Signal;

    pub struct Signals;

    impl Signals {
        pub const fn new() -> Self {
            Self
        }

        pub async fn next(&mut self) -> Signal {
            if tokio::signal::ctrl_c().await.is_err() {
                // It cannot be listened for; its default, to end the process, is still there.
                std::future::pending::<()>().await;
            }
            Signal::Interrupt
        }
    }
}
