//! Waiting for an execution's end.

use std::time::Duration;

use control_table::id::ExecutionId;
use engine::Finished;

use super::{Error, System};

/// How often to look without being told to.
const LOOK: Duration = Duration::from_millis(500);

/// Failures of the user's command after which the waiting caller gives up. The sweeper keeps trying.
const HOOK_FAILURES: u32 = 3;

impl System {
    /// Waits until an execution is complete and its event is out, or its event cannot be delivered.
    ///
    /// # Errors
    /// When there is no such execution, it cannot be continued, or the table cannot be read.
    pub async fn finished(&self, execution_id: ExecutionId) -> Result<Finished, Error> {
        let mut finalized = self.finalized.subscribe();
        loop {
            finalized.mark_unchanged();
            let execution = self.control_table().execution(execution_id).await?;
            let execution = execution.ok_or(Error::NoSuchExecution(execution_id))?;
            let is_over = execution.status.is_terminal();
            let is_published = is_over && !execution.is_unpublished();
            let failures = self.bus.failures(execution_id);
            if is_published || (is_over && failures.completion >= HOOK_FAILURES) {
                return Ok(Finished { is_published, notification_failures: failures.notifications });
            }
            if let Some(reason) = self.recovery.failure(execution_id) {
                return Err(Error::NotRecovered { execution_id, reason });
            }
            // Whether rung or timed out, the next look tells.
            let _ = tokio::time::timeout(LOOK, finalized.changed()).await;
        }
    }
}
