//! Lists of codes that came through a pipe. The command line keeps them as files, so that a killed execution is continued with the same
//! list.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The folder in a data directory.
const FOLDER: &str = "lists";

/// How old a list must be before it can be deleted: the process that wrote it has opened its execution by then.
const AGE_MIN: Duration = Duration::from_hours(24);

/// The folder of the lists.
#[must_use]
pub fn folder(data_dir: &Path) -> PathBuf {
    data_dir.join(FOLDER)
}

/// The lists that are old enough to be deleted.
pub(crate) fn old(data_dir: &Path, now: SystemTime) -> io::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(folder(data_dir)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut old = Vec::new();
    for entry in entries {
        let entry = entry?;
        if now.duration_since(entry.metadata()?.modified()?).is_ok_and(|age| age >= AGE_MIN) {
            old.push(entry.path());
        }
    }
    Ok(old)
}

/// Deletes these lists, but for those that are used: named by the plan of an execution that is not sealed.
pub(crate) fn delete(lists: Vec<PathBuf>, used: &HashSet<PathBuf>) -> io::Result<()> {
    for list in lists.into_iter().filter(|list| !used.contains(list)) {
        match std::fs::remove_file(&list) {
            // Another process deleted it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            removed => removed?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_list_is_deleted_unless_it_is_used() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(old(directory.path(), SystemTime::UNIX_EPOCH).unwrap(), Vec::<PathBuf>::new(), "no folder");
        std::fs::create_dir(folder(directory.path())).unwrap();
        let file = |name: &str| folder(directory.path()).join(name);
        for name in ["used", "unused"] {
            std::fs::write(file(name), "A\n").unwrap();
        }
        let written = std::fs::metadata(file("unused")).unwrap().modified().unwrap();
        assert_eq!(old(directory.path(), written).unwrap(), Vec::<PathBuf>::new(), "just written");
        let lists = old(directory.path(), written + AGE_MIN + Duration::from_mins(1)).unwrap();
        assert_eq!(lists.len(), 2);
        delete(lists, &HashSet::from([file("used")])).unwrap();
        assert!(file("used").exists() && !file("unused").exists());
    }
}
