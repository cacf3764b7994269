//! Ctrl-C: once to stop in good order, twice to stop at once.

use tokio::runtime::Builder;
use tokio::sync::watch;

use crate::output::Output;

/// What a shell expects of a process that was interrupted.
const INTERRUPTED: i32 = 130;

/// Whether a signal asked this process to stop.
#[derive(Debug, Clone)]
pub struct Interrupt {
    stopped: watch::Receiver<bool>,
}

impl Interrupt {
    /// Takes Ctrl-C, and the signal to terminate, from now on.
    pub fn install(output: &Output) -> Self {
        let (stop, stopped) = watch::channel(false);
        let output = output.clone();
        // A thread with a runtime of its own: work that holds all of the other's threads can still be stopped.
        std::thread::spawn(move || {
            if let Ok(runtime) = Builder::new_current_thread().enable_io().build() {
                runtime.block_on(listen(&output, &stop));
            }
        });
        Self { stopped }
    }

    /// Whether a signal has come.
    pub fn is_set(&self) -> bool {
        *self.stopped.borrow()
    }

    /// Ends when a signal comes.
    pub async fn wait(&mut self) {
        if self.stopped.wait_for(|stopped| *stopped).await.is_err() {
            // No signal can be taken here: then the default holds, and the process simply ends.
            std::future::pending::<()>().await;
        }
    }
}

async fn listen(output: &Output, stop: &watch::Sender<bool>) {
    signal().await;
    output.warn("stopping; again to stop at once, which loses nothing either");
    stop.send_replace(true);
    signal().await;
    exit();
}

#[expect(clippy::exit, reason = "the user asked twice; whatever is under way is safe to lose")]
fn exit() -> ! {
    std::process::exit(INTERRUPTED)
}

#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return wait_for_ctrl_c().await;
    };
    tokio::select! {
        () = wait_for_ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(not(unix))]
async fn signal() {
    wait_for_ctrl_c().await;
}

async fn wait_for_ctrl_c() {
    if tokio::signal::ctrl_c().await.is_err() {
        // It cannot be listened for; its default, to end the process, is still there.
        std::future::pending::<()>().await;
    }
}
