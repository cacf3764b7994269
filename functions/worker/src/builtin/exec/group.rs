//! A command and everything it started, to be killed together.

use tokio::process::Child;

/// The process group of a command; killed when this is dropped. Where there are no process groups, the command alone
/// is killed, by tokio.
#[derive(Debug)]
pub(super) struct Group {
    #[cfg(unix)]
    leader: Option<rustix::process::Pid>,
}

#[cfg(unix)]
impl Group {
    /// The group that the child was started as the leader of.
    pub fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self { leader: id.and_then(rustix::process::Pid::from_raw) }
    }
}

#[cfg(unix)]
impl Drop for Group {
    fn drop(&mut self) {
        use rustix::process::{Signal, kill_process_group};

        let Some(leader) = self.leader else { return };
        match kill_process_group(leader, Signal::KILL) {
            // The usual case: nobody is left.
            Ok(()) | Err(rustix::io::Errno::SRCH) => {}
            Err(error) => tracing::warn!(%error, "processes that the command started may be left"),
        }
    }
}

#[cfg(not(unix))]
impl Group {
    pub fn of(_: &Child) -> Self {
        Self {}
    }
}
