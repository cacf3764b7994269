//! Backlogs of six hours on two shards, which are merged after an hour; then an execution of a few segments on their child.
//!
//! No record is put twice: not one that waits in a closed shard, and not one that waits in the child behind both.

use crate::case::{Case, CaseError};
use crate::report::Report;

use super::reshard::{self, Resharding};

pub const NAME: &str = "shards-merged-under-a-backlog";

pub fn run(case: &Case) -> Result<Report, CaseError> {
    let reshard = |world: &simulation::world::World| world.mapping.merge();
    let (before, after) = ("before-the-merge", "after-the-merge");
    reshard::run(case, &Resharding { name: NAME, shards: 2, reshard, before, after })
}
