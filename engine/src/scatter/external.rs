//! External executions: a caller opens one, adds segments as it learns of them, and seals it. Workers begin at once.
//!
//! Several callers may add at the same time. Each add has a *token*: after an error, or without an answer, the caller makes the
//! same call again, and its segments are added once.

use control_table::id::{ExecutionId, GroupId};
use control_table::limits::{GROUP_SIZE, MAX_SEGMENTS, MAX_SPEC_BYTES, SEGMENTS_PER_ADD};
use control_table::operation::{AddExternal, AddExternalOutcome, Seal, SealOutcome};
use control_table::retry::Retry;
use control_table::rows::{AddPart, AddToken, ExecutionRow, ExecutionStatus, PlanKind, PlanRow};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::Engine;
use crate::error::EngineError;
use crate::hex::hex;
use crate::records::record;
use crate::scatter::event::ScatterEvent;
use crate::scatter::size::json_bytes;
use crate::scatter::{Request, ScatterAnswer};

/// Segments of one add: some hundred transactions, one after the other, which take a few seconds.
pub const MAX_SPECS_PER_ADD: usize = 10_000;

/// Groups of an external execution. They need not be full, so few segments may be many groups, and a status reads every group's
/// tally.
const MAX_GROUPS: u64 = MAX_SEGMENTS / GROUP_SIZE;

/// Tries against concurrent adders. Each lost try is another adder's success; with the waits between tries, some tens of
/// concurrent adders stay far below this bound.
const RACES: Retry = Retry::new(40, 20, 500);

/// What an add did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Added {
    /// The segments of the add; all of them are added.
    pub segments: u64,
    /// The index of the first.
    pub first_index: u64,
    /// The groups they became, in order: each has 96 of the segments, the last one the rest.
    pub groups: Vec<u64>,
    /// Whether all of them had been added before, by a call with the same token.
    pub already: bool,
}

struct Add<'a> {
    execution: &'a ExecutionRow,
    plan: &'a PlanRow,
    token: AddToken,
    digest: String,
}

/// The group that a part of an add became.
struct Placed {
    group: GroupId,
    already: bool,
}

impl Engine {
    /// Opens an execution whose source is `{"type": "external"}`, or finds the one that has its key. It takes segments
    /// until [`Self::seal`].
    pub async fn open(
        &self,
        event: ScatterEvent,
        request: impl Into<Request<'_>>,
    ) -> Result<ScatterAnswer, EngineError> {
        let request = request.into();
        event.validate()?;
        if event.source.kind() != PlanKind::External {
            let reason =
                "source.type: only an execution with an \"external\" source is opened; a scatter plans the others";
            return Err(EngineError::InvalidEvent { reason: reason.to_owned() });
        }
        let key = event.key_or(request.id)?;
        let source = self.sources.resolve(&event.source).await?;
        match self.open_planned(event, key, source, request.trace).await? {
            Ok(loaded) => Ok(ScatterAnswer::new(loaded.execution, true)),
            Err(taken) => Ok(ScatterAnswer::new(self.load_external(taken).await?.0, false)),
        }
    }

    /// Adds segments to an execution that was opened with [`Self::open`], and sends their records.
    ///
    /// The same token with the same segments, also at the same time, adds them once. Segments are added by groups of 96, each
    /// group as a whole: a seal or a crash between two groups keeps the first ones.
    pub async fn add(&self, execution_id: ExecutionId, token: &str, specs: Vec<Value>) -> Result<Added, EngineError> {
        let token: AddToken = token.parse().map_err(|error| EngineError::invalid_add("token", &error))?;
        check(&specs)?;
        let (execution, plan) = self.load_external(execution_id).await?;
        let add = Add { execution: &execution, plan: &plan, token, digest: digest(&specs) };
        self.check_room(&add, specs.len()).await?;
        let (mut groups, mut placed) = (execution.groups, Vec::new());
        for (number, part) in (0..).zip(specs.chunks(SEGMENTS_PER_ADD)) {
            // Boxed, so that the futures of callers stay small.
            let at = Box::pin(self.add_part(&add, number, part, groups)).await?;
            groups = groups.max(at.group.group + 1);
            Box::pin(self.deliver(&add, &at, part)).await?;
            placed.push(at);
        }
        Ok(Added {
            segments: specs.len() as u64,
            first_index: placed.first().map_or(0, |at| at.group.segment(0).index),
            already: placed.iter().all(|at| at.already),
            groups: placed.into_iter().map(|at| at.group.group).collect(),
        })
    }

