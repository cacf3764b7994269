//! The handler: from an event to a sealed execution.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use control_table::ControlTable;
use control_table::clock::{Clock, Entropy, Timestamp};
use control_table::id::{ExecutionId, ExecutionKey, JobName};
use control_table::item::{ExecutionRow, ExecutionStatus, PlanRow};
use control_table::op::{Open, OpenOutcome};
use control_table::trace::TraceContext;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::budget::Budget;
use crate::dispatch::Dispatcher;
use crate::error::ScatterError;
use crate::event::{ScatterEvent, check_plan};
use crate::handout::Handout;
use crate::run::Run;
use crate::source::{Source, SourceRequest, Sources};

/// What a deployment may set differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How long before its deadline an invocation stops, at a group's end; 30 seconds by default. What is under way then
    /// still has to be written: rows, a commit, records. An invocation with less than twice this time stops at half time.
    pub deadline_margin: TimeDelta,
    /// How long after its last sign of life an execution waits before the sweeper looks after its scatter; 5 minutes by
    /// default. Each committed group is such a sign, and after the seal the next look is as far away.
    pub patience: TimeDelta,
}

impl Default for Settings {
    fn default() -> Self {
        Self { deadline_margin: TimeDelta::seconds(30), patience: TimeDelta::minutes(5) }
    }
}

/// Who asks: the invocation, or whatever stands in for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request<'a> {
    /// Its ID, which takes the place of a key that the event does not give.
    pub id: &'a str,
    /// The trace that it is part of, for the records of an execution that it opens.
    pub trace: Option<TraceContext>,
}

impl<'a> From<&'a str> for Request<'a> {
    /// A request that nobody traces.
    fn from(id: &'a str) -> Self {
        Self { id, trace: None }
    }
}

/// What a scatter that ended answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScatterAnswer {
    /// The execution.
    pub execution_id: ExecutionId,
    /// Its job.
    pub job: JobName,
    /// Its key.
    pub key: ExecutionKey,
    /// Whether this call opened it; `false` if the key had an execution already.
    pub opened: bool,
    /// Segments in committed groups.
    pub segments: u64,
    /// Committed groups.
    pub groups: u64,
    /// Whether no segment will be added any more; `false` if it was cancelled before that.
    pub sealed: bool,
    /// Where the execution stands.
    pub status: ExecutionStatus,
}

impl ScatterAnswer {
    pub(crate) fn new(execution: ExecutionRow, opened: bool) -> Self {
        Self {
            execution_id: execution.execution_id,
            job: execution.job,
            key: execution.key,
            opened,
            segments: execution.segments,
            groups: execution.groups,
            sealed: execution.sealed_at.is_some(),
            status: execution.status,
        }
    }
}

/// Opens executions, writes their segments to the control table and puts them on the stream.
#[derive(Debug, Clone)]
pub struct Scatter {
    pub(crate) table: ControlTable,
    pub(crate) dispatcher: Dispatcher,
    pub(crate) sources: Sources,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<Entropy>,
    pub(crate) settings: Settings,
    handout: Handout,
}

/// An execution as a scatter works on it.
pub(crate) struct Loaded {
    pub execution: ExecutionRow,
    plan: PlanRow,
    source: Arc<dyn Source>,
}

impl Scatter {
    /// A scatter on that table and that stream.
    #[must_use]
    pub fn new(
        table: ControlTable,
        dispatcher: Dispatcher,
        sources: Sources,
        clock: Arc<dyn Clock>,
        entropy: Arc<Entropy>,
        settings: Settings,
    ) -> Self {
        let handout = Handout::new(table.clone(), dispatcher.clone());
        Self { table, dispatcher, sources, clock, entropy, settings, handout }
    }

    /// What hands segments out, where an execution limits those in flight.
    #[must_use]
    pub const fn handout(&self) -> &Handout {
        &self.handout
    }

    /// Carries an event out: opens an execution, or goes on with the one that has its key, until it is sealed.
    ///
    /// Calling it again with the same key is always safe, also while another call is at work. The source and the policy are
    /// those of the call that opened the execution.
    pub async fn handle(
        &self,
        event: Value,
        request: impl Into<Request<'_>>,
        deadline: DateTime<Utc>,
    ) -> Result<ScatterAnswer, ScatterError> {
        let request = request.into();
        let budget = Budget::new(self.clock.now(), deadline, self.settings.deadline_margin);
        let event = ScatterEvent::parse(event)?;
        refuse_external(&event.source)?;
        let key = event.key_or(request.id)?;
        // Asked first, so that an invocation that is repeated does not count the source again.
        if let Some(execution_id) = self.table.execution_of_key(&event.job, &key).await? {
            return self.go_on(execution_id, budget).await;
        }
        let resolving = self.sources.resolve(&event.source);
        let source = tokio::time::timeout(budget.left(&*self.clock), resolving)
            .await
            .map_err(|_elapsed| ScatterError::SourceTooSlow)??;
        match self.open_planned(event, key, source, request.trace).await? {
            Ok(loaded) => {
                self.run(&loaded, budget).await?;
                self.answer(loaded.execution.execution_id, true).await
            }
            Err(taken) => self.go_on(taken, budget).await,
        }
    }

