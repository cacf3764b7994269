//! Invoking the scatter function, and its sweeper ahead of time.

use std::time::Duration;

use control_table::id::{ExecutionKey, JobName};
use engine::Started;
use engine::scatter::{ScatterAnswer, ScatterEvent};
use serde_json::{Value, json};

use crate::connect::Deployed;
use crate::error::DeployedError;

/// The longest event of an invocation that is not waited for, in bytes (Lambda quota: 256 KB).
const ASYNC_PAYLOAD_MAX: usize = 250_000;

/// How often to look whether the execution is open: half a read unit each.
const OPEN_LOOK: Duration = Duration::from_secs(1);

/// How long it is looked, before the caller is asked to see the function's log: a cold start takes a second, counting a source may take
/// minutes.
pub(crate) const START_WAIT: Duration = Duration::from_mins(5);

impl Deployed {
    /// Has the scatter function started, and waits until it has opened the execution. The event gets the key, so that repeating the call
    /// opens no second execution.
    ///
    /// Lambda does not keep a connection open for it, which firewalls close after some minutes, and repeats it after a failure.
    ///
    /// # Errors
    /// Bad input, before anything is written; or a failure after which the same call may be made again.
    pub async fn scatter(&self, event: ScatterEvent, key: ExecutionKey) -> Result<Started, DeployedError> {
        event.validate()?;
        if let Some(execution_id) = self.engine.existing(&event, &key).await? {
            return Ok(Started { execution_id, key, opened: false });
        }
        let job = event.job.clone();
        let payload = json!(ScatterEvent { key: Some(key.clone()), ..event });
        if payload.to_string().len() > ASYNC_PAYLOAD_MAX {
            return self.scatter_and_wait(&payload, &job, key).await;
        }
        self.invoke_later(&self.outputs.scatter_function, &payload).await?;
        let looks = self.start_wait.as_secs() / OPEN_LOOK.as_secs();
        for _ in 0..looks {
            if let Some(execution_id) = self.engine.table().execution_of_key(&job, &key).await? {
                return Ok(Started { execution_id, key, opened: true });
            }
            tokio::time::sleep(OPEN_LOOK).await;
        }
        let (function, waited) = (self.outputs.scatter_function.clone(), self.start_wait);
        Err(DeployedError::NotOpened { function, key, waited })
    }

    async fn scatter_and_wait(
        &self,
        event: &Value,
        job: &JobName,
        key: ExecutionKey,
    ) -> Result<Started, DeployedError> {
        match self.invoke::<ScatterAnswer>(&self.outputs.scatter_function, event).await {
            Ok(answer) => {
                let ScatterAnswer { execution_id, key, opened, .. } = answer;
                Ok(Started { execution_id, key, opened })
            }
            Err(error) => self.started_all_the_same(job, key, error).await,
        }
    }

    /// Asks the sweeper to look now at what is due, instead of within its minute.
    ///
    /// # Errors
    /// When it cannot be invoked, or failed. Its schedule invokes it again.
    pub async fn wake(&self) -> Result<(), DeployedError> {
        self.invoke::<Value>(&self.outputs.sweeper_function, &json!({})).await.map(drop)
    }

    /// The execution that an invocation without an answer opened: an answer can be lost, and an invocation ends after 15 minutes.
    async fn started_all_the_same(
        &self,
        job: &JobName,
        key: ExecutionKey,
        error: DeployedError,
    ) -> Result<Started, DeployedError> {
        let may_have_started = match &error {
            DeployedError::Invoke { .. } => true,
            DeployedError::Function { error, .. } => error.is_cut_short(),
            _ => false,
        };
        if !may_have_started {
            return Err(error);
        }
        match self.engine.table().execution_of_key(job, &key).await? {
            Some(execution_id) => {
                tracing::info!(%execution_id, %error, "the stack continues it");
                Ok(Started { execution_id, key, opened: true })
            }
            None => Err(error),
        }
    }
}
