//! Messages: records for workers, images from the table's stream, events for consumers.

mod completion_event;
mod notification_event;
mod probe;
mod segment_record;
mod stream_image;

pub use self::completion_event::CompletionEvent;
pub use self::notification_event::NotificationEvent;
pub use self::probe::{Probe, ProbeRecord};
pub use self::segment_record::SegmentRecord;
pub use self::stream_image::StreamImage;
