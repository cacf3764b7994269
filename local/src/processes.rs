//! The processes of a data directory. Each holds a lock on a file while it lives, so that its death is seen at once, also after
//! `kill -9`.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use control_table::store::sqlite::ProcessId;

use crate::data_dir::{self, DataDirError};

/// The folder of the lock files in a data directory.
const FOLDER: &str = "processes";

/// The longest process number that is read from a lock file.
const PID_BYTES: u64 = 32;

/// This process, registered in a data directory until the value is dropped, or the process ends in any way.
#[derive(Debug)]
pub struct Registration {
    path: PathBuf,
    _lock: File,
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
        let mut lock =
            OpenOptions::new().write(true).create_new(true).open(&path).map_err(|source| unusable(&path, source))?;
        // No other process knows the ID yet, so this does not wait.
        lock.lock().map_err(|source| unusable(&path, source))?;
        lock.write_all(std::process::id().to_string().as_bytes()).map_err(|source| unusable(&path, source))?;
        Ok(Self { path, _lock: lock })
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        // A file that stays is harmless: its lock is gone with this process.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// A process of a data directory, as another process sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Life {
    /// It lives: its number, as it wrote it down, or "unknown".
    Alive(String),
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
            let mut pid = String::new();
            let read = std::io::Read::by_ref(&mut file).take(PID_BYTES).read_to_string(&mut pid);
            Ok(Life::Alive(if read.is_ok() && !pid.is_empty() { pid } else { "unknown".to_owned() }))
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
        let registration = Registration::new(directory.path(), id).unwrap();
        for _ in 0..2 {
            assert_eq!(life_of(directory.path(), id).unwrap(), Life::Alive(std::process::id().to_string()));
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
