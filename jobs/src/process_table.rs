//! The processes of this machine, as Linux shows them in `/proc`.

use std::fs;
use std::path::Path;

/// A process that has not ended: zombies are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    pub id: u32,
    pub parent: u32,
    pub group: u32,
    pub session: u32,
}

/// Every process. `None` where the system does not show them.
pub(crate) fn read() -> Option<Vec<Process>> {
    let entries = fs::read_dir("/proc").ok()?;
    let ids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    // A process may end while it is read.
    let processes: Vec<Process> = ids.filter_map(process).collect();
    (!processes.is_empty()).then_some(processes)
}

fn process(id: u32) -> Option<Process> {
    let stat = fs::read(Path::new("/proc").join(id.to_string()).join("stat")).ok()?;
    parse(id, &String::from_utf8_lossy(&stat))
}

/// `1234 (name) S 1 1234 1234 …`: the name may have spaces and brackets in it (proc(5)).
fn parse(id: u32, stat: &str) -> Option<Process> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let is_over = matches!(fields.next()?, "Z" | "X" | "x");
    let mut number = || fields.next()?.parse().ok();
    let (parent, group, session) = (number()?, number()?, number()?);
    (!is_over).then_some(Process { id, parent, group, session })
}

/// The value of a variable in the environment that a process was started with. `None` also where another user's process hides it.
pub(crate) fn variable(id: u32, name: &str) -> Option<String> {
    let environment = fs::read(Path::new("/proc").join(id.to_string()).join("environ")).ok()?;
    let mut variables = environment.split(|byte| *byte == 0);
    variables.find_map(|variable| {
        let value = variable.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
        String::from_utf8(value.to_vec()).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_is_read_and_a_zombie_is_none() {
        let process = Process { id: 7, parent: 1, group: 5, session: 3 };
        assert_eq!(parse(7, "7 (a) b)) S 1 5 3 0 -1 4194304"), Some(process));
        assert_eq!(parse(7, "7 (sh) Z 1 5 3 0 -1"), None);
        assert_eq!(parse(7, "7 (sh)"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_is_in_the_table_with_its_environment() {
        let this = std::process::id();
        assert!(read().unwrap().iter().any(|process| process.id == this));
        assert_eq!(variable(this, "PATH"), std::env::var("PATH").ok());
        assert_eq!(variable(this, "PAT"), None);
    }
}
