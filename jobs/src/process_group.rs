//! A command and everything it started, to be killed together. For a caller that runs a user's commands.

use std::io;

use tokio::process::{Child, Command};

/// The process group of a command; killed when this is dropped, unless it is let go. Where there are no process groups, the command
/// alone is killed, by tokio.
#[derive(Debug)]
#[must_use = "dropping it kills the command"]
pub struct Group {
    #[cfg(unix)]
    leader: Option<rustix::process::Pid>,
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
        let group = Self::of(&child);
        Ok((child, group))
    }

    #[cfg(unix)]
    fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self { leader: id.and_then(rustix::process::Pid::from_raw) }
    }

    #[cfg(not(unix))]
    const fn of(_: &Child) -> Self {
        Self {}
    }

    /// Leaves what the command has started running.
    #[cfg_attr(not(unix), expect(clippy::unused_self, reason = "there is no group to let go"))]
    pub fn let_go(self) {
        #[cfg(unix)]
        {
            let mut group = self;
            group.leader = None;
        }
    }
}

#[cfg(unix)]
impl Drop for Group {
    fn drop(&mut self) {
        use rustix::process::{Signal, kill_process_group};

        let Some(leader) = self.leader else { return };
        match kill_process_group(leader, Signal::KILL) {
            // The usual case: no process is left.
            Ok(()) | Err(rustix::io::Errno::SRCH) => {}
            Err(error) => tracing::warn!(%error, "processes that the command started may be left"),
        }
    }
}
