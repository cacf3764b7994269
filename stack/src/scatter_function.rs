//! Invoking the scatter function, and its sweeper ahead of time.

use control_table::id::{ExecutionId, ExecutionKey, JobName};
use scatter::ScatterAnswer;
use serde_json::{Value, json};

use crate::connect::Stack;
use crate::error::StackError;

/// An execution that the scatter function was invoked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// The execution.
    pub execution_id: ExecutionId,
    /// Its key.
    pub key: ExecutionKey,
    /// Whether this invocation opened it; `false` if the key had an execution already.
    pub opened: bool,
}

impl Stack {
    /// Invokes the scatter function. It returns when every segment is on the stream, or when the invocation was cut short and
    /// the sweeper goes on with it. The event gets the key, so that repeating the call opens no second execution.
    ///
    /// # Errors
    /// Bad input, before anything is written; or a failure after which the same call may be made again.
    pub async fn scatter(&self, job: &JobName, key: ExecutionKey, event: Value) -> Result<Begun, StackError> {
        let event = with_key(event, &key);
        match self.invoke::<ScatterAnswer>(&self.outputs.scatter_function, &event).await {
            Ok(answer) => {
                let ScatterAnswer { execution_id, key, opened, .. } = answer;
                Ok(Begun { execution_id, key, opened })
            }
            Err(error) => self.begun_all_the_same(job, key, error).await,
        }
    }

    /// Asks the sweeper to look now at what is due, instead of within its minute.
    ///
    /// # Errors
    /// When it cannot be invoked, or failed. Its schedule invokes it again.
    pub async fn wake(&self) -> Result<(), StackError> {
        self.invoke::<Value>(&self.outputs.sweeper_function, &json!({})).await.map(drop)
    }

    /// The execution that an invocation without an answer opened: an answer can be lost, and an invocation ends after 15 minutes.
    async fn begun_all_the_same(
        &self,
        job: &JobName,
        key: ExecutionKey,
        error: StackError,
    ) -> Result<Begun, StackError> {
        let may_have_begun = match &error {
            StackError::Invoke { .. } => true,
            StackError::Function { error, .. } => error.is_cut_short(),
            _ => false,
        };
        if !may_have_begun {
            return Err(error);
        }
        match self.table.execution_of_key(job, &key).await? {
            Some(execution_id) => {
                tracing::info!(%execution_id, %error, "the stack goes on with it");
                Ok(Begun { execution_id, key, opened: true })
            }
            None => Err(error),
        }
    }
}

fn with_key(mut event: Value, key: &ExecutionKey) -> Value {
    if let Some(fields) = event.as_object_mut() {
        fields.insert("key".to_owned(), json!(key));
    }
    event
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_sent_with_its_key() {
        let key: ExecutionKey = "2026-11-24".parse().unwrap();
        let sent = with_key(json!({ "job": "nightly", "key": null }), &key);
        assert_eq!(sent, json!({ "job": "nightly", "key": "2026-11-24" }));
    }
}
