//! Events on one machine: a line in a file, and the user's commands.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use control_table::id::ExecutionId;
use control_table::message::CompletionEvent;
use control_table::message::NotificationEvent;
use control_table::store::SqliteStore;
use engine::{EventBus, PublishError};
use futures::future::BoxFuture;
use serde::Serialize;
use uuid::Uuid;

use super::hook::{Commands, Hook, HookError, Told};
use super::origin::Origin;
use super::{Error, Hooks};

/// The file of a data directory that gets a line for each completion event.
pub const EVENTS_FILE: &str = "events.jsonl";

/// The file of a data directory that gets a line for each event of an execution that is not complete.
pub const NOTIFICATIONS_FILE: &str = "notifications.jsonl";

/// Appends each event to a file, then runs the hooks for it.
#[derive(Debug)]
pub(super) struct LocalBus {
    events: PathBuf,
    notifications: PathBuf,
    commands: Commands,
    /// Where executions keep the commands that they were started with.
    origins: Option<SqliteStore>,
    /// How often a command has failed, by execution: what waits for an execution stops waiting for its event. Bounded by
    /// the executions of one process.
    failures: Mutex<HashMap<ExecutionId, Failures>>,
    /// Whether a command or a file took an event: of two for one event, one that fails does not have the other repeated, and gather and
    /// sweeper do not deliver the same at the same time. Bounded as the failures are.
    taken: Mutex<HashMap<(Uuid, String), Taken>>,
}

impl LocalBus {
    pub fn new(data_dir: &Path, commands: Commands, origins: Option<SqliteStore>) -> Self {
        Self {
            events: data_dir.join(EVENTS_FILE),
            notifications: data_dir.join(NOTIFICATIONS_FILE),
            commands,
            origins,
            failures: Mutex::default(),
            taken: Mutex::default(),
        }
    }

    /// How often events of that execution could not be delivered.
    pub fn failures(&self, execution_id: ExecutionId) -> Failures {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.get(&execution_id).copied().unwrap_or_default()
    }

    /// Delivers an event to one target, unless the target took it before: gather and sweeper may publish the same event at once.
    async fn once(
        &self,
        event_id: Uuid,
        target: &str,
        deliver: impl Future<Output = Result<(), Undelivered>>,
    ) -> Result<(), Undelivered> {
        let taken = {
            let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(taken.entry((event_id, target.to_owned())).or_default())
        };
        let mut taken = taken.lock().await;
        if *taken {
            return Ok(());
        }
        deliver.await?;
        *taken = true;
        Ok(())
    }

    async fn tell(&self, hook: Hook<'_>, event_id: Uuid, told: &Told<'_>) -> Result<(), Undelivered> {
        let command = hook.command;
        let lost = |error: HookError| Undelivered { target: format!("`{command}`"), source: error.into() };
        self.once(event_id, command, async { self.commands.run(hook, told).await.map_err(lost) }).await
    }

    /// Whether a command runs.
    pub fn has_running(&self) -> bool {
        self.commands.is_running()
    }

    /// Appends an event to a file.
    async fn write_down(&self, path: &Path, event_id: Uuid, line: &str) -> Result<(), Undelivered> {
        self.once(event_id, &path.display().to_string(), async { append(path, line) }).await
    }

    /// The commands for an execution's events: this process's, or those that the execution was started with.
    async fn hooks(&self, execution_id: ExecutionId) -> Result<Hooks, Undelivered> {
        let own = &self.commands.hooks;
        let Some(store) = self.origins.as_ref().filter(|_| !own.has_commands()) else { return Ok(own.clone()) };
        let lost = |error: Error| Undelivered { target: "the execution's commands".to_owned(), source: error.into() };
        let kept = Origin::of(store, execution_id).await.map_err(lost)?.unwrap_or_default().hooks;
        Ok(Hooks { timeout_ms: own.timeout_ms.or(kept.timeout_ms), ..kept })
    }

    async fn deliver(&self, event: &CompletionEvent) -> Result<(), Undelivered> {
        let line = to_line(&self.events, event)?;
        self.write_down(&self.events, event.event_id, &line).await?;
        let told = Told::completion(event, &line);
        let mut first = Ok(());
        // Each gets the event, whether or not the other's succeeds.
        let hooks = self.hooks(event.execution_id).await?;
        for hook in hooks.of_completion(event.status) {
            let outcome = self.tell(hook, event.event_id, &told).await;
            first = first.and(outcome);
        }
        first
    }

    async fn deliver_notification(&self, event: &NotificationEvent) -> Result<(), Undelivered> {
        let line = to_line(&self.notifications, event)?;
        self.write_down(&self.notifications, event.event_id, &line).await?;
        match self.hooks(event.execution_id).await?.of_notification(event.notification) {
            Some(hook) => self.tell(hook, event.event_id, &Told::notification(event, &line)).await,
            None => Ok(()),
        }
    }

    fn failed(
        &self,
        execution: ExecutionId,
        lost: Undelivered,
        count: impl FnOnce(&mut Failures) -> &mut u32,
    ) -> PublishError {
        let Undelivered { target, source } = lost;
        tracing::warn!(execution_id = %execution, %target, error = %source, "an event was not taken; it comes again");
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        *count(failures.entry(execution).or_default()) += 1;
        PublishError { execution, target, source }
    }
}

/// Whether a target took an event; held while it does.
type Taken = Arc<tokio::sync::Mutex<bool>>;

/// How often events of an execution could not be delivered, in this process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Failures {
    /// Its completion event.
    pub completion: u32,
    /// Its notifications.
    pub notifications: u32,
}

/// What an event did not reach, and why.
struct Undelivered {
    target: String,
    source: SendError,
}

type SendError = Box<dyn std::error::Error + Send + Sync>;

fn undelivered(path: &Path, source: SendError) -> Undelivered {
    Undelivered { target: path.display().to_string(), source }
}

fn to_line(path: &Path, event: &impl Serialize) -> Result<String, Undelivered> {
    serde_json::to_string(event).map_err(|error| undelivered(path, error.into()))
}

/// One line, in one write. A process that is killed leaves a whole line or none.
fn append(path: &Path, line: &str) -> Result<(), Undelivered> {
    let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
    let written = file.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()));
    written.map_err(|error| undelivered(path, error.into()))
}

impl EventBus for LocalBus {
    fn publish<'a>(&'a self, event: &'a CompletionEvent) -> BoxFuture<'a, Result<(), PublishError>> {
        Box::pin(async move {
            let delivered = self.deliver(event).await;
            delivered.map_err(|lost| self.failed(event.execution_id, lost, |count| &mut count.completion))
        })
    }

    fn notify<'a>(&'a self, event: &'a NotificationEvent) -> BoxFuture<'a, Result<(), PublishError>> {
        Box::pin(async move {
            let delivered = self.deliver_notification(event).await;
            delivered.map_err(|lost| self.failed(event.execution_id, lost, |count| &mut count.notifications))
        })
    }
}
