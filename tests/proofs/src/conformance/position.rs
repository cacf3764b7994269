//! Mark put, move watermark: when records were put, and how far a stream was read.

use control_table::limits::PROBES_PER_SHARD;
use control_table::operation::{MarkPut, MarkPutOutcome, Moment, MoveWatermark, MoveWatermarkOutcome};
use control_table::policy::Policy;
use control_table::rows::WatermarkRow;

use super::Case;
use super::lab::{Lab, at};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("mark put: from the moment that was seen, once, each put counted", mark_once),
        Case::new("mark put: of another generation, and without a tally", mark_refused),
        Case::new("move watermark: each moment of a shard only grows", moments_grow),
        Case::new("move watermark: as far as the probe that was read least", read_as_far_as_the_slowest),
    ]
}

fn mark(lab: &Lab, seen: i64, put_at: i64) -> MarkPut {
    MarkPut { group: lab.id.group(0), generation: 1, seen: at(seen), put_at: at(put_at) }
}

async fn mark_once(mut lab: Lab) {
    lab.sealed(Policy::default(), &[3]).await;
    // The lab commits at 2.
    let (first, second) = (mark(&lab, 2, 600), mark(&lab, 600, 1_200));
    assert_eq!(lab.both(&second).await, MarkPutOutcome::Moved);
    assert_eq!(lab.both(&first).await, MarkPutOutcome::Marked);
    assert_eq!(lab.both(&first).await, MarkPutOutcome::Moved);
    assert_eq!(lab.both(&second).await, MarkPutOutcome::Marked);
    let tally = lab.tally_row(0);
    assert_eq!((tally.put_at, tally.puts_again, tally.pending), (at(1_200), 2, 3));
}

async fn mark_refused(mut lab: Lab) {
    let first = mark(&lab, 2, 600);
    assert_eq!(lab.both(&first).await, MarkPutOutcome::Moved);
    assert_eq!(lab.table.tallies(lab.id, 0..1).await.unwrap(), [], "an update that is refused makes no item");
    lab.sealed(Policy::default(), &[1]).await;
    let later = MarkPut { generation: 2, ..first };
    assert_eq!(lab.both(&later).await, MarkPutOutcome::Moved);
}

fn moved(shard: &str, moment: Moment, millis: i64) -> MoveWatermark {
    MoveWatermark { stream: "segments".to_owned(), shard: shard.to_owned(), moment, at: at(millis) }
}

async fn moments_grow(mut lab: Lab) {
    for shard in [WatermarkRow::STREAM, "shardId-000000000000"] {
        for moment in [Moment::Put, Moment::Probed, Moment::Probe(0), Moment::Probe(PROBES_PER_SHARD - 1)] {
            assert_eq!(lab.both(&moved(shard, moment, 500)).await, MoveWatermarkOutcome::Moved);
            assert_eq!(lab.both(&moved(shard, moment, 500)).await, MoveWatermarkOutcome::Behind);
            assert_eq!(lab.both(&moved(shard, moment, 499)).await, MoveWatermarkOutcome::Behind);
            assert_eq!(lab.both(&moved(shard, moment, 501)).await, MoveWatermarkOutcome::Moved);
        }
    }
}

async fn read_as_far_as_the_slowest(mut lab: Lab) {
    let shard = "shardId-000000000001";
    for number in 0..PROBES_PER_SHARD {
        let millis = if number == 40 { 300 } else { 900 };
        lab.both(&moved(shard, Moment::Probe(number), millis)).await;
    }
    let shards = [shard.to_owned(), "shardId-000000000002".to_owned()];
    let rows = lab.table.watermarks("segments", &shards).await.unwrap();
    assert_eq!(rows.len(), 1, "the other shard has none");
    assert_eq!(rows[0].read_until(), at(300));
    assert_eq!(lab.table.watermarks("another", &shards).await.unwrap(), []);
}
