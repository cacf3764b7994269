//! Waiting for an execution's end, by looking.

use std::time::Duration;

use control_table::id::ExecutionId;
use engine::Finished;

use crate::connect::Deployed;
use crate::error::DeployedError;

/// How often to look: one read unit at most each.
const LOOK: Duration = Duration::from_secs(1);

/// Looks that a complete execution's event may take to go out, before the caller gives up: gather publishes at once,
/// and what it could not publish the sweeper does, within two of its minutes. It goes on trying.
const PUBLISH_LOOKS: u32 = 150;

impl Deployed {
    /// Waits until an execution is complete and its event is out, or its event does not get out.
    ///
    /// # Errors
    /// When there is no such execution, or the table cannot be read.
    pub async fn finished(&self, execution_id: ExecutionId) -> Result<Finished, DeployedError> {
        let mut unpublished = 0;
        loop {
            let execution = self.engine.table().execution(execution_id).await?;
            let execution = execution.ok_or(DeployedError::NoSuchExecution(execution_id))?;
            if execution.status.is_terminal() {
                let is_published = !execution.is_unpublished();
                if is_published || unpublished >= PUBLISH_LOOKS {
                    return Ok(Finished { is_published, notification_failures: 0 });
                }
                unpublished += 1;
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}
