//! An execution that is filled from outside while it already runs: open it, add segments as they become known, seal it.
//!
//! Whoever adds need not be whoever opened, and several may add at once. An add has a *token*, by which it knows itself again:
//! after an error, or without an answer, the same call is simply made again.

use std::time::Duration;

use control_table::id::{ExecutionId, GroupId};
use control_table::item::{AddPart, AddToken, ExecutionRow, ExecutionStatus, PlanRow};
use control_table::limits::{GROUP_SIZE, MAX_SEGMENTS, MAX_SPEC_BYTES, SEGMENTS_PER_ADD};
use control_table::op::{Append, AppendOutcome, Seal, SealOutcome};
use control_table::record::SegmentRecord;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::error::ScatterError;
use crate::event::ScatterEvent;
use crate::scatter::{Request, Scatter, ScatterAnswer};
use crate::size::json_bytes;
use crate::source::{SourceRequest, Sources};

/// Segments of one add: some hundred transactions, one after the other, which take a few seconds.
pub const MAX_SPECS_PER_ADD: usize = 10_000;

/// Groups of an execution that is filled from outside. They need not be full, so that few segments may be many groups; and it is
/// groups that a status has to read.
const MAX_GROUPS: u64 = MAX_SEGMENTS / GROUP_SIZE;

/// Tries against others who add at once. Each lost try is somebody else's group, so all get on; with the waits between them,
/// some tens of adders at once do not come near it.
const TRIES: u32 = 40;

const BACKOFF_BASE_MS: u64 = 10;
const BACKOFF_CAP_MS: u64 = 500;

/// What an add did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Added {
    /// The segments of the add: all of them are in.
    pub segments: u64,
    /// The index of the first.
    pub first_index: u64,
    /// The groups they became, in order: each has 96 of the segments, the last one the rest.
    pub groups: Vec<u64>,
    /// Whether all of them had been added before, by a call with the same token.
    pub already: bool,
}

/// One add on its way.
struct Add<'a> {
    execution: &'a ExecutionRow,
    plan: &'a PlanRow,
    token: AddToken,
    digest: String,
}

/// Where a part of an add is.
struct Placed {
    group: GroupId,
    already: bool,
}

impl Scatter {
    /// Opens an execution whose source is `{"type": "external"}`, or finds the one that has its key. It takes segments
    /// until [`Self::seal`].
    pub async fn open(&self, event: Value, request: impl Into<Request<'_>>) -> Result<ScatterAnswer, ScatterError> {
        let request = request.into();
        let event = ScatterEvent::parse(event)?;
        if !matches!(event.source, SourceRequest::External(_)) {
            let reason = "source.type: only an \"external\" source is opened and filled from outside; a scatter plans the others";
            return Err(ScatterError::InvalidEvent { reason: reason.to_owned() });
        }
        let key = event.key_or(request.id)?;
        let source = self.sources.resolve(&event.source).await?;
        let taken = match self.open_planned(event, key, source, request.trace).await? {
            Ok(loaded) => return Ok(ScatterAnswer::new(loaded.execution, true)),
            Err(taken) => taken,
        };
        let (execution, _) = self.load_external(taken).await?;
        Ok(ScatterAnswer::new(execution, false))
    }