    /// Seals an execution that was opened with [`Self::open`], so that it can complete. Segments added before are part of it; an
    /// add after it is refused. Sealing again changes nothing, and neither does sealing a stopped execution: see the answer's
    /// status.
    pub async fn seal(&self, execution_id: ExecutionId) -> Result<ScatterAnswer, EngineError> {
        let (execution, _) = self.load_external(execution_id).await?;
        let mut groups = execution.groups;
        let mut tries = RACES.begin(&self.entropy);
        while tries.next().await {
            let request = Seal { execution_id, groups, now: self.now() };
            match self.table.execute(&request).await? {
                SealOutcome::Sealed | SealOutcome::AlreadySealed => {
                    tracing::info!(%execution_id, groups, "sealed");
                    self.admit_if_limited(&execution).await?;
                    return self.answer(execution_id, false).await;
                }
                SealOutcome::NotScattering(_) => return self.answer(execution_id, false).await,
                SealOutcome::GroupsDiffer(found) => groups = found,
                SealOutcome::Missing => return Err(EngineError::NotFound { execution_id }),
            }
        }
        Err(EngineError::Contended { execution_id, attempts: RACES.tries })
    }

    /// The execution and its plan; an error if the execution is not external.
    async fn load_external(&self, execution_id: ExecutionId) -> Result<(ExecutionRow, PlanRow), EngineError> {
        let execution = self.load(execution_id).await?;
        let plan = self.table.plan(execution_id).await?.ok_or(EngineError::NotFound { execution_id })?;
        if plan.kind == PlanKind::External {
            Ok((execution, plan))
        } else {
            Err(EngineError::NotExternal { execution_id })
        }
    }

    /// Refuses an add that would make too many groups, unless it was added before.
    async fn check_room(&self, add: &Add<'_>, segments: usize) -> Result<(), EngineError> {
        let parts = segments.div_ceil(SEGMENTS_PER_ADD) as u64;
        let execution_id = add.execution.execution_id;
        if add.execution.groups + parts <= MAX_GROUPS {
            return Ok(());
        }
        match self.table.add_mark(execution_id, &add.part(0)).await? {
            Some(_) => Ok(()),
            None => Err(EngineError::invalid_add(
                "segments",
                &format!(
                    "an external execution has at most {MAX_GROUPS} groups, one or more an add: add more segments at \
                     a time, or open another execution"
                ),
            )),
        }
    }

    /// Adds one part as the next group; tries the next number while concurrent adders are faster.
    async fn add_part(&self, add: &Add<'_>, number: u64, specs: &[Value], groups: u64) -> Result<Placed, EngineError> {
        let execution_id = add.execution.execution_id;
        let mut request = AddExternal {
            group: execution_id.group(groups),
            part: add.part(number),
            digest: add.digest.clone(),
            specs: specs.to_vec(),
            generation: add.execution.generation,
            now: self.now(),
        };
        let mut tries = RACES.begin(&self.entropy);
        while tries.next().await {
            match self.table.execute(&request).await? {
                AddExternalOutcome::Added => return Ok(Placed { group: request.group, already: false }),
                AddExternalOutcome::AlreadyAdded(mark) if mark.digest == add.digest => {
                    return Ok(Placed { group: execution_id.group(mark.group), already: true });
                }
                AddExternalOutcome::AlreadyAdded(_) => {
                    let reason = format!("{:?} was used for other segments: use another", add.token.as_str());
                    return Err(EngineError::invalid_add("token", &reason));
                }
                AddExternalOutcome::GroupsMoved(found) => request.group = execution_id.group(found),
                AddExternalOutcome::NotOpen(status) => return Err(EngineError::NotOpen { execution_id, status }),
                AddExternalOutcome::Missing => return Err(EngineError::NotFound { execution_id }),
            }
        }
        Err(EngineError::Contended { execution_id, attempts: RACES.tries })
    }

