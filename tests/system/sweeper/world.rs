//! A lab, and what the sweeper does to its executions.

use std::ops::Deref;

use chrono::TimeDelta;
use control_table::id::{ExecutionId, SegmentId};
use control_table::message::SegmentRecord;
use control_table::policy::Policy;
use control_table::rows::Due;
use engine::Engine;
use engine::sweep::SweepReport;
use serde_json::Value;
use test_support::{Before, Lab, START, Through};

pub use test_support::{Execution as Run, LONG, PATIENCE, Requests, TRACE, number, numbers};

pub struct World(Lab);

impl Deref for World {
    type Target = Lab;

    fn deref(&self) -> &Lab {
        &self.0
    }
}

impl World {
    pub async fn new() -> Self {
        Self(Lab::new().await)
    }

    pub fn advance(&self, span: TimeDelta) {
        self.clock.advance(span);
    }

    /// The table behind the protocol.
    pub fn dynamodb_client(&self) -> aws_sdk_dynamodb::Client {
        self.dynamodb.client()
    }

    pub fn sweeper(&self) -> Engine {
        self.engine()
    }

    /// A sweeper whose requests are counted.
    pub fn counted_sweeper(&self) -> (Engine, Requests) {
        let requests = Requests::default();
        (self.engine_through(&Through::one(requests.clone())), requests)
    }

    /// A sweeper on whose first request of that kind something happens.
    pub fn sweeper_interrupted(
        &self,
        operation: &'static str,
        happening: impl Future<Output = ()> + Send + 'static,
    ) -> Engine {
        self.engine_through(&Through::one(Before::new(operation, happening)))
    }

    /// One tick.
    pub async fn sweep(&self) -> SweepReport {
        self.sweeper().sweep(self.deadline()).await.unwrap()
    }

    /// One tick, after which nothing must have been done.
    pub async fn sweep_idle(&self) {
        assert_eq!(self.sweep().await, SweepReport::default());
    }

    /// The sweeper looks at a stalled execution twice; what it did the second time.
    pub async fn sweep_after_standstill(&self) -> SweepReport {
        self.advance(PATIENCE);
        let first = self.sweep().await;
        assert_eq!(first, SweepReport { due: first.due, ..SweepReport::default() }, "a first look changes nothing");
        self.advance(PATIENCE);
        self.sweep().await
    }

    /// An execution whose scatter died right after it had opened it, due after the patience.
    pub async fn open(&self, source: Value, expected: u64, policy: Policy) -> Run {
        self.execution().source(source, expected).policy(policy).make().await
    }

    /// A sealed execution of that many segments, whose records were all lost; due after the patience.
    pub async fn run(&self, segments: u64) -> Run {
        self.run_with(segments, Policy::default()).await
    }

    pub async fn run_with(&self, segments: u64, policy: Policy) -> Run {
        self.execution().segments(segments).policy(policy).make().await
    }

    /// An execution that waits in the same partition of the due index as that one.
    pub async fn run_beside(&self, other: &Run, segments: u64) -> Run {
        let shard = |id: ExecutionId| Due::execution(id, START).due_shard;
        let id = std::iter::repeat_with(|| self.new_id()).find(|&id| shard(id) == shard(other.id)).unwrap();
        self.execution().id(id).segments(segments).make().await
    }

    /// The segments that have records, in order, each as often as it has one.
    pub async fn put(&self) -> Vec<SegmentId> {
        let mut segments: Vec<_> = self.records().await.iter().map(SegmentRecord::segment).collect();
        segments.sort();
        segments
    }
}
