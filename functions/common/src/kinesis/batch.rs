//! Records, cut into requests that Kinesis takes.

use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::PutRecordsRequestEntry;
use control_table::message::SegmentRecord;

use engine::{DispatchError, Transport};

/// Records of one `PutRecords` (AWS quota).
pub(super) const MAX_RECORDS: usize = 500;

/// Bytes of one `PutRecords`, partition keys included (AWS quota: 5 MB).
pub(super) const MAX_REQUEST_BYTES: usize = 5_000_000;

/// Bytes of one record, its partition key included (AWS quota: 1 MB).
pub(super) const MAX_RECORD_BYTES: usize = 1_000_000;

/// The records in order, as requests; each is built when it is asked for.
pub(super) fn batches(
    records: &[SegmentRecord],
    stream: &str,
) -> impl Iterator<Item = Result<Vec<PutRecordsRequestEntry>, DispatchError>> {
    let mut entries = records.iter().map(move |record| entry(record, stream)).peekable();
    std::iter::from_fn(move || {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        let fits = |next: &Result<Entry, _>, bytes: usize| match next {
            Ok(next) => bytes + next.bytes <= MAX_REQUEST_BYTES,
            Err(_) => true,
        };
        while batch.len() < MAX_RECORDS {
            match entries.next_if(|next| fits(next, bytes)) {
                Some(Ok(next)) => {
                    bytes += next.bytes;
                    batch.push(next.entry);
                }
                Some(Err(error)) => return Some(Err(error)),
                None => break,
            }
        }
        (!batch.is_empty()).then_some(Ok(batch))
    })
}

struct Entry {
    entry: PutRecordsRequestEntry,
    bytes: usize,
}

fn entry(record: &SegmentRecord, stream: &str) -> Result<Entry, DispatchError> {
    let segment = record.segment();
    let data =
        serde_json::to_vec(record).map_err(|source| DispatchError::Unwritable { segment, source: Box::new(source) })?;
    let partition_key = record.partition_key();
    let bytes = data.len() + partition_key.len();
    if bytes > MAX_RECORD_BYTES {
        let transport = Transport::Kinesis(stream.to_owned());
        return Err(DispatchError::RecordTooLarge { segment, transport, bytes, limit: MAX_RECORD_BYTES });
    }
    let entry = PutRecordsRequestEntry::builder().data(Blob::new(data)).partition_key(partition_key).build();
    match entry {
        Ok(entry) => Ok(Entry { entry, bytes }),
        Err(source) => Err(DispatchError::Unwritable { segment, source: Box::new(source) }),
    }
}
