//! The attempts that are under way in a worker, and how they are stopped before their time is up: all of them, when the process ends,
//! or those of one execution, when it is cancelled.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use control_table::id::ExecutionId;
use tokio_util::sync::CancellationToken;

/// One generation of an execution.
type Run = (ExecutionId, u32);

/// The attempts under way of a worker. Cheap to clone; every clone is of the same attempts.
#[derive(Debug, Clone, Default)]
pub struct Attempts {
    all: CancellationToken,
    /// Only those with an attempt under way, or claimed and about to begin: twice as many as there are slots at most.
    runs: Arc<Mutex<HashMap<Run, Stoppable>>>,
}

#[derive(Debug)]
struct Stoppable {
    stop: CancellationToken,
    attempts: usize,
}

/// An attempt that is under way until this is dropped.
#[derive(Debug)]
pub(crate) struct Entered {
    attempts: Attempts,
    run: Run,
    stop: CancellationToken,
}

impl Attempts {
    /// The generations of executions that have an attempt under way.
    #[must_use]
    pub fn runs(&self) -> Vec<(ExecutionId, u32)> {
        self.lock().keys().copied().collect()
    }

    /// Stops the attempts at segments of that generation of an execution. What they come to is recorded only if it is a success.
    pub fn stop(&self, execution_id: ExecutionId, generation: u32) {
        if let Some(run) = self.lock().get(&(execution_id, generation)) {
            run.stop.cancel();
        }
    }

    /// Stops every attempt, and each that begins from now on.
    pub fn stop_all(&self) {
        self.all.cancel();
    }

    pub(crate) fn enter(&self, execution_id: ExecutionId, generation: u32) -> Entered {
        let run = (execution_id, generation);
        let mut runs = self.lock();
        let stoppable = runs.entry(run).or_insert_with(|| Stoppable { stop: self.all.child_token(), attempts: 0 });
        stoppable.attempts += 1;
        let stop = stoppable.stop.clone();
        drop(runs);
        Entered { attempts: self.clone(), run, stop }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Run, Stoppable>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entered {
    /// Whether the attempt is to stop.
    pub fn is_stopped(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Returns when the attempt is to stop.
    pub async fn stopped(&self) {
        self.stop.cancelled().await;
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut runs = self.attempts.lock();
        if let Some(stoppable) = runs.get_mut(&self.run) {
            stoppable.attempts -= 1;
            if stoppable.attempts == 0 {
                runs.remove(&self.run);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;
    use uuid::Uuid;

    const ONE: ExecutionId = ExecutionId::new(Uuid::from_u128(1));
    const OTHER: ExecutionId = ExecutionId::new(Uuid::from_u128(2));

    fn is_stopped(entered: &Entered) -> bool {
        entered.is_stopped() && entered.stopped().now_or_never().is_some()
    }

    #[test]
    fn the_attempts_of_one_generation_are_stopped_and_no_others() {
        let attempts = Attempts::default();
        let (one, next, other) = (attempts.enter(ONE, 1), attempts.enter(ONE, 2), attempts.enter(OTHER, 1));
        attempts.stop(ONE, 1);
        assert!(is_stopped(&one) && !is_stopped(&next) && !is_stopped(&other));
        attempts.stop_all();
        assert!(is_stopped(&next) && is_stopped(&other) && is_stopped(&attempts.enter(OTHER, 2)));
    }

    #[test]
    fn only_what_is_under_way_is_kept() {
        let attempts = Attempts::default();
        let (first, second) = (attempts.enter(ONE, 1), attempts.enter(ONE, 1));
        drop(first);
        assert_eq!(attempts.runs(), [(ONE, 1)]);
        drop(second);
        assert_eq!(attempts.runs(), []);
    }
}
