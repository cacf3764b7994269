//! A backlog of six hours on one shard, which is split after an hour; then an execution of a few segments on the children.
//!
//! No record is put twice: not one that waits in the closed shard, and not one that waits in a child behind it.

use crate::case::{Case, CaseError};
use crate::report::Report;

use super::reshard::{self, Resharding};

pub const NAME: &str = "shard-split-under-a-backlog";

pub fn run(case: &Case) -> Result<Report, CaseError> {
    let reshard = |world: &simulation::world::World| world.mapping.split();
    let (before, after) = ("before-the-split", "after-the-split");
    reshard::run(case, &Resharding { name: NAME, shards: 1, reshard, before, after })
}