    /// Adds segments to an execution that was opened with [`Self::open`], and puts their records on the stream.
    ///
    /// With the same token and the same segments it may be called again, also at the same time, and adds them once. The
    /// segments go in by groups of 96, each as a whole: a seal, or a death, between two groups leaves the first ones in.
    pub async fn add(&self, execution_id: ExecutionId, token: &str, specs: Vec<Value>) -> Result<Added, ScatterError> {
        let token: AddToken = token.parse().map_err(|error| ScatterError::invalid_add("token", &error))?;
        check(&specs)?;
        let (execution, plan) = self.load_external(execution_id).await?;
        let add = Add { execution: &execution, plan: &plan, token, digest: digest(&specs) };
        self.check_room(&add, specs.len()).await?;
        let (mut groups, mut placed) = (execution.groups, Vec::new());
        for (number, part) in (0..).zip(specs.chunks(SEGMENTS_PER_ADD)) {
            // Boxed, so that the futures of callers stay small.
            let at = Box::pin(self.append(&add, number, part, groups)).await?;
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

    /// Seals an execution that was opened with [`Self::open`]: no segment will be added, so it can complete. What an add got
    /// in before is part of it, and an add after it is refused. Sealing again changes nothing; one that is stopped is left as
    /// it is, which its answer tells.
    pub async fn seal(&self, execution_id: ExecutionId) -> Result<ScatterAnswer, ScatterError> {
        let (execution, _) = self.load_external(execution_id).await?;
        let mut groups = execution.groups;
        for attempt in 0..TRIES {
            self.back_off(attempt).await;
            let request = Seal { execution_id, groups, now: self.clock.timestamp() };
            match self.table.seal(&request).await? {
                SealOutcome::Sealed | SealOutcome::AlreadySealed => {
                    tracing::info!(%execution_id, groups, "sealed");
                    self.hand_out_if_limited(&execution).await?;
                    return self.answer(execution_id, false).await;
                }
                SealOutcome::NotScattering(_) => return self.answer(execution_id, false).await,
                SealOutcome::GroupsDiffer(found) => groups = found,
                SealOutcome::Missing => return Err(ScatterError::NotFound { execution_id }),
            }
        }
        Err(ScatterError::Contended { execution_id, attempts: TRIES })
    }

    /// The execution and its plan; an error if others than the caller provide its segments.
    async fn load_external(&self, execution_id: ExecutionId) -> Result<(ExecutionRow, PlanRow), ScatterError> {
        let execution = self.load(execution_id).await?;
        let plan = self.table.plan(execution_id).await?.ok_or(ScatterError::NotFound { execution_id })?;
        if Sources::is_external(&plan.source) {
            Ok((execution, plan))
        } else {
            Err(ScatterError::NotExternal { execution_id })
        }
    }

    /// Refuses an add that would make too many groups, unless it is in already.
    async fn check_room(&self, add: &Add<'_>, segments: usize) -> Result<(), ScatterError> {
        let parts = segments.div_ceil(SEGMENTS_PER_ADD) as u64;
        let execution_id = add.execution.execution_id;
        if add.execution.groups + parts <= MAX_GROUPS {
            return Ok(());
        }
        match self.table.add_mark(execution_id, &add.part(0)).await? {
            Some(_) => Ok(()),
            None => Err(ScatterError::invalid_add(
                "segments",
                &format!(
                    "an execution that is filled from outside has at most {MAX_GROUPS} groups, one or more an add: add more segments at \
                     a time, or open another execution"
                ),
            )),
        }
    }

    /// One part of an add, as the next group; again with the next number while others are faster.
    async fn append(&self, add: &Add<'_>, number: u64, specs: &[Value], groups: u64) -> Result<Placed, ScatterError> {
        let execution_id = add.execution.execution_id;
        let mut request = Append {
            group: execution_id.group(groups),
            part: add.part(number),
            digest: add.digest.clone(),
            specs: specs.to_vec(),
            generation: add.execution.generation,
            now: self.clock.timestamp(),
            expires_at: add.execution.expires_at,
        };
        for attempt in 0..TRIES {
            self.back_off(attempt).await;
            match self.table.append(&request).await? {
                AppendOutcome::Appended => return Ok(Placed { group: request.group, already: false }),
                AppendOutcome::AlreadyAppended(mark) if mark.digest == add.digest => {
                    return Ok(Placed { group: execution_id.group(mark.group), already: true });
                }
                AppendOutcome::AlreadyAppended(_) => {
                    let reason = format!("{:?} was used for other segments: use another", add.token.as_str());
                    return Err(ScatterError::invalid_add("token", &reason));
                }
                AppendOutcome::GroupsMoved(found) => request.group = execution_id.group(found),
                AppendOutcome::NotOpen(status) => return Err(ScatterError::NotOpen { execution_id, status }),
                AppendOutcome::Missing => return Err(ScatterError::NotFound { execution_id }),
            }
        }
        Err(ScatterError::Contended { execution_id, attempts: TRIES })
    }

    /// The records of one group. Of one that was added before, those of the segments that nobody has begun: whoever added it
    /// may have died before it put them.
    async fn deliver(&self, add: &Add<'_>, at: &Placed, specs: &[Value]) -> Result<(), ScatterError> {
        let execution = add.execution;
        let may_start = matches!(execution.status, ExecutionStatus::Scattering | ExecutionStatus::Running);
        if !may_start {
            return Ok(());
        }
        if execution.handed_out.is_some() {
            return self.hand_out_if_limited(execution).await;
        }
        let record = |(index, spec)| SegmentRecord::new(execution, add.plan, index, spec);
        let records: Vec<_> = if at.already {
            let limit = usize::try_from(GROUP_SIZE).unwrap_or(usize::MAX);
            let rows = self.table.waiting_segments(at.group, 0, execution.generation, limit).await?;
            rows.into_iter().map(|row| (row.index, row.spec)).map(record).collect()
        } else {
            (at.group.segment(0).index..).zip(specs.iter().cloned()).map(record).collect()
        };
        Ok(self.dispatcher.put(&records).await?)
    }

    /// Full jitter: the wait before try n is drawn evenly from zero to `min(cap, base * 2^n)`; none before the first.
    async fn back_off(&self, attempt: u32) {
        if attempt > 0 {
            let ceiling = BACKOFF_BASE_MS.saturating_mul(1 << attempt.min(16)).min(BACKOFF_CAP_MS);
            tokio::time::sleep(Duration::from_millis(self.entropy.up_to(ceiling))).await;
        }
    }
}

impl Add<'_> {
    fn part(&self, number: u64) -> AddPart {
        AddPart { token: self.token.clone(), number }
    }
}

/// Everything about the segments of an add that can be refused before anything is written.
fn check(specs: &[Value]) -> Result<(), ScatterError> {
    if specs.is_empty() {
        return Err(ScatterError::invalid_add("segments", &"there are none: give at least one, or leave the add out"));
    }
    if specs.len() > MAX_SPECS_PER_ADD {
        let reason = format!("they are {}: add at most {MAX_SPECS_PER_ADD} at a time", specs.len());
        return Err(ScatterError::invalid_add("segments", &reason));
    }
    for (number, spec) in specs.iter().enumerate() {
        let bytes = json_bytes(spec);
        if bytes > MAX_SPEC_BYTES {
            let reason = format!(
                "the one at {number} has {bytes} bytes as JSON, and {MAX_SPEC_BYTES} fit. Put what is long where workers can read \
                 it, and name that place"
            );
            return Err(ScatterError::invalid_add("segments", &reason));
        }
    }
    Ok(())
}

/// A digest of the segments, by which a token that comes again with others is noticed.
fn digest(specs: &[Value]) -> String {
    let mut hash = Sha256::new();
    for spec in specs {
        hash.update(spec.to_string());
        // No JSON text has a line end outside of an escape.
        hash.update(b"\n");
    }
    hash.finalize().iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
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
