//! The job file.

use std::path::{Path, PathBuf};

use text::{Decimal, Place};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Job, UsageError};

impl Job {
    /// Reads a job file's text; `path` is where it is from.
    pub(super) fn parse(text: &str, path: &Path) -> Result<Self, UsageError> {
        let toml = |source| UsageError::Toml { path: path.to_owned(), source: Box::new(source) };
        let mut job: Self = toml::from_str(text).map_err(toml)?;
        let table = DeTable::parse(text).map_err(toml)?;
        if let Some(found) = table.get_ref().iter().find_map(|(_, value)| inexact(value)) {
            return Err(inexact_number(path, text, found));
        }
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

/// The first float that 64 bits do not hold as it is written. (TOML itself refuses such an integer.)
fn inexact<'a, 'i>(value: &'a Spanned<DeValue<'i>>) -> Option<&'a Spanned<DeValue<'i>>> {
    match value.get_ref() {
        DeValue::Float(number) => {
            let text = number.as_str().replace('_', "");
            let text = text.strip_prefix('+').unwrap_or(&text);
            let kept = text.parse::<f64>().ok().map(|float| format!("{float:e}"));
            // What is no decimal is infinity or NaN, which the parameters refuse.
            let written = Decimal::parse(text)?;
            (kept.as_deref().and_then(Decimal::parse) != Some(written)).then_some(value)
        }
        DeValue::Array(values) => values.iter().find_map(inexact),
        DeValue::Table(table) => table.iter().find_map(|(_, value)| inexact(value)),
        _ => None,
    }
}

fn inexact_number(path: &Path, text: &str, found: &Spanned<DeValue<'_>>) -> UsageError {
    let span = found.span();
    let before = text.get(..span.start).unwrap_or_default();
    let number = text.get(span).unwrap_or_default().to_owned();
    UsageError::Number { path: path.to_owned(), place: Place::after(before), number }
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
            ("[tags]\nteam = 7", "integer"),
            ("[tags]\n'a b' = 'x'", "\"a b\" is not the name of a tag"),
            ("[tags]\nteam = \"a\\nb\"", "the tag team has a control character"),
        ] {
            let refusal = refusal(text);
            assert!(refusal.contains(word) && refusal.contains("jobs/a.toml"), "{text}: {refusal}");
        }
    }

    #[test]
    fn a_number_is_exact_or_refused_by_name_and_place() {
        let text = "[parameters]\na = 1.10\nb = [1e2, -0.0, +2.5, 1_000.25]\nc = 9223372036854775807";
        assert!(Job::parse(text, Path::new("a.toml")).is_ok());
        let words = "jobs/a.toml, line 2, column 11: the number 19.99999999999999999 has more digits";
        assert!(refusal("[parameters]\nb = { e = 19.99999999999999999 }").contains(words));
        assert!(refusal("[parameters]\nb = [1, 1e400]").contains("1e400"));
        assert!(refusal("[parameters]\nb = 9223372036854775808").contains("line 2, column 5"));
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
