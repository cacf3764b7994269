//! Runs the work of segments: claims a segment, does its work, records the outcome, and counts it.
//!
//! # Layout
//! - what an author's work sees: [`Segment`], [`Context`], [`Output`], [`SegmentError`], [`work`], [`testing`]
//! - [`Worker`]: a batch of records of a stream or a queue, or records that are handed over one by one (`serve`)
//! - [`Delivery`]: a record, whatever brought it; `batch`: its records, concurrently; `decode`: which segment a record is of
//! - `process_record`: one record: claim, attempt, finish; `attempt`: the work in a task of its own; `attempt_result`: what is
//!   recorded of it; [`Attempts`]: those under way, to be stopped
//! - `counter_names`: which counters an execution has; `tally_batch`: counts the outcomes of a batch
//!
//! A segment that fails never blocks its shard: the worker records the failure and acknowledges the record. A record that is not of
//! a segment becomes a dead letter. Only when the control table cannot be written, the record goes back to the stream or queue.

mod attempt;
mod attempt_result;
mod attempts;
mod batch;
mod context;
mod counter_names;
mod decode;
mod delivery;
mod error;
mod output;
mod process_record;
mod segment;
mod serve;
mod settings;
mod slots;
mod tally_batch;
pub mod testing;
mod work;
mod worker;

pub use self::attempts::Attempts;
pub use self::context::{Context, read_json};
pub use self::delivery::Delivery;
pub use self::error::{Error, Permanent, SegmentError, chain};
pub use self::output::{Number, Output};
pub use self::segment::Segment;
pub use self::serve::{Handed, Serving};
pub use self::settings::Settings;
pub use self::work::{Work, work};
pub use self::worker::{Invocation, Worker};
