//! Which size and which generation a group has: what rows and tally say together, since either may be wrong.

use crate::id::GroupId;
use crate::item::{ExecutionStatus, SegmentRow, Selection, TallyOutcome, TallyRow};
use crate::limits::GROUP_SIZE;

use super::Against;

/// Segments of the group, at least as many as its rows need.
pub(super) fn size(against: Against<'_>, group: GroupId, tally: Option<&TallyRow>, rows: &[SegmentRow]) -> u64 {
    let present = rows.iter().map(|row| u64::from(row.offset) + 1).max().unwrap_or(0);
    let Some(tally) = tally else { return planned(against, group).unwrap_or(present).max(present) };
    let counted = tally.pending.saturating_add(outcomes(tally));
    let in_range = tally.size >= present && tally.size <= GROUP_SIZE;
    // A tally that agrees with itself and with its rows is right, whatever else is.
    if in_range && tally.size == counted && present == counted {
        return present;
    }
    if let Some(planned) = planned(against, group).filter(|&planned| planned >= present) {
        return planned;
    }
    let size_is_odd_one_out = counted == present && tally.size != counted;
    if in_range && !size_is_odd_one_out { tally.size } else { present }
}

fn outcomes(tally: &TallyRow) -> u64 {
    (0..=u8::MAX).filter(|&offset| tally.has(offset)).count() as u64
}

/// What the plan of a sealed execution says.
fn planned(against: Against<'_>, group: GroupId) -> Option<u64> {
    if !against.is_planned {
        return None;
    }
    let execution = against.execution;
    let expected = execution.expected.filter(|_| execution.sealed_at.is_some())?;
    if execution.groups != expected.div_ceil(GROUP_SIZE) || group.group >= execution.groups {
        return None;
    }
    Some(expected.saturating_sub(group.group * GROUP_SIZE).min(GROUP_SIZE))
}

/// The generation that the group counts.
pub(super) fn generation(
    against: Against<'_>,
    tally: Option<&TallyRow>,
    rows: &[&SegmentRow],
    is_open: bool,
    is_whole: bool,
) -> u32 {
    let current = against.execution.generation.max(1);
    // Only tallies of the execution's generation are folded: in another one a segment that is open would never count.
    if is_open {
        return current;
    }
    let in_range = rows.iter().map(|row| row.generation).filter(|generation| (1..=current).contains(generation));
    let highest = in_range.max();
    let Some(tally) = tally.filter(|tally| (1..=current).contains(&tally.generation)) else {
        return highest.unwrap_or(current);
    };
    let Some(highest) = highest else { return tally.generation };
    let is_settled = tally.pending == 0 && tally.folded == tally.generation;
    let keeps = if tally.generation < highest {
        // It was folded as it is: then it is a row that says too much.
        is_settled
    } else {
        // A row that says as much may be missing, or not be put back yet.
        !is_whole || (tally.generation == current && rows.iter().any(|row| is_to_be_put_back(against, row)))
    };
    if keeps { tally.generation } else { highest }
}

/// Whether a redrive that is half way has still to put this row back, in a group that is un-folded.
pub(super) fn is_to_be_put_back(against: Against<'_>, row: &SegmentRow) -> bool {
    let execution = against.execution;
    if execution.status != ExecutionStatus::Redriving || row.generation >= execution.generation {
        return false;
    }
    let all = Selection::unsuccessful();
    let selection = execution.redrive.as_ref().unwrap_or(&all);
    TallyOutcome::of(row.status).is_some_and(|outcome| selection.takes(row.index, outcome))
}
