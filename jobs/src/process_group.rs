//! A command and everything it started, to be ended together. For a caller that runs a user's commands.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::process::{Child, Command};

/// How long a command may take to end after SIGTERM, if its job does not say: what `docker stop` and Kubernetes give at least.
pub const KILL_GRACE: Duration = Duration::from_secs(10);

/// The longest grace that a job may choose: a third of the time of an attempt on one machine, which the grace is taken from.
pub const KILL_GRACE_MAX: Duration = Duration::from_mins(5);

/// Between two looks at what is left of a group after SIGTERM.
#[cfg(unix)]
const LOOK: Duration = Duration::from_millis(20);

/// The leaders of this process's groups, for [`kill_all`]. Groups are the system's, and so is this list of them this process's: no
/// caller can have another.
static LEADERS: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

fn leaders() -> MutexGuard<'static, BTreeSet<u32>> {
    LEADERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a command of this process runs.
#[must_use]
pub fn has_running() -> bool {
    !leaders().is_empty()
}

/// Kills every command of this process with its group, for a process that ends at once.
pub fn kill_all() {
    for leader in std::mem::take(&mut *leaders()) {
        kill(leader);
    }
}

/// The process group of a command; killed when this is dropped, unless it is let go. Where there are no process groups, the command
/// alone is killed, by tokio.
#[derive(Debug)]
#[must_use = "dropping it kills the command"]
pub struct Group {
    leader: Option<u32>,
}

impl Group {
    /// Starts the command as the leader of a group of its own.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(command: &mut Command) -> io::Result<(Child, Self)> {
        // The group's guard kills; this has the killed process waited for, so that it does not stay as a zombie.
        command.kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0);
        let child = command.spawn()?;
        let leader = child.id();
        leaders().extend(leader);
        Ok((child, Self { leader }))
    }

    /// Ends the command: SIGTERM to its group, and SIGKILL to what is left of it after the grace.
    pub async fn terminate(self, child: &mut Child, grace: Duration) {
        #[cfg(unix)]
        if let Some(leader) = self.leader {
            use rustix::process::Signal;

            signal(leader, Signal::TERM);
            // A stopped process takes no other signal.
            signal(leader, Signal::CONT);
            let ended = async {
                // The caller waits for the status again.
                drop(child.wait().await);
                while is_running(leader) {
                    tokio::time::sleep(LOOK).await;
                }
            };
            // Either way, dropping the group kills what is left.
            drop(tokio::time::timeout(grace, ended).await);
        }
        #[cfg(not(unix))]
        drop((child.start_kill(), grace));
    }

    /// Leaves what the command has started running.
    pub fn let_go(mut self) {
        if let Some(leader) = self.leader.take() {
            leaders().remove(&leader);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.leader
            && leaders().remove(&leader)
        {
            kill(leader);
        }
    }
}

#[cfg(unix)]
fn kill(leader: u32) {
    signal(leader, rustix::process::Signal::KILL);
}

/// tokio kills the command itself.
#[cfg(not(unix))]
const fn kill(_: u32) {}

#[cfg(unix)]
fn pid(leader: u32) -> Option<rustix::process::Pid> {
    rustix::process::Pid::from_raw(i32::try_from(leader).ok()?)
}

#[cfg(unix)]
fn signal(leader: u32, signal: rustix::process::Signal) {
    let Some(leader) = pid(leader) else { return };
    match rustix::process::kill_process_group(leader, signal) {
        // No process is left: the usual case.
        Ok(()) | Err(rustix::io::Errno::SRCH) => {}
        Err(error) => tracing::warn!(%error, ?leader, "processes that the command started may be left"),
    }
}

/// Whether a process of the group is left that can still do something. One that has ended may stay in its group for as long as its
/// parent does not ask for it, in a container even for ever.
#[cfg(unix)]
fn is_running(leader: u32) -> bool {
    let is_group = pid(leader).is_some_and(|leader| rustix::process::test_kill_process_group(leader).is_ok());
    is_group && crate::process_table::read().is_none_or(|table| table.iter().any(|process| process.group == leader))
}
