//! Segments by key and by group.

use crate::ControlTable;
use crate::error::Error;
use crate::id::{GroupId, SegmentId};
use crate::rows::{Offsets, RowKey, SegmentRow, SegmentStatus};
use crate::store::About;

impl ControlTable {
    /// A segment, by a strongly consistent read.
    pub async fn segment(&self, segment: SegmentId) -> Result<Option<SegmentRow>, Error> {
        let about = About { operation: "read segment", subject: &segment };
        self.get(about, RowKey::Segment(segment)).await
    }

    /// These segments, without those that do not exist, in any order: a hundred to a request.
    pub async fn segments_of(&self, segments: &[SegmentId]) -> Result<Vec<SegmentRow>, Error> {
        let name = self.name();
        let about = About { operation: "read segments", subject: &name };
        let keys: Vec<_> = segments.iter().copied().map(RowKey::Segment).collect();
        self.get_many(about, &keys).await
    }

    /// The segments of a group in order, only those with that status if one is given.
    pub async fn group_segments(
        &self,
        group: GroupId,
        status: Option<SegmentStatus>,
    ) -> Result<Vec<SegmentRow>, Error> {
        self.store().group_segments(group, status).await
    }

    /// These segments of a group in order, without those that do not exist.
    pub async fn segments_at(&self, group: GroupId, offsets: &Offsets) -> Result<Vec<SegmentRow>, Error> {
        let about = About { operation: "read segments", subject: &group };
        let keys: Vec<_> = offsets.iter().map(|offset| RowKey::Segment(group.segment(offset))).collect();
        let mut rows: Vec<SegmentRow> = self.get_many(about, &keys).await?;
        rows.sort_by_key(|row| row.offset);
        Ok(rows)
    }

    /// The first `limit` segments of a group, in order, from that offset on, that only wait for a worker: pending in that
    /// generation, and not due for a retry.
    pub async fn waiting_segments(
        &self,
        group: GroupId,
        offset: u8,
        generation: u32,
        limit: usize,
    ) -> Result<Vec<SegmentRow>, Error> {
        self.store().waiting_segments(group, offset, generation, limit).await
    }

    /// The number of segments of a group with that status. Reads as much as [`Self::group_segments`].
    pub async fn count_segments(&self, group: GroupId, status: SegmentStatus) -> Result<u64, Error> {
        self.store().count_segments(group, status).await
    }
}
