//! Reads the outbox, and has the engine gather what is in it: each execution by itself, so that a slow hook of one holds up no other.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use control_table::ControlTable;
use control_table::clock::Entropy;
use control_table::id::ExecutionId;
use control_table::message::StreamImage;
use control_table::policy::Backoff;
use control_table::rows::RowKey;
use control_table::store::SqliteStore;
use control_table::store::sqlite::OutboxEntry;
use emulator::StopSignal;
use engine::Engine;
use engine::gather::GatherImage;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Entries that are read at once.
const ENTRIES: u16 = 1_000;

/// How often to look without a signal: another process may have written for an execution of this one.
const LOOK: Duration = Duration::from_millis(250);

/// Executions that are gathered at once.
const AT_ONCE: usize = 16;

/// Failures after which an entry is left to the sweeper, which tries for as long as the execution is unpublished.
const FAILURES_MAX: u32 = 10;

/// The waits between tries.
const BACKOFF: Backoff = Backoff { base_ms: 500, cap_ms: 10_000 };

/// Gather on one machine.
#[derive(Clone)]
pub(super) struct GatherLoop {
    pub store: SqliteStore,
    pub table: ControlTable,
    pub engine: Engine,
    /// The jitter of the waits.
    pub entropy: Arc<Entropy>,
    /// Wakes the callers that wait for an execution.
    pub finalized: Arc<watch::Sender<()>>,
}

/// Whether an execution's entries are handled.
struct Gathered {
    execution_id: ExecutionId,
    is_done: bool,
}

/// The executions that are being gathered, and how often each has failed. Bounded by the executions of this process.
#[derive(Default)]
struct Progress {
    busy: HashSet<ExecutionId>,
    failures: HashMap<ExecutionId, u32>,
}

impl GatherLoop {
    /// Gathers until the stop is requested.
    pub async fn run(self, mut stop: StopSignal) {
        let (mut progress, mut tasks) = (Progress::default(), JoinSet::new());
        loop {
            self.begin(&mut progress, &mut tasks).await;
            tokio::select! {
                () = stop.requested() => break,
                Some(gathered) = tasks.join_next(), if !tasks.is_empty() => progress.end(gathered.as_ref().ok()),
                () = self.store.outbox_changed(), if tasks.len() < AT_ONCE => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
        // What was begun ends: an event that was delivered is marked so.
        while tasks.join_next().await.is_some() {}
    }

    /// Starts a task for each execution in the outbox that has none.
    async fn begin(&self, progress: &mut Progress, tasks: &mut JoinSet<Gathered>) {
        let entries = match self.store.outbox(ENTRIES).await {
            Ok(entries) => entries,
            Err(error) => {
                tracing::error!(%error, "the outbox cannot be read; the next look tries again");
                return;
            }
        };
        let mut news: BTreeMap<ExecutionId, Vec<OutboxEntry>> = BTreeMap::new();
        for entry in entries {
            if let Some(execution_id) = execution_of(&entry.key).filter(|id| !progress.busy.contains(id)) {
                news.entry(execution_id).or_default().push(entry);
            }
        }
        for (execution_id, entries) in news.into_iter().take(AT_ONCE.saturating_sub(tasks.len())) {
            progress.busy.insert(execution_id);
            let failures = progress.failures.get(&execution_id).copied().unwrap_or_default();
            let this = self.clone();
            tasks.spawn(async move { this.gather(execution_id, entries, failures).await });
        }
    }

    /// Handles an execution's entries, and removes them from the outbox. After a failure it waits, and leaves them there.
    async fn gather(self, execution_id: ExecutionId, entries: Vec<OutboxEntry>, failures: u32) -> Gathered {
        let is_done = match self.images(execution_id, &entries).await {
            Ok(images) => self.engine.gather(images).await.is_empty(),
            Err(error) => {
                tracing::error!(%execution_id, %error, "its rows cannot be read; gather tries again");
                false
            }
        };
        self.finalized.send_replace(());
        let is_done =
            if is_done || failures >= FAILURES_MAX { self.remove(execution_id, entries).await } else { false };
        if !is_done {
            let wait = BACKOFF.wait(failures.saturating_add(1), &self.entropy);
            tokio::time::sleep(wait.to_std().unwrap_or_default()).await;
        }
        Gathered { execution_id, is_done }
    }

    /// Whether the entries are removed.
    async fn remove(&self, execution_id: ExecutionId, entries: Vec<OutboxEntry>) -> bool {
        let removed = self.store.remove_from_outbox(entries).await;
        if let Err(error) = &removed {
            tracing::error!(%execution_id, %error, "its news stays in the outbox, and is gathered again");
        }
        removed.is_ok()
    }

    /// The rows as they are now, as images.
    async fn images(
        &self,
        execution_id: ExecutionId,
        entries: &[OutboxEntry],
    ) -> Result<Vec<GatherImage>, control_table::Error> {
        let groups = entries.iter().filter_map(|entry| match entry.key {
            RowKey::Tally(group) => Some(group.group),
            _ => None,
        });
        let groups: Vec<u64> = groups.collect();
        let tallies = self.table.tallies_of(execution_id, &groups).await?;
        let execution = self.table.execution(execution_id).await?;
        let tallies = tallies.into_iter().map(|row| StreamImage::Tally(Box::new(row)));
        let images = tallies.chain(execution.map(|row| StreamImage::Execution(Box::new(row))));
        Ok(images
            .map(|image| GatherImage {
                sequence_number: execution_id.to_string(),
                event_id: String::new(),
                image: Ok(image),
            })
            .collect())
    }
}

impl Progress {
    fn end(&mut self, gathered: Option<&Gathered>) {
        let Some(&Gathered { execution_id, is_done }) = gathered else {
            // A task that panicked: no entry is busy for ever.
            self.busy.clear();
            return;
        };
        self.busy.remove(&execution_id);
        if is_done {
            self.failures.remove(&execution_id);
        } else {
            *self.failures.entry(execution_id).or_default() += 1;
        }
    }
}

const fn execution_of(key: &RowKey) -> Option<ExecutionId> {
    match key {
        RowKey::Execution(execution_id) => Some(*execution_id),
        RowKey::Tally(group) => Some(group.execution_id),
        _ => None,
    }
}
