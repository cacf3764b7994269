//! Mappings on the embedded services, with handlers that note what they are given.

mod dynamodb;
mod kinesis;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::DateTime;
use tokio::sync::mpsc;

use super::batch::RetryPolicy;
use super::*;
use crate::Shutdown;

/// For what must happen: long, so that only what never happens fails.
const PATIENCE: Duration = Duration::from_secs(30);

const RETRIES: RetryPolicy = RetryPolicy { attempts_max: Some(2), bisect: false, report_failures: true };

fn host(shutdown: &Shutdown) -> Host {
    let count = AtomicU64::new(0);
    let request_id = move || format!("request-{}", count.fetch_add(1, Ordering::Relaxed));
    Host::new(|| DateTime::UNIX_EPOCH, request_id, shutdown.signal(), PATIENCE)
}

/// What a fake handler does with a batch: by the batch's keys and the number of the call.
type Behaviour = Arc<dyn Fn(&[String], u64) -> Result<Vec<String>, HandlerError> + Send + Sync>;

/// A handler that notes the keys of every batch, and then does what its script says.
struct Fake {
    calls: AtomicU64,
    noted: mpsc::UnboundedSender<(Vec<String>, Invocation)>,
    behaviour: Behaviour,
}

impl Fake {
    fn new(
        behaviour: impl Fn(&[String], u64) -> Result<Vec<String>, HandlerError> + Send + Sync + 'static,
    ) -> (Arc<Self>, mpsc::UnboundedReceiver<(Vec<String>, Invocation)>) {
        let (sender, notes) = mpsc::unbounded_channel();
        (Arc::new(Self { calls: AtomicU64::new(0), noted: sender, behaviour: Arc::new(behaviour) }), notes)
    }

    /// The identifiers of the items that failed.
    fn call(&self, keys: Vec<String>, invocation: Invocation) -> Result<Vec<String>, HandlerError> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| (self.behaviour)(&keys, call)));
        drop(self.noted.send((keys, invocation)));
        result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

async fn next(notes: &mut mpsc::UnboundedReceiver<(Vec<String>, Invocation)>) -> Vec<String> {
    tokio::time::timeout(PATIENCE, notes.recv()).await.expect("in time").expect("a handler").0
}

/// Waits until a condition holds.
async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("never: {what}"));
}