    /// Sends the records of one group. Of a group that was added before, those of the segments that no worker has claimed: the
    /// earlier adder may have died before it sent them.
    async fn deliver(&self, add: &Add<'_>, at: &Placed, specs: &[Value]) -> Result<(), EngineError> {
        let execution = add.execution;
        let may_start = matches!(execution.status, ExecutionStatus::Scattering | ExecutionStatus::Running);
        if !may_start {
            return Ok(());
        }
        if execution.admitted_until.is_some() {
            return self.admit_if_limited(execution).await.map(drop);
        }
        let generation = execution.generation;
        let record = |(index, spec)| record(execution, add.plan, index, generation, spec);
        let records: Vec<_> = if at.already {
            let limit = usize::try_from(GROUP_SIZE).unwrap_or(usize::MAX);
            let rows = self.table.waiting_segments(at.group, 0, execution.generation, limit).await?;
            rows.into_iter().map(|row| (row.index, row.spec)).map(record).collect()
        } else {
            (at.group.segment(0).index..).zip(specs.iter().cloned()).map(record).collect()
        };
        Ok(self.outgoing.put(&records).await?)
    }
}

impl Add<'_> {
    fn part(&self, number: u64) -> AddPart {
        AddPart { token: self.token.clone(), number }
    }
}

/// Checks the segments of an add before anything is written.
fn check(specs: &[Value]) -> Result<(), EngineError> {
    if specs.is_empty() {
        return Err(EngineError::invalid_add("segments", &"there are none: give at least one, or leave the add out"));
    }
    if specs.len() > MAX_SPECS_PER_ADD {
        let reason = format!("they are {}: add at most {MAX_SPECS_PER_ADD} at a time", specs.len());
        return Err(EngineError::invalid_add("segments", &reason));
    }
    for (number, spec) in specs.iter().enumerate() {
        let bytes = json_bytes(spec);
        if bytes > MAX_SPEC_BYTES {
            let reason = format!(
                "the one at {number} has {bytes} bytes as JSON, and {MAX_SPEC_BYTES} fit. Put what is long where workers can read \
                 it, and name that place"
            );
            return Err(EngineError::invalid_add("segments", &reason));
        }
    }
    Ok(())
}

/// A digest of the segments: detects a token that is used again for other segments.
fn digest(specs: &[Value]) -> String {
    let mut hash = Sha256::new();
    for spec in specs {
        hash.update(spec.to_string());
        // No JSON text has a line end outside of an escape.
        hash.update(b"\n");
    }
    hex(&hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_cannot_be_added_is_refused() {
        let long = json!("x".repeat(MAX_SPEC_BYTES));
        for (specs, word) in [
            (vec![], "there are none"),
            (vec![json!(1); MAX_SPECS_PER_ADD + 1], "10001"),
            (vec![json!(1), long], "the one at 1"),
        ] {
            let error = check(&specs).unwrap_err();
            assert!(error.to_string().contains(word) && !error.is_retryable(), "{error}");
        }
        assert!(check(&[json!(null)]).is_ok());
    }

    #[test]
    fn a_digest_tells_lists_apart() {
        let lists = [vec![json!(1), json!(2)], vec![json!(12)], vec![json!([1, 2])], vec![json!(2), json!(1)]];
        let digests: std::collections::HashSet<String> = lists.iter().map(|list| digest(list)).collect();
        assert_eq!(digests.len(), lists.len());
        assert_eq!(digest(&lists[0]), digest(&[json!(1), json!(2)]));
    }
}
