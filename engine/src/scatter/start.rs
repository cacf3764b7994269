//! From an event to a sealed execution.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use control_table::clock::Timestamp;
use control_table::id::{ExecutionId, ExecutionKey, JobName};
use control_table::operation::{Open, OpenOutcome};
use control_table::rows::{ExecutionRow, ExecutionStatus, PlanKind, PlanRow};
use control_table::trace::TraceContext;
use serde::{Deserialize, Serialize};

use crate::Engine;
use crate::admission::Admitted;
use crate::error::EngineError;
use crate::scatter::budget::Budget;
use crate::scatter::event::{ScatterEvent, check_plan};
use crate::scatter::key::asked;
use crate::scatter::pipeline::Run;
use crate::scatter::sources::Source;

/// The request of a caller: a Lambda invocation, or one call of the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request<'a> {
    /// Its ID, which takes the place of a key that the event does not give.
    pub id: &'a str,
    /// The trace that it is part of, for the records of an execution that it opens.
    pub trace: Option<TraceContext>,
}

impl<'a> From<&'a str> for Request<'a> {
    /// A request without a trace.
    fn from(id: &'a str) -> Self {
        Self { id, trace: None }
    }
}

/// The answer of a scatter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
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

/// What a scatter found under its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scattered {
    /// Nothing: it opened an execution.
    Opened(ScatterAnswer),
    /// This execution, for the same source and parameters. It is as it was.
    Existing(ExecutionId),
}

/// An execution as a scatter works on it.
pub(crate) struct Loaded {
    pub execution: ExecutionRow,
    plan: PlanRow,
    source: Arc<dyn Source>,
}

impl Engine {
    /// Opens an execution, or continues the one that has the event's key, until it is sealed.
    ///
    /// Calling it again with the same key is always safe, also while another call is under way. The policy is that of the call that
    /// opened the execution; a call with another source or other parameters is refused.
    ///
    /// # Errors
    /// Bad input, before anything is written; or a failure after which the same call continues.
    pub async fn scatter(
        &self,
        event: ScatterEvent,
        request: impl Into<Request<'_>>,
        deadline: DateTime<Utc>,
    ) -> Result<ScatterAnswer, EngineError> {
        let budget = Budget::new(self.clock.now(), deadline, self.settings.deadline_margin);
        match self.scatter_within(event, request.into(), budget).await? {
            Scattered::Opened(answer) => Ok(answer),
            Scattered::Existing(execution_id) => self.continue_scatter(execution_id, budget).await,
        }
    }

    /// Opens an execution and continues until it is sealed, unless the event's key has an execution already: that one stays as it is.
    /// For a caller that must know first whose execution it is.
    ///
    /// # Errors
    /// As [`Self::scatter`].
    pub async fn scatter_new(
        &self,
        event: ScatterEvent,
        request: impl Into<Request<'_>>,
        deadline: DateTime<Utc>,
    ) -> Result<Scattered, EngineError> {
        let budget = Budget::new(self.clock.now(), deadline, self.settings.deadline_margin);
        self.scatter_within(event, request.into(), budget).await
    }

    async fn scatter_within(
        &self,
        event: ScatterEvent,
        request: Request<'_>,
        budget: Budget,
    ) -> Result<Scattered, EngineError> {
        event.validate()?;
        refuse_external(&event)?;
        let key = event.key_or(request.id)?;
        // Looked up first, so that a repeated invocation does not count the source again.
        if let Some(execution_id) = self.existing(&event, &key).await? {
            return Ok(Scattered::Existing(execution_id));
        }
        let resolving = self.sources.resolve(&event.source);
        let source = tokio::time::timeout(budget.left(&*self.clock), resolving)
            .await
            .map_err(|_elapsed| EngineError::SourceTooSlow)??;
        match self.open_planned(event, key, source, request.trace).await? {
            Ok(loaded) => {
                self.run(&loaded, budget).await?;
                Ok(Scattered::Opened(self.answer(loaded.execution.execution_id, true).await?))
            }
            Err(taken) => Ok(Scattered::Existing(taken)),
        }
    }

    /// Continues an execution whose scatter stopped before the seal. A sealed one does not change.
    pub async fn resume(
        &self,
        execution_id: ExecutionId,
        deadline: DateTime<Utc>,
    ) -> Result<ScatterAnswer, EngineError> {
        let budget = Budget::new(self.clock.now(), deadline, self.settings.deadline_margin);
        self.continue_scatter(execution_id, budget).await
    }

    /// As [`Self::resume`], by a sweep, which keeps a margin of its own.
    pub(crate) async fn resume_until(
        &self,
        execution_id: ExecutionId,
        until: DateTime<Utc>,
    ) -> Result<ScatterAnswer, EngineError> {
        self.continue_scatter(execution_id, Budget::until(until)).await
    }

