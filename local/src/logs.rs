//! The output of commands, as `exec` has kept it in a data directory.

use std::fs::{DirEntry, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use control_table::id::ExecutionId;
use uuid::Uuid;

/// The folder in a data directory.
const FOLDER: &str = "logs";

/// The output of one attempt.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AttemptLog {
    /// The segment's index.
    pub segment: u64,
    /// The generation.
    pub generation: u32,
    /// The attempt in it, from 1.
    pub attempt: u32,
    /// The file.
    pub path: PathBuf,
}

/// The output of a hook, at its last try.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct HookLog {
    /// The field of the job that names the command, such as `on_complete`.
    pub hook: String,
    /// The event that it was run for.
    pub event_id: Uuid,
    /// The file.
    pub path: PathBuf,
}

/// The folder of all executions' output.
pub(crate) fn folder(data_dir: &Path) -> PathBuf {
    data_dir.join(FOLDER)
}

/// What is in a folder: nothing, if the folder is not there.
fn entries(folder: &Path) -> io::Result<impl Iterator<Item = io::Result<DirEntry>> + use<>> {
    match std::fs::read_dir(folder) {
        Ok(entries) => Ok(Some(entries).into_iter().flatten()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None.into_iter().flatten()),
        Err(error) => Err(error),
    }
}

/// The attempts at an execution's segments that have printed something, in order.
///
/// # Errors
/// When the folder cannot be read.
pub fn attempts_of(data_dir: &Path, execution_id: ExecutionId) -> io::Result<Vec<AttemptLog>> {
    let mut logs = Vec::new();
    for entry in entries(&folder(data_dir).join(execution_id.to_string()))? {
        logs.extend(read_name(entry?.path()));
    }
    logs.sort();
    Ok(logs)
}

/// What an attempt or a hook has printed, from the end at most `limit` bytes, and whether its beginning is left out. Bytes that are no
/// UTF-8 are replaced by a mark.
///
/// # Errors
/// When the file cannot be read.
pub fn tail(path: &Path, limit: u64) -> io::Result<(String, bool)> {
    let mut file = File::open(path)?;
    let from = file.metadata()?.len().saturating_sub(limit);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    // One that grows meanwhile has more than its length said.
    file.take(limit).read_to_end(&mut bytes)?;
    Ok((String::from_utf8_lossy(&bytes).into_owned(), from > 0))
}

/// `<index>.<generation>.<attempt>.log`
fn read_name(path: PathBuf) -> Option<AttemptLog> {
    let name = path.file_name()?.to_str()?.strip_suffix(".log")?;
    let mut parts = name.split('.');
    let (segment, generation, attempt) = (parts.next()?, parts.next()?, parts.next()?);
    Some(AttemptLog {
        segment: segment.parse().ok()?,
        generation: generation.parse().ok()?,
        attempt: attempt.parse().ok()?,
        path,
    })
}

/// The hooks of an execution that have printed something, in order of their names.
///
/// # Errors
/// When the folder cannot be read.
pub fn hooks_of(data_dir: &Path, execution_id: ExecutionId) -> io::Result<Vec<HookLog>> {
    let mut logs = Vec::new();
    for entry in entries(&folder(data_dir).join(execution_id.to_string()))? {
        logs.extend(read_hook_name(entry?.path()));
    }
    logs.sort();
    Ok(logs)
}

/// `<hook>.<event>.log`
fn read_hook_name(path: PathBuf) -> Option<HookLog> {
    let (hook, event) = path.file_name()?.to_str()?.strip_suffix(".log")?.split_once('.')?;
    Some(HookLog { hook: hook.to_owned(), event_id: event.parse().ok()?, path })
}

/// The file for the output of a hook.
pub(crate) fn hook_file(data_dir: &Path, execution_id: ExecutionId, hook: &str, event_id: Uuid) -> PathBuf {
    folder(data_dir).join(execution_id.to_string()).join(format!("{hook}.{event_id}.log"))
}

/// The executions that have output.
pub(crate) fn executions(data_dir: &Path) -> io::Result<Vec<ExecutionId>> {
    let ids = entries(&folder(data_dir))?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    Ok(ids.collect())
}

/// Deletes the output of an execution that is gone.
pub(crate) fn delete(data_dir: &Path, execution_id: ExecutionId) -> io::Result<()> {
    std::fs::remove_dir_all(folder(data_dir).join(execution_id.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_output_the_end_is_shown() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.log");
        std::fs::write(&path, b"one\ntwo\xff").unwrap();
        assert_eq!(tail(&path, 100).unwrap(), ("one\ntwo\u{fffd}".to_owned(), false));
        assert_eq!(tail(&path, 5).unwrap(), ("\ntwo\u{fffd}".to_owned(), true));
    }

    #[test]
    fn attempts_are_in_order_and_other_files_are_passed_over() {
        let directory = tempfile::tempdir().unwrap();
        let id: ExecutionId = "0193a5b0-3c1e-7d2f-8a4b-5c6d7e8f9a0b".parse().unwrap();
        assert_eq!(attempts_of(directory.path(), id).unwrap(), []);
        let own = folder(directory.path()).join(id.to_string());
        std::fs::create_dir_all(&own).unwrap();
        for name in ["10.1.1.log", "2.1.2.log", "2.1.1.log", "notes.txt", "x.1.1.log"] {
            std::fs::write(own.join(name), "").unwrap();
        }
        let found = attempts_of(directory.path(), id).unwrap();
        let found: Vec<_> = found.iter().map(|log| (log.segment, log.generation, log.attempt)).collect();
        assert_eq!(found, [(2, 1, 1), (2, 1, 2), (10, 1, 1)]);
        let hook = hook_file(directory.path(), id, "on_complete", Uuid::nil());
        std::fs::write(&hook, "").unwrap();
        let hooks = hooks_of(directory.path(), id).unwrap();
        assert_eq!(hooks, [HookLog { hook: "on_complete".to_owned(), event_id: Uuid::nil(), path: hook }]);
        assert_eq!(attempts_of(directory.path(), id).unwrap().len(), 3);
        assert_eq!(executions(directory.path()).unwrap(), [id]);
        delete(directory.path(), id).unwrap();
        assert_eq!(executions(directory.path()).unwrap(), []);
    }
}
