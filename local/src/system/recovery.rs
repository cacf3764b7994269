//! What a process before this one left undone.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use control_table::id::ExecutionId;
use engine::{Engine, NO_DEADLINE};
use futures::stream::{self, StreamExt};
use tokio::sync::watch;

/// Executions that are continued at once. Each one streams its records as fast as the workers take them.
const AT_ONCE: usize = 4;

/// The executions that were found open, and which of them could not be continued.
#[derive(Debug)]
pub(super) struct Recovery {
    open: Vec<ExecutionId>,
    failures: Mutex<BTreeMap<ExecutionId, String>>,
}

impl Recovery {
    pub fn new(open: Vec<ExecutionId>) -> Self {
        Self { open, failures: Mutex::default() }
    }

    pub fn open(&self) -> &[ExecutionId] {
        &self.open
    }

    /// Why that execution could not be continued; `None` if it was.
    pub fn failure(&self, execution_id: ExecutionId) -> Option<String> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).get(&execution_id).cloned()
    }

    /// Continues every open execution. One that cannot be continued does not hold up the others.
    pub async fn run(self: Arc<Self>, engine: Engine, finalized: Arc<watch::Sender<()>>) {
        stream::iter(self.open.clone())
            .for_each_concurrent(AT_ONCE, async |execution_id| {
                if let Err(error) = engine.recover(execution_id, NO_DEADLINE).await {
                    tracing::error!(%execution_id, %error, "cannot be continued");
                    let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
                    failures.insert(execution_id, error.to_string());
                }
                finalized.send_replace(());
            })
            .await;
    }
}
