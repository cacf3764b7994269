//! Waiting for an execution's end.

use std::time::Duration;

use control_table::id::ExecutionId;
use engine::Finished;

use super::ownership::Worked;
use super::{Error, System};

/// How often to look without being told to.
const LOOK: Duration = Duration::from_millis(500);

/// Failures of the user's command after which the waiting caller gives up. The sweeper keeps trying.
const HOOK_FAILURES: u32 = 3;

impl System {
    /// Takes an execution over if the process that worked on it has ended, and continues it. The answer is the number of the other
    /// process that works on it, if one does.
    pub(crate) async fn work_on(&self, execution_id: ExecutionId) -> Result<Option<String>, Error> {
        let Some(ownership) = &self.ownership else { return Ok(None) };
        match ownership.take(execution_id).await? {
            Worked::TakenOver => self.recover(&[execution_id]).await,
            Worked::Foreign(program) => {
                return Err(Error::Foreign { execution_id, program, this: ownership.program.clone() });
            }
            Worked::Elsewhere(process) => return Ok(Some(process)),
            Worked::Here | Worked::Missing => {}
        }
        Ok(None)
    }

    /// Makes an execution this process's that is over or whose process has ended.
    pub(crate) async fn own(&self, execution_id: ExecutionId) -> Result<(), Error> {
        self.work_on(execution_id).await?;
        while self.attempts.runs().iter().any(|(run, _)| *run == execution_id) {
            // A cancelled attempt ends within its grace.
            tokio::time::sleep(LOOK).await;
        }
        let Some(ownership) = &self.ownership else { return Ok(()) };
        let execution = self.control_table().execution(execution_id).await?;
        if execution.is_some_and(|row| row.status.is_terminal() && !row.is_unpublished()) {
            ownership.take_finished(execution_id).await?;
        }
        Ok(())
    }

    /// As [`Self::work_on`], for what may be done to another program's execution as well.
    pub(crate) async fn worked_on_elsewhere(&self, execution_id: ExecutionId) -> Result<Option<String>, Error> {
        match self.work_on(execution_id).await {
            Err(Error::Foreign { .. }) => Ok(None),
            answer => answer,
        }
    }

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
            // One that is over needs no work any more, only its event.
            self.work_on(execution_id).await?;
            // Whether rung or timed out, the next look tells.
            let _ = tokio::time::timeout(LOOK, finalized.changed()).await;
        }
    }
}
