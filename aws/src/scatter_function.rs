//! Invoking the scatter function, and its sweeper ahead of time.

use control_table::id::{ExecutionKey, JobName};
use engine::Started;
use engine::scatter::{ScatterAnswer, ScatterEvent};
use serde_json::{Value, json};

use crate::connect::Deployed;
use crate::error::DeployedError;

impl Deployed {
    /// Invokes the scatter function. It returns when every segment is on the stream, or when the invocation was cut short and
    /// the sweeper continues it. The event gets the key, so that repeating the call opens no second execution.
    ///
    /// # Errors
    /// Bad input, before anything is written; or a failure after which the same call may be made again.
    pub async fn scatter(&self, event: ScatterEvent, key: ExecutionKey) -> Result<Started, DeployedError> {
        let job = event.job.clone();
        let event = json!(ScatterEvent { key: Some(key.clone()), ..event });
        match self.invoke::<ScatterAnswer>(&self.outputs.scatter_function, &event).await {
            Ok(answer) => {
                let ScatterAnswer { execution_id, key, opened, .. } = answer;
                Ok(Started { execution_id, key, opened })
            }
            Err(error) => self.started_all_the_same(&job, key, error).await,
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
