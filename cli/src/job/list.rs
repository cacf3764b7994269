//! A list of codes that can be read only once: standard input, a pipe, the output of another command. It is kept as a file in the data
//! directory, so that a killed execution is continued with the same list.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use text::STDIN;

use super::UsageError;

/// Bytes of a list at most: ten million codes of 100 bytes.
const MAX_BYTES: u64 = 1 << 30;

/// Bytes that are read at once.
const PIECE: usize = 64 * 1024;

/// The path itself, or that of the copy in the data directory, which is named by what is in it: the same list has the same path.
pub(super) fn keep(path: &Path, data_dir: &Path) -> Result<PathBuf, UsageError> {
    let unreadable = |source| UsageError::Codes { path: path.to_owned(), source };
    if path.as_os_str() == STDIN {
        return copy(io::stdin().lock(), path, data_dir);
    }
    if path.metadata().map_err(unreadable)?.is_file() {
        return Ok(path.to_owned());
    }
    copy(File::open(path).map_err(unreadable)?, path, data_dir)
}

fn copy(mut from: impl Read, path: &Path, data_dir: &Path) -> Result<PathBuf, UsageError> {
    let folder = local::lists::folder(data_dir);
    let unwritable = |source| UsageError::Codes { path: folder.clone(), source };
    std::fs::create_dir_all(&folder).map_err(unwritable)?;
    let mut copy = tempfile::NamedTempFile::new_in(&folder).map_err(unwritable)?;
    let (mut digest, mut bytes, mut piece) = (Sha256::new(), 0, vec![0; PIECE]);
    loop {
        let read = from.read(&mut piece).map_err(|source| UsageError::Codes { path: path.to_owned(), source })?;
        if read == 0 {
            break;
        }
        bytes += read as u64;
        if bytes > MAX_BYTES {
            return Err(UsageError::HugeList { path: path.to_owned(), limit: MAX_BYTES });
        }
        digest.update(&piece[..read]);
        copy.write_all(&piece[..read]).map_err(unwritable)?;
    }
    let kept = folder.join(format!("{}.txt", engine::hex(&digest.finalize())));
    copy.persist(&kept).map_err(|error| unwritable(error.error))?;
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_where_it_is_and_a_pipe_is_kept_under_its_digest() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("codes");
        std::fs::write(&file, "SY\n").unwrap();
        assert_eq!(keep(&file, directory.path()).unwrap(), file);

        let kept = copy(&b"SY\nIR\n"[..], Path::new(STDIN), directory.path()).unwrap();
        assert_eq!(std::fs::read_to_string(&kept).unwrap(), "SY\nIR\n");
        assert_eq!(copy(&b"SY\nIR\n"[..], Path::new(STDIN), directory.path()).unwrap(), kept);
        assert_ne!(copy(&b"SY\n"[..], Path::new(STDIN), directory.path()).unwrap(), kept);
    }

    #[test]
    fn a_list_that_is_not_there_is_named() {
        let missing = keep(Path::new("/no/such/list"), Path::new("/tmp")).unwrap_err().to_string();
        assert!(missing.contains("/no/such/list"), "{missing}");
    }
}
