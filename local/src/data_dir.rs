//! The directory that the local system keeps its state in, and the lock that makes it one process's.
//!
//! The lock is part of recovery: the process that holds it knows that no worker of an earlier process lives, so that process's
//! leases can end at once.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

/// The directory's name under the user's data directory.
const NAME: &str = "scatter-gather";
const LOCK_FILE: &str = "lock";
const DATABASE_FILE: &str = "dynamodb.sqlite";

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Neither variable says where a user's data goes.
    #[error("neither XDG_DATA_HOME nor HOME says where your data goes; name a data directory with --data-dir")]
    NoHome,
    /// The directory or its lock file cannot be made.
    #[error(
        "the data directory cannot be used: {path}: {source}. It has to be a directory that this user may read and write: change \
         that, or name another with --data-dir"
    )]
    Unusable {
        /// The directory or the file in it.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Another process has it.
    #[error(
        "the data directory {path} is in use by process {holder}; wait for it to finish, stop it, or name another \
         with --data-dir"
    )]
    InUse {
        /// The directory.
        path: PathBuf,
        /// The process's id as it wrote it down, or "unknown".
        holder: String,
    },
}

/// A data directory that belongs to this process until the value is dropped, or the process ends in any way.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// The default directory: `$XDG_DATA_HOME/scatter-gather`, or
    /// `~/.local/share/scatter-gather`.
    pub fn default_path() -> Result<PathBuf, DataDirError> {
        choose(std::env::var_os("XDG_DATA_HOME"), std::env::var_os("HOME")).ok_or(DataDirError::NoHome)
    }

    /// Takes the directory `path` for this process, and creates it first if it is missing.
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        make(path)?;
        let lock_path = path.join(LOCK_FILE);
        // Not truncated: until the lock is ours, what is in it is the holder's.
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&lock_path)
            .map_err(|source| unusable(&lock_path, source))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(DataDirError::InUse { path: path.to_owned(), holder: holder(&mut lock) });
            }
            Err(TryLockError::Error(source)) => return Err(unusable(&lock_path, source)),
        }
        sign(&mut lock).map_err(|source| unusable(&lock_path, source))?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file of the embedded `DynamoDB`.
    pub fn database(&self) -> PathBuf {
        Self::database_in(&self.path)
    }

    /// The file of the embedded `DynamoDB` in a data directory, whether or not a process has it open.
    pub fn database_in(path: &Path) -> PathBuf {
        path.join(DATABASE_FILE)
    }
}

fn choose(xdg_data_home: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    // A relative or empty XDG_DATA_HOME is to be ignored, says its specification.
    let data = xdg_data_home.map(PathBuf::from).filter(|path| path.is_absolute());
    let data = data.or_else(|| {
        home.map(PathBuf::from).filter(|path| path.is_absolute()).map(|home| home.join(".local").join("share"))
    });
    data.map(|data| data.join(NAME))
}

/// Makes the directory if it is missing.
pub(crate) fn make(path: &Path) -> Result<(), DataDirError> {
    std::fs::create_dir_all(path).map_err(|source| unusable(path, source))
}

fn unusable(path: &Path, source: std::io::Error) -> DataDirError {
    DataDirError::Unusable { path: path.to_owned(), source }
}

/// Writes down who holds the lock, for the message that another process gives its user.
fn sign(lock: &mut File) -> std::io::Result<()> {
    lock.set_len(0)?;
    lock.rewind()?;
    lock.write_all(std::process::id().to_string().as_bytes())
}

fn holder(lock: &mut File) -> String {
    let mut text = String::new();
    let read = lock.rewind().and_then(|()| lock.take(32).read_to_string(&mut text));
    // Between locking and signing it is empty for a moment.
    if read.is_ok() && !text.trim().is_empty() { text.trim().to_owned() } else { "unknown".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(xdg_data_home: Option<&str>, home: Option<&str>) -> Option<PathBuf> {
        choose(xdg_data_home.map(OsString::from), home.map(OsString::from))
    }

    #[test]
    fn the_default_follows_the_xdg_specification() {
        assert_eq!(chosen(Some("/x"), Some("/home/u")), Some("/x/scatter-gather".into()));
        let in_home = Some("/home/u/.local/share/scatter-gather".into());
        assert_eq!(chosen(None, Some("/home/u")), in_home);
        assert_eq!(chosen(Some("relative"), Some("/home/u")), in_home);
        assert_eq!(chosen(Some(""), None), None);
    }

    #[test]
    fn it_is_created_and_a_second_holder_is_told_who_has_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a").join("b");
        let first = DataDir::open(&path).expect("ours");
        assert!(first.database().starts_with(&path));
        let refusal = DataDir::open(&path).expect_err("it is taken").to_string();
        assert!(refusal.contains(&format!("process {}", std::process::id())), "{refusal}");
        drop(first);
        DataDir::open(&path).expect("free again");
    }

    #[test]
    fn a_file_in_its_place_is_named() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("file");
        std::fs::write(&path, "").expect("a file");
        let refusal = DataDir::open(&path).expect_err("not a directory").to_string();
        assert!(refusal.contains(&path.display().to_string()) && refusal.contains("--data-dir"), "{refusal}");
    }
}
