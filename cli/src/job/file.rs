//! The job file.

use std::path::{Path, PathBuf};

use super::{Job, UsageError};

impl Job {
    /// Reads a job file's text; `path` is where it is from.
    pub(super) fn parse(text: &str, path: &Path) -> Result<Self, UsageError> {
        let toml = |source| UsageError::Toml { path: path.to_owned(), source: Box::new(source) };
        let mut job: Self = toml::from_str(text).map_err(toml)?;
        // Run from another directory, the file still names the same list.
        if let Some(list) = job.source.codes_file.take() {
            job.source.codes_file = Some(beside(path, &list));
        }
        if let Some(then) = job.then.take() {
            job.then = Some(beside(path, &then));
        }
        Ok(job)
    }
}

fn beside(job_file: &Path, path: &Path) -> PathBuf {
    job_file.parent().map_or_else(|| path.to_owned(), |directory| directory.join(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        Job::parse(text, Path::new("jobs/a.toml")).expect_err("refused").to_string()
    }

    #[test]
    fn unknown_fields_are_refused_and_named() {
        for (text, word) in [
            ("jobb = 'x'", "jobb"),
            ("[source]\ntype = 'list'\ncode = ['a']", "code"),
            ("[policy]\nmax_attemps = 1", "max_attemps"),
            ("[policy.backoff]\nbase = 1", "base"),
            ("[source]\ntype = 'query'", "query"),
            ("[source]\nfrom = 1.5", "float"),
        ] {
            let refusal = refusal(text);
            assert!(refusal.contains(word) && refusal.contains("jobs/a.toml"), "{text}: {refusal}");
        }
    }

    #[test]
    fn a_codes_file_is_found_beside_the_job_file() {
        let text = "[source]\ntype = 'list'\ncodes_file = 'codes.txt'";
        let job = Job::parse(text, Path::new("jobs/a.toml")).unwrap();
        assert_eq!(job.source.codes_file, Some(PathBuf::from("jobs/codes.txt")));
        let job = Job::parse(&text.replace("codes.txt", "/x/codes.txt"), Path::new("jobs/a.toml")).unwrap();
        assert_eq!(job.source.codes_file, Some(PathBuf::from("/x/codes.txt")));
    }
}
