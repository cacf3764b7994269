//! What a process before this one left undone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use control_table::id::ExecutionId;
use engine::{Engine, NO_DEADLINE};
use futures::stream::{self, StreamExt};
use tokio::sync::watch;

/// Executions that are continued at once. Each one streams its records as fast as the workers take them.
const AT_ONCE: usize = 4;

/// The executions that were found open, and which of them could not be continued.
#[derive(Debug)]
pub(super) struct Recovery {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    open: BTreeSet<ExecutionId>,
    failures: BTreeMap<ExecutionId, String>,
}

impl Recovery {
    pub fn new(open: Vec<ExecutionId>) -> Self {
        Self { state: Mutex::new(State { open: open.into_iter().collect(), failures: BTreeMap::new() }) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The executions that were found open, oldest first.
    pub fn open(&self) -> Vec<ExecutionId> {
        self.state().open.iter().copied().collect()
    }

    /// Why that execution could not be continued; `None` if it was.
    pub fn failure(&self, execution_id: ExecutionId) -> Option<String> {
        self.state().failures.get(&execution_id).cloned()
    }

    /// Continues these executions. One that cannot be continued does not hold up the others.
    pub async fn run(self: Arc<Self>, executions: Vec<ExecutionId>, engine: Engine, finalized: Arc<watch::Sender<()>>) {
        self.state().open.extend(&executions);
        stream::iter(executions)
            .for_each_concurrent(AT_ONCE, async |execution_id| {
                let recovered = engine.recover(execution_id, NO_DEADLINE).await;
                let mut state = self.state();
                match recovered {
                    Ok(_) => drop(state.failures.remove(&execution_id)),
                    Err(error) => {
                        tracing::error!(%execution_id, %error, "cannot be continued");
                        state.failures.insert(execution_id, error.to_string());
                    }
                }
                drop(state);
                finalized.send_replace(());
            })
            .await;
    }
}
