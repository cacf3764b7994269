//! One group: looked at until what seems wrong is surely wrong, and put right.

use std::collections::{BTreeMap, BTreeSet};

use control_table::id::GroupId;
use control_table::item::{ExecutionRow, TallyRow};
use control_table::op::RestoreOutcome;
use control_table::repair::{GroupRecount, Look, Seen, recount_group};
use serde_json::Value;

use super::{LOOKS, Repair, RepairMode, specs};
use crate::error::SweepError;

impl Repair<'_> {
    /// Most groups are right at the first look: one query of their rows. One that is not is looked at again, and believed
    /// only if neither its tally nor its execution changed around the second look.
    pub(super) async fn check_group(
        &mut self,
        group: GroupId,
        mut tally: Option<Seen<TallyRow>>,
    ) -> Result<(), SweepError> {
        let mut look = Look::First;
        for _ in 0..LOOKS {
            let recount = self.recount(group, tally.as_ref(), look).await?;
            if recount.is_right() && (recount.in_flight.is_empty() || look == Look::Again) {
                return self.count(recount).await;
            }
            let before = tally;
            tally = self.tallies(&[group.group]).await?.remove(&group.group);
            let is_steady = !self.execution_moved().await? && tally == before;
            if is_steady && look == Look::Again && self.put_right(recount).await? {
                return Ok(());
            }
            if is_steady && look == Look::Again {
                // A correction met another row than the one that was seen.
                tally = self.tallies(&[group.group]).await?.remove(&group.group);
            }
            look = Look::Again;
        }
        self.report.unsettled.push(format!("group {group}"));
        Ok(())
    }

    async fn recount(
        &self,
        group: GroupId,
        tally: Option<&Seen<TallyRow>>,
        look: Look,
    ) -> Result<GroupRecount, SweepError> {
        let rows = self.sweeper.table.group_segments(group, None).await?;
        let recount = recount_group(self.against(), group, tally, &rows, &BTreeMap::new(), look);
        let lost = |offset: &u8| !rows.iter().any(|row| row.offset == *offset);
        if recount.rows.iter().all(|row| row.restore.seen.is_some()) {
            return Ok(recount);
        }
        let lost: BTreeSet<u8> = (0..=u8::MAX).filter(lost).collect();
        let specs = self.specs(group, &lost).await;
        Ok(recount_group(self.against(), group, tally, &rows, &specs, look))
    }

    /// What lost segments of the group were to do. A source that cannot be read any more is no reason to repair nothing.
    async fn specs(&self, group: GroupId, offsets: &BTreeSet<u8>) -> BTreeMap<u8, Value> {
        let Some(plan) = &self.plan else { return BTreeMap::new() };
        match specs::of_group(&plan.source, group, offsets).await {
            Ok(specs) => specs,
            Err(error) => {
                tracing::warn!(%group, %error, "what its lost segments were to do cannot be told");
                BTreeMap::new()
            }
        }
    }

    /// Whether the execution is in another state than the one that groups are held against; they are held against the
    /// present one from now on.
    async fn execution_moved(&mut self) -> Result<bool, SweepError> {
        let Some(seen) = self.sweeper.table.seen_execution(self.execution.execution_id).await? else {
            return Ok(false);
        };
        let state = |row: &ExecutionRow| {
            (row.status, row.generation, row.published_generation, row.redrive.clone(), row.groups, row.sealed_at)
        };
        let moved = state(&seen.row) != state(&self.execution);
        self.execution = seen.row;
        Ok(moved)
    }

    /// Corrects the group, or says what would be corrected; `false` if a row moved on meanwhile.
    async fn put_right(&mut self, mut recount: GroupRecount) -> Result<bool, SweepError> {
        if self.mode == RepairMode::DryRun {
            let differences = recount.rows.drain(..).flat_map(|row| row.differences);
            self.report.differences.extend(differences);
            if let Some(tally) = recount.tally {
                self.report.differences.extend(tally.differences);
                self.would_be.insert(recount.expected.group.group, recount.expected);
            }
            return Ok(true);
        }
        for row in recount.rows.drain(..) {
            if self.sweeper.table.restore(&row.restore).await? != RestoreOutcome::Restored {
                return Ok(false);
            }
            self.report.differences.extend(row.differences);
        }
        if let Some(tally) = recount.tally.take() {
            if self.sweeper.table.restore(&tally.restore).await? != RestoreOutcome::Restored {
                return Ok(false);
            }
            self.report.differences.extend(tally.differences);
        }
        self.count(recount).await?;
        Ok(true)
    }

    /// Makes sure of outcomes that somebody is about to count, or died before counting.
    async fn count(&self, recount: GroupRecount) -> Result<(), SweepError> {
        if self.mode == RepairMode::Correct {
            for tally in recount.in_flight {
                self.sweeper.table.tally(&tally).await?;
            }
        }
        Ok(())
    }
}
