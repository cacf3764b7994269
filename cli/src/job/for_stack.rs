//! A job for a deployed stack: its functions see no file of this machine, and its worker runs no command.

use std::path::Path;

use engine::scatter::sources::Codes;
use serde_json::Value;
use text::Text;

use super::{Job, RunPlan, UsageError};
use crate::args::WorkName;

/// The longest list of codes in a file. More does not fit an execution's plan item in any case.
const LIST_BYTES: usize = 256 * 1024;

impl Job {
    /// The event for a stack. What its worker does is the stack's to know, so parameters are checked only where a built-in
    /// work is named.
    pub fn into_plan_for_a_stack(mut self, own_work: bool) -> Result<RunPlan, UsageError> {
        let work = self.parameters.get("work").and_then(Value::as_str).map(ToOwned::to_owned);
        if !own_work && work.as_deref() == Some(WorkName::Exec.as_str()) {
            let chosen = "a stack: its worker runs no commands; deploy a worker of your own".to_owned();
            return Err(UsageError::NotTogether { field: "the work exec", chosen });
        }
        if let Some(path) = self.source.codes_file.take() {
            if self.source.codes.is_some() {
                return Err(UsageError::Both("codes", "codes_file"));
            }
            self.source.codes = Some(read_codes(&path)?);
        }
        self.into_plan(own_work || work.is_none())
    }
}

/// The codes of a list, as scatter reads them by itself.
fn read_codes(path: &Path) -> Result<Vec<String>, UsageError> {
    let mut codes = Codes::of(Text::open_or_stdin(path)?);
    let (mut all, mut bytes) = (Vec::new(), 0);
    while let Some(code) = codes.next_code()? {
        bytes += code.len();
        if bytes > LIST_BYTES {
            return Err(UsageError::LongList { path: path.to_owned(), limit: LIST_BYTES });
        }
        all.push(code);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn plan(job: &str, own_work: bool) -> Result<RunPlan, UsageError> {
        Job::parse(job, Path::new("job.toml")).unwrap().into_plan_for_a_stack(own_work)
    }

    #[test]
    fn a_file_of_codes_travels_in_the_event() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("codes");
        std::fs::write(&path, "\u{feff}SY\r\n\n  IR \nDE").unwrap();
        let job = format!("job = \"j\"\n[source]\ntype = \"list\"\ncodes_file = {path:?}\n");
        let event = plan(&job, false).unwrap().event;
        assert_eq!(json!(event.source), json!({ "type": "list", "codes": ["SY", "IR", "DE"] }));
        std::fs::write(&path, "x\n".repeat(300_000)).unwrap();
        assert!(matches!(plan(&job, false), Err(UsageError::LongList { .. })));
    }

    #[test]
    fn the_works_of_the_deployed_worker() {
        let source = "[source]\ntype = \"range\"\nfrom = 0\nto = 2\nsize = 1\n";
        let job = |parameters: &str| format!("job = \"j\"\n{source}[parameters]\n{parameters}\n");
        // A worker of one's own in the stack takes what it likes.
        assert!(plan(&job("bucket = \"b\""), false).is_ok());
        assert!(plan(&job("work = \"noop\""), false).is_ok());
        assert!(matches!(plan(&job("work = \"sum\""), false), Err(UsageError::Missing { .. })));
        assert!(matches!(plan(&job("work = \"exec\"\ncommand = \"ls\""), false), Err(UsageError::NotTogether { .. })));
    }
}
