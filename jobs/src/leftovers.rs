//! What the commands of a process that was killed have left running. Its environment says whose it is, so it is found wherever it
//! went: in the background, in another process group, in a session of its own. Only a process that cleared its environment and whose
//! parents have all ended cannot be found. Works where the system shows its processes in `/proc`; elsewhere nothing is found.

use std::time::Duration;

use tokio::process::Command;
use tokio::time::{Instant, sleep};

use crate::process_table::{self, Process};

/// The variable in a command's environment that names the process that started it.
const VARIABLE: &str = "SCATTER_GATHER_PROCESS";

/// The variable that names the execution.
pub(crate) const EXECUTION: &str = "EXECUTION_ID";

/// Between two looks at what is left.
const LOOK: Duration = Duration::from_millis(50);

/// How long killed processes are waited for: one that waits for a broken disk may take long.
const KILLED_WAIT: Duration = Duration::from_secs(5);

/// What a command is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A segment's work: nothing of it outlives its attempt.
    Segment,
    /// A hook: what it leaves in the background when it ends is the user's, and stays.
    Hook,
}

impl Purpose {
    fn value(self, owner: &str) -> String {
        match self {
            Self::Segment => owner.to_owned(),
            Self::Hook => format!("hook:{owner}"),
        }
    }
}

/// Has the command carry the name of the process that starts it.
pub fn mark(command: &mut Command, owner: &str, purpose: Purpose) {
    command.env(VARIABLE, purpose.value(owner));
}

/// Ends what the commands of that process have left: SIGTERM, and SIGKILL after the grace. The caller makes sure that the process itself
/// has ended.
pub async fn end(owner: &str, grace: Duration) -> Ended {
    let begun = Instant::now();
    // Once: what a command starts after its SIGTERM is its way to clean up.
    let found = left_by_owner(owner);
    for &id in &found {
        signal(id, Kind::Terminate);
    }
    let mut left = found.len();
    while left > 0 && begun.elapsed() < grace + KILLED_WAIT {
        sleep(LOOK).await;
        let now = left_by_owner(owner);
        left = now.len();
        if begun.elapsed() >= grace {
            for id in now {
                signal(id, Kind::Kill);
            }
        }
    }
    Ended { ended: found.len().saturating_sub(left), left }
}

/// Whether a command of that process is at work for the execution.
#[must_use]
pub fn is_at_work(owner: &str, execution: &str) -> bool {
    let owner = Purpose::Segment.value(owner);
    let has = |process: &Process, name, value: &str| {
        process_table::variable(process.id, name).is_some_and(|variable| variable == value)
    };
    let table = process_table::read().unwrap_or_default();
    table.iter().any(|process| has(process, VARIABLE, &owner) && has(process, EXECUTION, execution))
}

fn left_by_owner(owner: &str) -> Vec<u32> {
    let (segment, hook) = (Purpose::Segment.value(owner), Purpose::Hook.value(owner));
    let table = process_table::read().unwrap_or_default();
    left_by(&table, std::process::id(), |id| match process_table::variable(id, VARIABLE)? {
        value if value == segment => Some(Purpose::Segment),
        value if value == hook => Some(Purpose::Hook),
        _ => None,
    })
}

/// How the processes ended that were left.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ended {
    /// Processes that have ended.
    pub ended: usize,
    /// Processes that could not be ended: another user's, or those that wait for a device.
    pub left: usize,
}

/// The marked processes, with everything in their groups and everything that they started. Never this process, what it descends from, or
/// its group: a command may have started it.
fn left_by(table: &[Process], this: u32, purpose: impl Fn(u32) -> Option<Purpose>) -> Vec<u32> {
    let own_group = table.iter().find(|process| process.id == this).map(|process| process.group);
    let ancestors = ancestors(table, this);
    let may_end = |process: &Process| Some(process.group) != own_group && !ancestors.contains(&process.id);
    let mut left: Vec<&Process> = table
        .iter()
        .filter(|process| match purpose(process.id) {
            Some(Purpose::Segment) => true,
            // Its command, as long as it runs: the leader of a group in the session of the process that started it.
            Some(Purpose::Hook) => process.id == process.group && process.session != process.id,
            None => false,
        })
        .filter(|process| may_end(process))
        .collect();
    // Each round finds the next generation of processes; there are no more generations than processes.
    for _ in 0..table.len() {
        let more: Vec<&Process> = table
            .iter()
            .filter(|process| !left.iter().any(|known| known.id == process.id))
            .filter(|process| left.iter().any(|known| known.id == process.parent || known.group == process.group))
            .filter(|process| may_end(process))
            .collect();
        if more.is_empty() {
            break;
        }
        left.extend(more);
    }
    left.into_iter().map(|process| process.id).collect()
}

