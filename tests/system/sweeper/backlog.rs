//! Records that wait in the stream, behind others.

use std::sync::Arc;

use chrono::TimeDelta;
use control_table::clock::Clock as _;
use control_table::limits::PROBES_PER_SHARD;
use control_table::message::{ProbeRecord, SegmentRecord};
use control_table::operation::{Moment, MoveWatermark};
use engine::Engine;
use test_support::Through;

use super::world::{PATIENCE, World};

/// A sweeper that knows how far the emulated stream was read.
fn sweeper(world: &World) -> Engine {
    let position = Arc::new(world.position_through(&Through::default()));
    Engine::new(engine::Parts { position, ..world.parts() })
}

/// The probes on the stream, noted as a worker notes them; how many.
async fn read_probes(world: &World) -> usize {
    let mut read = 0;
    for data in world.raw_records().await {
        let Ok(ProbeRecord { probe }) = serde_json::from_slice(&data) else { continue };
        let (stream, shard, at) = (probe.stream, probe.shard, probe.put_at);
        let note = MoveWatermark { stream, shard, moment: Moment::Probe(probe.number), at };
        world.table.execute(&note).await.unwrap();
        read += 1;
    }
    read
}

async fn segments_put(world: &World) -> usize {
    let records = world.raw_records().await;
    records.iter().filter(|data| serde_json::from_slice::<SegmentRecord>(data).is_ok()).count()
}

#[tokio::test]
async fn an_execution_that_waits_behind_others_is_left_alone_and_no_stall() {
    let world = World::new().await;
    let sweeper = sweeper(&world);
    // Its scatter has put its records, and the stream is hours behind.
    let event = serde_json::json!({"job": "job", "key": "k", "source": super::world::numbers(300)});
    let event = engine::scatter::ScatterEvent::parse(event).unwrap();
    let id = sweeper.scatter(event, "a request", world.deadline()).await.unwrap().execution_id;
    for _ in 0..20 {
        world.advance(PATIENCE);
        let report = sweeper.sweep(world.deadline()).await.unwrap();
        assert_eq!((report.records_put, report.stalled, report.failed), (0, 0, 0), "{report:?}");
    }
    assert_eq!(segments_put(&world).await, 300);
    let row = world.table.execution(id).await.unwrap().unwrap();
    assert!(row.waits_in_stream && row.stalled_at.is_none());
    // One round, because nothing was put since.
    assert_eq!(read_probes(&world).await, usize::from(PROBES_PER_SHARD));
    // Now every lane was read past its records, and no worker has claimed a segment: they are lost.
    world.advance(PATIENCE);
    let report = sweeper.sweep(world.deadline()).await.unwrap();
    assert_eq!(report.records_put, 300, "{report:?}");
    world.advance(PATIENCE * 2);
    assert_eq!(sweeper.sweep(world.deadline()).await.unwrap().records_put, 0, "they may be waiting again");
}

#[tokio::test]
async fn a_lane_that_is_behind_holds_the_watermark_back() {
    let world = World::new().await;
    let sweeper = sweeper(&world);
    let event = serde_json::json!({"job": "job", "key": "k", "source": super::world::numbers(3)});
    let event = engine::scatter::ScatterEvent::parse(event).unwrap();
    sweeper.scatter(event, "a request", world.deadline()).await.unwrap();
    world.advance(PATIENCE);
    sweeper.sweep(world.deadline()).await.unwrap();
    let mut last = None;
    for data in world.raw_records().await {
        let Ok(ProbeRecord { probe }) = serde_json::from_slice(&data) else { continue };
        let (stream, shard, at) = (probe.stream, probe.shard, probe.put_at);
        let note = MoveWatermark { stream, shard, moment: Moment::Probe(probe.number), at };
        if let Some(read) = last.replace(note) {
            world.table.execute(&read).await.unwrap();
        }
    }
    world.advance(PATIENCE * 3);
    assert_eq!(sweeper.sweep(world.deadline()).await.unwrap().records_put, 0, "one probe is not read");
    world.table.execute(&last.unwrap()).await.unwrap();
    world.advance(PATIENCE);
    assert_eq!(sweeper.sweep(world.deadline()).await.unwrap().records_put, 3);
}

#[tokio::test]
async fn what_the_stream_has_dropped_is_put_again_though_no_probe_was_read() {
    let world = World::new().await;
    let sweeper = sweeper(&world);
    let event = serde_json::json!({"job": "job", "key": "k", "source": super::world::numbers(3)});
    let event = engine::scatter::ScatterEvent::parse(event).unwrap();
    sweeper.scatter(event, "a request", world.deadline()).await.unwrap();
    world.advance(TimeDelta::hours(24));
    assert_eq!(sweeper.sweep(world.deadline()).await.unwrap().records_put, 0);
    world.advance(TimeDelta::minutes(6));
    assert_eq!(sweeper.sweep(world.deadline()).await.unwrap().records_put, 3);
}

#[tokio::test]
async fn once_a_record_is_lost_the_sweeper_looks_at_every_tick() {
    let world = World::new().await;
    let sweeper = sweeper(&world);
    let run = world.run(500).await;
    for index in (0..500).filter(|index| *index != 100) {
        run.succeed(index, 1).await;
    }
    let look = async |wait: TimeDelta| {
        world.advance(wait);
        let put = sweeper.sweep(world.deadline()).await.unwrap().records_put;
        let row = run.row().await;
        let due_in = row.due.unwrap().due_at.millis_since(world.clock.timestamp());
        (put, row.heal_cursor, due_in)
    };
    assert_eq!(look(PATIENCE).await.0, 0, "its group has not waited long enough");
    assert_eq!(look(PATIENCE).await, (1, Some(0), 45_000), "overtaken");
    assert_eq!(look(TimeDelta::minutes(1)).await, (0, Some(0), 45_000), "another may be lost");
    assert_eq!(look(TimeDelta::minutes(20)).await, (0, None, 300_000), "none was, for a while");
}
