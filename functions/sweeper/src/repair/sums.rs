//! The execution and its key, once every group is right.

use control_table::item::ExecutionRow;
use control_table::limits::{GROUP_SIZE, MAX_SEGMENTS};
use control_table::op::RestoreOutcome;
use control_table::repair::{KeyHolder, Seen, Sums, recount_execution, recount_key};

use super::{LOOKS, Repair, RepairMode};
use crate::cancel::GROUPS_AT_ONCE;
use crate::error::SweepError;

impl Repair<'_> {
    /// The groups that there are. One more than the execution says is there if it has a tally; one fewer, if the last has
    /// neither tally nor rows.
    pub(super) async fn groups(&self, execution: &ExecutionRow) -> Result<u64, SweepError> {
        let mut groups = execution.groups.min(MAX_SEGMENTS);
        loop {
            let next: Vec<u64> = (groups..).take(GROUPS_AT_ONCE).collect();
            let tallies = self.tallies(&next).await?;
            let found = next.iter().take_while(|group| tallies.contains_key(group)).count();
            groups += found as u64;
            if found < next.len() {
                break;
            }
        }
        if groups > execution.groups || self.is_planned_for(execution, groups) {
            return Ok(groups);
        }
        self.without_empty(groups).await
    }

    fn is_planned_for(&self, execution: &ExecutionRow, groups: u64) -> bool {
        let expected = execution.expected.filter(|_| execution.sealed_at.is_some() && self.against().is_planned);
        expected.is_some_and(|expected| expected.div_ceil(GROUP_SIZE) == groups)
    }

    /// Leaves out the groups at the end that are not there at all.
    async fn without_empty(&self, mut groups: u64) -> Result<u64, SweepError> {
        while groups > 0 {
            let first = groups.saturating_sub(GROUPS_AT_ONCE as u64);
            let last: Vec<u64> = (first..groups).collect();
            let tallies = self.tallies(&last).await?;
            if tallies.is_empty() && first > 0 {
                groups = first;
                continue;
            }
            for &group in last.iter().rev() {
                let id = self.execution.execution_id.group(group);
                let is_there =
                    tallies.contains_key(&group) || !self.sweeper.table.group_segments(id, None).await?.is_empty();
                if is_there {
                    return Ok(group + 1);
                }
            }
            groups = first;
        }
        Ok(0)
    }

    /// Read before its tallies: a fold in between changes it, and then it is counted again.
    pub(super) async fn check_execution(&mut self) -> Result<(), SweepError> {
        let execution_id = self.execution.execution_id;
        for _ in 0..LOOKS {
            let Some(seen) = self.sweeper.table.seen_execution(execution_id).await? else { return Ok(()) };
            let Some(sums) = self.sums(&seen.row).await? else { break };
            let Some(correction) = recount_execution(&seen, &sums, self.sweeper.clock.timestamp()) else {
                return Ok(());
            };
            let is_settled = match self.mode {
                RepairMode::DryRun => self.sweeper.table.seen_execution(execution_id).await?.as_ref() == Some(&seen),
                RepairMode::Correct => {
                    self.sweeper.table.restore(&correction.restore).await? == RestoreOutcome::Restored
                }
            };
            if is_settled {
                self.report.differences.extend(correction.differences);
                return Ok(());
            }
        }
        self.report.unsettled.push(format!("execution {execution_id}"));
        Ok(())
    }

    /// What the tallies add up to; `None` if one of them could not be made again.
    async fn sums(&self, execution: &ExecutionRow) -> Result<Option<Sums>, SweepError> {
        let mut sums = Sums::default();
        let groups: Vec<u64> = (0..self.groups(execution).await?).collect();
        for groups in groups.chunks(GROUPS_AT_ONCE) {
            let tallies = self.tallies(groups).await?;
            for group in groups {
                let stored = tallies.get(group).map(|seen| &seen.row);
                let Some(tally) = self.would_be.get(group).or(stored) else { return Ok(None) };
                sums.add(tally, execution.generation);
            }
        }
        Ok(Some(sums))
    }

    pub(super) async fn check_key(&mut self) -> Result<(), SweepError> {
        let holder = self.key_holder().await?;
        let Some(correction) = recount_key(&self.execution, &holder, self.sweeper.clock.timestamp()) else {
            return Ok(());
        };
        let is_settled = match self.mode {
            RepairMode::DryRun => true,
            RepairMode::Correct => self.sweeper.table.restore(&correction.restore).await? == RestoreOutcome::Restored,
        };
        if is_settled {
            self.report.differences.extend(correction.differences);
        } else {
            self.report.unsettled.push(format!("key {}", self.execution.key));
        }
        Ok(())
    }

    async fn key_holder(&self) -> Result<KeyHolder, SweepError> {
        let Some(key) = self.sweeper.table.seen_key(&self.execution).await? else { return Ok(KeyHolder::Nobody) };
        if key.execution_id == self.execution.execution_id {
            return Ok(KeyHolder::Item(key));
        }
        let other: Option<Seen<ExecutionRow>> = self.sweeper.table.seen_execution(key.execution_id).await?;
        let has_it =
            |other: &Seen<ExecutionRow>| (&other.row.job, &other.row.key) == (&self.execution.job, &self.execution.key);
        Ok(if other.as_ref().is_some_and(has_it) { KeyHolder::Another } else { KeyHolder::Item(key) })
    }
}
