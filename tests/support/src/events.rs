//! The completion events that a local system published.

use std::path::Path;

use control_table::id::ExecutionId;
use control_table::message::CompletionEvent;

/// Every event in a data directory, in order, repeats included.
pub fn completion_events(data_dir: &Path) -> Vec<CompletionEvent> {
    let text = std::fs::read_to_string(data_dir.join(local::system::EVENTS_FILE)).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The events of one execution.
pub fn events_of(data_dir: &Path, execution_id: ExecutionId) -> Vec<CompletionEvent> {
    completion_events(data_dir).into_iter().filter(|event| event.execution_id == execution_id).collect()
}
