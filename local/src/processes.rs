//! The processes of a data directory. Each holds a lock on a file while it lives, so that its death is seen at once, also after
//! `kill -9`.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use control_table::store::sqlite::ProcessId;

use crate::data_dir::{self, DataDirError};

/// The folder of the lock files in a data directory.
const FOLDER: &str = "processes";

/// The longest content of a lock file that is read: two numbers.
const CONTENT_BYTES: u64 = 64;

/// This process, registered in a data directory until the value is dropped, or the process ends in any way.
#[derive(Debug)]
pub struct Registration {
    path: PathBuf,
    lock: File,
}

impl Registration {
    /// Registers this process under that ID.
    ///
    /// # Errors
    /// When the folder or the lock file cannot be written.
    pub fn new(data_dir: &Path, id: ProcessId) -> Result<Self, DataDirError> {
        let folder = data_dir.join(FOLDER);
        let unusable = |path: &Path, source| DataDirError::Unusable { path: path.to_owned(), source };
        data_dir::make(&folder)?;
        let path = folder.join(id.to_string());
        let lock =
            OpenOptions::new().write(true).create_new(true).open(&path).map_err(|source| unusable(&path, source))?;
        // No other process knows the ID yet, so this does not wait.
        lock.lock().map_err(|source| unusable(&path, source))?;
        let registration = Self { path, lock };
        registration.beat(0)?;
        Ok(registration)
    }

    /// A sign of life: a number other than the last one. A process that holds its lock and gives none hangs.
    ///
    /// # Errors
    /// When the lock file cannot be written.
    pub fn beat(&self, beat: u64) -> Result<(), DataDirError> {
        // Of the same length each time, so that a reader never sees the end of an older one.
        let content = format!("{}\n{beat:020}\n", std::process::id());
        let mut lock = &self.lock;
        let written = lock.seek(SeekFrom::Start(0)).and_then(|_| lock.write_all(content.as_bytes()));
        written.map_err(|source| DataDirError::Unusable { path: self.path.clone(), source })
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        // A file that stays is harmless: its lock is gone with this process.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// The processes that are registered in a data directory, in the order in which they were started; also those that were killed, whose
/// files stay.
///
/// # Errors
/// When the folder cannot be read.
pub fn registered(data_dir: &Path) -> Result<Vec<ProcessId>, DataDirError> {
    let folder = data_dir.join(FOLDER);
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(DataDirError::Unusable { path: folder, source }),
    };
    let mut processes: Vec<ProcessId> =
        entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    processes.sort_unstable();
    Ok(processes)
}

/// A process of a data directory, as another process sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Life {
    /// It lives.
    Alive {
        /// Its number, as it wrote it down, or "unknown".
        pid: String,
        /// Its last sign of life.
        beat: String,
    },
    /// It has ended, and none of its workers lives.
    Ended,
}

/// Whether that process lives.
///
/// # Errors
/// When its lock file cannot be read or locked.
pub fn life_of(data_dir: &Path, id: ProcessId) -> Result<Life, DataDirError> {
    let path = data_dir.join(FOLDER).join(id.to_string());
    let unusable = |source| DataDirError::Unusable { path: path.clone(), source };
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Life::Ended),
        Err(error) => return Err(unusable(error)),
    };
    // Shared: of two processes that look at the same time, neither takes the other for the one that lives.
    match file.try_lock_shared() {
        Ok(()) => Ok(Life::Ended),
        Err(TryLockError::WouldBlock) => {
            let mut content = String::new();
            // What cannot be read is a process that lives all the same: its lock says so.
            let _ = std::io::Read::by_ref(&mut file).take(CONTENT_BYTES).read_to_string(&mut content);
            let mut lines = content.lines().map(str::to_owned);
            let pid = lines.next().filter(|pid| !pid.is_empty()).unwrap_or_else(|| "unknown".to_owned());
            Ok(Life::Alive { pid, beat: lines.next().unwrap_or_default() })
        }
        Err(TryLockError::Error(source)) => Err(unusable(source)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_process_lives_until_its_registration_ends() {
        let directory = tempfile::tempdir().unwrap();
        let id = ProcessId::new(Uuid::from_u128(7));
        assert_eq!(life_of(directory.path(), id).unwrap(), Life::Ended, "it never was");
        assert_eq!(registered(directory.path()).unwrap(), []);
        let registration = Registration::new(directory.path(), id).unwrap();
        assert_eq!(registered(directory.path()).unwrap(), [id]);
        for beat in [0, 7, u64::MAX] {
            registration.beat(beat).unwrap();
            for _ in 0..2 {
                let alive = Life::Alive { pid: std::process::id().to_string(), beat: format!("{beat:020}") };
                assert_eq!(life_of(directory.path(), id).unwrap(), alive);
            }
        }
        drop(registration);
        assert_eq!(life_of(directory.path(), id).unwrap(), Life::Ended);
    }

    #[test]
    fn a_lock_file_that_is_left_by_a_killed_process_is_no_life() {
        let directory = tempfile::tempdir().unwrap();
        let id = ProcessId::new(Uuid::from_u128(8));
        std::fs::create_dir(directory.path().join(FOLDER)).unwrap();
        std::fs::write(directory.path().join(FOLDER).join(id.to_string()), "123").unwrap();
        assert_eq!(life_of(directory.path(), id).unwrap(), Life::Ended);
    }
}