/// The process, its parent, and so on.
fn ancestors(table: &[Process], this: u32) -> Vec<u32> {
    let mut ancestors = vec![this];
    while let Some(process) = table.iter().find(|process| ancestors.last() == Some(&process.id)) {
        if ancestors.contains(&process.parent) {
            break;
        }
        ancestors.push(process.parent);
    }
    ancestors
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Terminate,
    Kill,
}

#[cfg(unix)]
fn signal(id: u32, kind: Kind) {
    use rustix::process::{Pid, Signal, kill_process};

    let Some(pid) = i32::try_from(id).ok().and_then(Pid::from_raw) else { return };
    let signals: &[Signal] = match kind {
        // A stopped process takes SIGTERM when it is continued.
        Kind::Terminate => &[Signal::TERM, Signal::CONT],
        Kind::Kill => &[Signal::KILL],
    };
    for signal in signals {
        match kill_process(pid, *signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => {}
            Err(error) => tracing::debug!(%error, pid = id, ?signal, "no signal can be sent"),
        }
    }
}

#[cfg(not(unix))]
const fn signal(_: u32, _: Kind) {}

#[cfg(test)]
mod tests {
    use super::*;

    const fn process(id: u32, parent: u32, group: u32, session: u32) -> Process {
        Process { id, parent, group, session }
    }

    /// 10 is the process that looks, started by 9.
    fn left(others: &[Process], marked: &[(u32, Purpose)]) -> Vec<u32> {
        let table = [&[process(1, 0, 1, 1), process(9, 1, 9, 9), process(10, 9, 10, 9)], others].concat();
        left_by(&table, 10, |id| marked.iter().find(|(marked, _)| *marked == id).map(|(_, purpose)| *purpose))
    }

    #[test]
    fn a_group_and_everything_started_from_it_is_left() {
        let command = [process(20, 1, 20, 9), process(21, 20, 20, 9), process(22, 21, 22, 22), process(30, 1, 30, 9)];
        assert_eq!(left(&command, &[(20, Purpose::Segment)]), [20, 21, 22]);
        assert_eq!(left(&command, &[(22, Purpose::Segment)]), [22], "an orphan in a session of its own");
        assert_eq!(left(&command, &[]), [0_u32; 0]);
    }

    #[test]
    fn the_process_that_looks_and_those_that_started_it_are_never_ended() {
        let marked = [(9, Purpose::Segment), (10, Purpose::Segment), (11, Purpose::Segment)];
        assert_eq!(left(&[process(11, 9, 10, 9)], &marked), [0_u32; 0]);
    }

    #[test]
    fn a_hook_that_has_ended_keeps_what_it_left_in_the_background() {
        let running = [process(20, 1, 20, 9), process(21, 20, 20, 9)];
        assert_eq!(left(&running, &[(20, Purpose::Hook), (21, Purpose::Hook)]), [20, 21]);
        let background = [process(21, 1, 20, 9), process(22, 1, 22, 22)];
        assert_eq!(left(&background, &[(21, Purpose::Hook), (22, Purpose::Hook)]), [0_u32; 0]);
    }
}

#[cfg(all(test, target_os = "linux"))]
mod real_processes {
    use super::*;
    use std::process::Stdio;

    #[tokio::test]
    async fn what_was_left_is_ended_wherever_it_went_and_nothing_else() {
        let owner = format!("test-{}", std::process::id());
        let start = |owner: &str, script: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", script]).stdin(Stdio::null()).stdout(Stdio::piped()).process_group(0);
            mark(&mut command, owner, Purpose::Segment);
            command.spawn().unwrap()
        };
        // One that ignores SIGTERM, and starts another in a session of its own.
        let script = "trap '' TERM; setsid sleep 1000 & echo ready; while :; do sleep 1; done";
        let (mut left, mut other) = (start(&owner, script), start("other", "echo ready; exec sleep 1000"));
        for child in [&mut left, &mut other] {
            let mut ready = [0_u8; 6];
            tokio::io::AsyncReadExt::read_exact(child.stdout.as_mut().unwrap(), &mut ready).await.unwrap();
        }
        // The child is waited for beside: a zombie is nothing that is left.
        let (ended, status) = tokio::join!(end(&owner, Duration::from_millis(200)), left.wait());
        assert!(ended.ended >= 2 && ended.left == 0, "{ended:?}");
        assert!(!status.unwrap().success());
        assert!(other.try_wait().unwrap().is_none());
        other.kill().await.unwrap();
        assert_eq!(end(&owner, Duration::ZERO).await, Ended::default());
    }
}