    /// Opens the execution, or finds the one that got the key in the meantime for the same source and parameters.
    pub(super) async fn open_planned(
        &self,
        event: ScatterEvent,
        key: ExecutionKey,
        source: Arc<dyn Source>,
        trace: Option<TraceContext>,
    ) -> Result<Result<Loaded, ExecutionId>, EngineError> {
        let plan = source.plan();
        check_plan(&plan, &event.parameters)?;
        let now = self.now();
        let request = Open {
            execution_id: ExecutionId::new(self.entropy.uuid_v7(self.clock.now())),
            job: event.job,
            key,
            policy: event.policy,
            expected: source.total(),
            kind: source.kind(),
            asked: asked(&event.source),
            source: plan,
            parameters: event.parameters,
            trace,
            now,
            due_at: event.policy.next_look(now, now, self.settings.patience),
        };
        let execution = match self.table.execute(&request).await? {
            OpenOutcome::Opened(execution) => *execution,
            // Opened by this very call, whose first answer was lost.
            OpenOutcome::Existing(taken) if taken == request.execution_id => self.load(taken).await?,
            OpenOutcome::Existing(taken) => {
                let Open { key, asked, parameters, .. } = &request;
                self.refuse_another(taken, key, asked, parameters).await?;
                return Ok(Err(taken));
            }
        };
        let Open { execution_id, kind, asked, source: plan, parameters, trace, .. } = request;
        let trace_id = trace.as_ref().map(TraceContext::trace_id);
        tracing::info!(%execution_id, trace_id, job = %execution.job, expected = execution.expected, "opened");
        let plan = PlanRow { execution_id, kind, asked, source: plan, parameters, trace };
        Ok(Ok(Loaded { execution, plan, source }))
    }

    async fn continue_scatter(&self, execution_id: ExecutionId, budget: Budget) -> Result<ScatterAnswer, EngineError> {
        let execution = self.load(execution_id).await?;
        if execution.status != ExecutionStatus::Scattering {
            // The scatter that sealed it may have died before it admitted the last segments.
            self.admit_if_limited(&execution).await?;
            return Ok(ScatterAnswer::new(execution, false));
        }
        let plan = self.table.plan(execution_id).await?.ok_or(EngineError::NotFound { execution_id })?;
        let trace_id = plan.trace.as_ref().map(TraceContext::trace_id);
        tracing::info!(%execution_id, trace_id, groups = execution.groups, "continues");
        let source = self.sources.from_plan(&plan.source).await?;
        if plan.kind == PlanKind::External {
            // Its caller adds the segments and seals it; the sweeper sends records that are missing.
            self.admit_if_limited(&execution).await?;
            return Ok(ScatterAnswer::new(execution, false));
        }
        self.run(&Loaded { execution, plan, source }, budget).await?;
        self.answer(execution_id, false).await
    }

    /// Admits segments, if the execution limits those in flight. Returns the records sent.
    pub(crate) async fn admit_if_limited(&self, execution: &ExecutionRow) -> Result<u64, EngineError> {
        if execution.admitted_until.is_none() {
            return Ok(0);
        }
        Ok(self.admit(execution.execution_id).await?.records)
    }

    /// Sends records of the next segments, until as many are in flight as the policy allows or all have been admitted. An
    /// execution without a limit, or in which nothing starts any more, is left as it is.
    ///
    /// # Errors
    /// When the table or the stream does not answer: admitting again continues.
    pub async fn admit(&self, execution_id: ExecutionId) -> Result<Admitted, EngineError> {
        self.admission.admit(execution_id).await
    }

    /// When the sweeper should look whether there is still a sign of life.
    pub(crate) fn due_at(&self, execution: &ExecutionRow) -> Timestamp {
        execution.policy.next_look(execution.started_at, self.now(), self.settings.patience)
    }

    async fn run(&self, loaded: &Loaded, budget: Budget) -> Result<(), EngineError> {
        let Loaded { execution, plan, source } = loaded;
        let run = Run { engine: self, execution, plan, source: &**source, budget };
        // Boxed, so that the futures of callers stay small.
        Box::pin(run.carry_out()).await
    }

    pub(crate) async fn answer(&self, execution_id: ExecutionId, opened: bool) -> Result<ScatterAnswer, EngineError> {
        Ok(ScatterAnswer::new(self.load(execution_id).await?, opened))
    }

    pub(crate) async fn load(&self, execution_id: ExecutionId) -> Result<ExecutionRow, EngineError> {
        self.table.execution(execution_id).await?.ok_or(EngineError::NotFound { execution_id })
    }
}

/// A scatter ends with the seal, so an external execution would stay empty.
fn refuse_external(event: &ScatterEvent) -> Result<(), EngineError> {
    match event.source.kind() {
        PlanKind::Planned => Ok(()),
        PlanKind::External => Err(EngineError::InvalidEvent {
            reason: "source.type: \"external\" gives no segments by itself: open the execution, add to it, and seal it"
                .to_owned(),
        }),
    }
}
