//! The file of a command's report. A command can put anything in its place, and opening that must not hold up the worker: a FIFO would
//! wait for a writer.

use std::fs::{File, FileType};
use std::io;
use std::path::Path;

/// Why there is no report to read.
#[derive(Debug)]
pub(super) enum Unreadable {
    /// What is there is no regular file.
    NotAFile(&'static str),
    /// The system refuses it.
    Io(io::Error),
}

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Opens it if it is a regular file, or a link to one.
pub(super) fn open(path: &Path) -> Result<File, Unreadable> {
    regular(std::fs::metadata(path)?.file_type())?;
    let file = options().open(path)?;
    // It may have been replaced since.
    regular(file.metadata()?.file_type())?;
    Ok(file)
}

fn options() -> std::fs::OpenOptions {
    let mut options = std::fs::OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    }
    options
}

fn regular(kind: FileType) -> Result<(), Unreadable> {
    if kind.is_file() {
        return Ok(());
    }
    Err(Unreadable::NotAFile(if kind.is_dir() { "a directory" } else { special(kind) }))
}

#[cfg(unix)]
fn special(kind: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt as _;
    if kind.is_fifo() {
        "a FIFO"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

#[cfg(not(unix))]
const fn special(_: FileType) -> &'static str {
    "no regular file"
}
