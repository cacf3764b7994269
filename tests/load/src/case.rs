//! One run of a scenario: how large, by which chance, on which stack.

use std::time::Duration;

use chrono::TimeDelta;
use control_table::id::ExecutionId;
use control_table::policy::Policy;
use simulation::event::of_segments;
use simulation::world::{Setup, World};

/// How a scenario is run.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// The share of the scenario's size, from 0 to 1.
    pub scale: f64,
    /// What chance follows from.
    pub seed: u64,
    /// A change of the stack, by which a test shows that a check can fail.
    pub tweak: fn(&mut Setup),
}

/// Why a scenario could not be run.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// The engine refused or failed.
    #[error(transparent)]
    Engine(#[from] engine::EngineError),
    /// No runtime.
    #[error("no runtime for the simulation: {0}")]
    Runtime(#[from] std::io::Error),
}

impl Case {
    /// A size at this scale, at least one.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the scale is from 0 to 1")]
    pub fn of(&self, size: u64) -> u64 {
        ((size as f64 * self.scale) as u64).max(1)
    }

    /// The stack of a setup, changed as the case says.
    #[must_use]
    pub fn world(&self, mut setup: Setup) -> World {
        (self.tweak)(&mut setup);
        World::begin(setup)
    }

    /// One tenth of the lanes below a scale of one half, so that fewer segments take as long.
    #[must_use]
    pub fn lanes(&self) -> Lanes {
        if self.scale > 0.5 { Lanes { lanes: 10 } } else { Lanes { lanes: 1 } }
    }
}

/// The lanes of a shard, all or one.
#[derive(Debug, Clone, Copy)]
pub struct Lanes {
    /// Batches at once.
    pub lanes: usize,
}

impl Lanes {
    /// The segments that keep these lanes as busy as that many keep ten.
    #[must_use]
    pub const fn of(self, segments: u64) -> u64 {
        segments * self.lanes as u64 / 10
    }

    /// Sets them. The shard takes as many records a second as ever: several scatters at once must not wait longer than they try.
    pub const fn apply(self, setup: &mut Setup) {
        setup.parameters.stream.lanes = self.lanes;
    }

    /// What a report says of it.
    #[must_use]
    pub fn note(self) -> String {
        if self.lanes == 10 {
            String::new()
        } else {
            format!("{} lane of 10, so as much less of everything", self.lanes)
        }
    }
}

/// Requests an execution, and waits until it is open.
pub async fn request(world: &World, key: &str, segments: u64, policy: Policy) -> Result<ExecutionId, CaseError> {
    let event = of_segments(key, segments, policy)?;
    let (job, key) = (event.job.clone(), event.key_or(key)?);
    world.request(event);
    Ok(world.opened(&job, &key).await)
}

/// Waits until an execution is sealed, at most so long. Whether it is.
pub async fn sealed(world: &World, id: ExecutionId, at_most: TimeDelta) -> bool {
    world.until(at_most, |world| world.execution(id).is_some_and(|row| row.sealed_at.is_some())).await
}

/// The time that so many segments take on so many lanes, if nothing waits.
#[must_use]
pub fn ideal(segments: u64, lanes: usize, each: Duration) -> TimeDelta {
    let millis = u128::from(segments) * each.as_millis() / lanes.max(1) as u128;
    TimeDelta::milliseconds(i64::try_from(millis).unwrap_or(i64::MAX))
}

/// A time, so many times.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "less than a year")]
pub fn times(time: TimeDelta, factor: f64) -> TimeDelta {
    TimeDelta::milliseconds((time.num_milliseconds() as f64 * factor) as i64)
}
