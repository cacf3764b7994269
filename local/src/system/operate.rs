//! Operations on one execution: what people ask of the sweeper.

use chrono::{DateTime, Utc};
use control_table::id::ExecutionId;
use control_table::item::{Selection, Stop};
use sweeper::{CancelReport, RedriveReport, Refusal, SweepError};

use super::System;

/// One machine has no 15 minutes to keep to.
const NO_DEADLINE: DateTime<Utc> = DateTime::<Utc>::MAX_UTC;

impl System {
    /// Stops an execution: nothing of it starts any more, and it ends as the reason says.
    ///
    /// # Errors
    /// When it is being redriven, or a step fails: cancelling it again goes on.
    pub async fn cancel(&self, execution_id: ExecutionId, reason: Stop) -> Result<CancelReport, SweepError> {
        let report = self.sweeper.cancel(execution_id, reason, NO_DEADLINE).await;
        self.settled.send_replace(());
        report
    }

    /// Puts what is selected of a complete execution back, into its next generation.
    ///
    /// # Errors
    /// A refusal, before anything is written; or a failed step: then the sweeper goes on with it.
    pub async fn redrive(&self, execution_id: ExecutionId, what: Selection) -> Result<RedriveReport, SweepError> {
        self.sweeper.redrive(execution_id, what, NO_DEADLINE).await
    }
}

/// Whether the same call may succeed later, as it is.
#[must_use]
pub const fn is_retryable(error: &SweepError) -> bool {
    match error {
        SweepError::Table(error) => error.is_retryable(),
        SweepError::Dispatch(error) => error.is_retryable(),
        SweepError::Scatter(error) => error.is_retryable(),
        SweepError::Settle(_) => true,
        SweepError::Refused(refusal) => matches!(
            refusal,
            Refusal::Redriving(_) | Refusal::NotPublished(_) | Refusal::AnotherRedrive(_) | Refusal::Changed(_)
        ),
        SweepError::Damaged { .. } => false,
    }
}
