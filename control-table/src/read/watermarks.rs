//! Watermarks of a stream.

use crate::ControlTable;
use crate::error::Error;
use crate::rows::{RowKey, WatermarkRow};
use crate::store::About;

impl ControlTable {
    /// The watermarks of these shards of a stream that exist, in any order, by strongly consistent reads.
    pub async fn watermarks(&self, stream: &str, shards: &[String]) -> Result<Vec<WatermarkRow>, Error> {
        let about = About { operation: "read watermarks", subject: &stream };
        let keys: Vec<_> = shards.iter().map(|shard| RowKey::Watermark(stream.to_owned(), shard.clone())).collect();
        self.get_many(about, &keys).await
    }
}