    /// Goes on with an execution whose scatter stopped before it was sealed. One that is sealed is left as it is.
    pub async fn resume(
        &self,
        execution_id: ExecutionId,
        deadline: DateTime<Utc>,
    ) -> Result<ScatterAnswer, ScatterError> {
        let budget = Budget::new(self.clock.now(), deadline, self.settings.deadline_margin);
        self.go_on(execution_id, budget).await
    }

    /// Opens the execution, or finds the one that got the key in the meantime.
    pub(crate) async fn open_planned(
        &self,
        event: ScatterEvent,
        key: ExecutionKey,
        source: Arc<dyn Source>,
        trace: Option<TraceContext>,
    ) -> Result<Result<Loaded, ExecutionId>, ScatterError> {
        let plan = source.plan();
        check_plan(&plan, &event.parameters)?;
        let now = self.clock.timestamp();
        let request = Open {
            execution_id: ExecutionId::new(self.entropy.uuid_v7(self.clock.now())),
            job: event.job,
            key,
            policy: event.policy,
            expected: source.total(),
            source: plan,
            parameters: event.parameters,
            trace,
            now,
            due_at: event.policy.next_look(now, now, self.settings.patience),
        };
        let execution = match self.table.open(&request).await? {
            OpenOutcome::Opened(execution) => *execution,
            // Opened by this very call, whose first answer was lost.
            OpenOutcome::Existing(taken) if taken == request.execution_id => self.load(taken).await?,
            OpenOutcome::Existing(taken) => return Ok(Err(taken)),
        };
        let Open { execution_id, source: plan, parameters, trace, .. } = request;
        let trace_id = trace.as_ref().map(TraceContext::trace_id);
        tracing::info!(%execution_id, trace_id, job = %execution.job, expected = execution.expected, "opened");
        let plan = PlanRow { execution_id, source: plan, parameters, trace, expires_at: None };
        Ok(Ok(Loaded { execution, plan, source }))
    }

    async fn go_on(&self, execution_id: ExecutionId, budget: Budget) -> Result<ScatterAnswer, ScatterError> {
        let execution = self.load(execution_id).await?;
        if execution.status != ExecutionStatus::Scattering {
            // Whoever sealed it may have died before it handed out what there was room for.
            self.hand_out_if_limited(&execution).await?;
            return Ok(ScatterAnswer::new(execution, false));
        }
        let plan = self.table.plan(execution_id).await?.ok_or(ScatterError::NotFound { execution_id })?;
        let trace_id = plan.trace.as_ref().map(TraceContext::trace_id);
        tracing::info!(%execution_id, trace_id, groups = execution.groups, "going on");
        let source = self.sources.from_plan(&plan.source).await?;
        if source.is_external() {
            // There is nothing to plan, and the seal comes from outside; the sweeper puts records again that are owed.
            self.hand_out_if_limited(&execution).await?;
            return Ok(ScatterAnswer::new(execution, false));
        }
        self.run(&Loaded { execution, plan, source }, budget).await?;
        self.answer(execution_id, false).await
    }

    /// With a limit of segments in flight, records are put as there is room for them.
    pub(crate) async fn hand_out_if_limited(&self, execution: &ExecutionRow) -> Result<(), ScatterError> {
        if execution.handed_out.is_some() {
            self.handout.hand_out(execution.execution_id).await?;
        }
        Ok(())
    }

    /// When the sweeper should look whether there is still a sign of life.
    pub(crate) fn due_at(&self, execution: &ExecutionRow) -> Timestamp {
        execution.policy.next_look(execution.started_at, self.clock.timestamp(), self.settings.patience)
    }

    async fn run(&self, loaded: &Loaded, budget: Budget) -> Result<(), ScatterError> {
        let Loaded { execution, plan, source } = loaded;
        let run = Run { scatter: self, execution, plan, source: &**source, budget };
        // Boxed, so that the futures of callers stay small.
        Box::pin(run.carry_out()).await
    }

    pub(crate) async fn answer(&self, execution_id: ExecutionId, opened: bool) -> Result<ScatterAnswer, ScatterError> {
        Ok(ScatterAnswer::new(self.load(execution_id).await?, opened))
    }

    pub(crate) async fn load(&self, execution_id: ExecutionId) -> Result<ExecutionRow, ScatterError> {
        self.table.execution(execution_id).await?.ok_or(ScatterError::NotFound { execution_id })
    }
}

/// A scatter ends with the seal, and nothing would ever fill this one.
fn refuse_external(source: &SourceRequest) -> Result<(), ScatterError> {
    match source {
        SourceRequest::External(_) => Err(ScatterError::InvalidEvent {
            reason: "source.type: \"external\" gives no segments by itself: open the execution, add to it, and seal it"
                .to_owned(),
        }),
        _ => Ok(()),
    }
}
