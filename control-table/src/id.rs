//! Identifiers of executions, jobs, keys, groups and segments, and their spelling in the table.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

use crate::limits::{GROUP_SIZE, MAX_JOB_NAME, MAX_KEY};

/// An identifier that cannot be read. Nothing was written; a retry does not help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// Not a UUID.
    #[error("{0:?} is not an execution ID: it must be a UUID such as 0193a5b0-3c1e-7d2f-8a4b-5c6d7e8f9a0b")]
    Execution(String),
    /// Empty, too long, or with characters that a job name cannot have.
    #[error(
        "{0:?} is not a job name: use 1 to {MAX_JOB_NAME} letters, digits, '.', '_' or '-', beginning with a letter or digit"
    )]
    Job(String),
    /// Empty, too long, or with control characters.
    #[error("{0:?} is not a key: use 1 to {MAX_KEY} printable characters without white space at the ends")]
    Key(String),
    /// Not the spelling of a group or of another key of the table.
    #[error("{0:?} is not a key of the control table")]
    Item(String),
}

macro_rules! text_serde {
    ($type:ty) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }
    };
}

/// The ID of an execution: a `UUIDv7`, so that IDs sort by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExecutionId(Uuid);

impl ExecutionId {
    /// The ID with that UUID, which must be of version 7.
    #[must_use]
    pub const fn new(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// The UUID.
    #[must_use]
    pub const fn uuid(self) -> Uuid {
        self.0
    }

    /// The group of this execution with that number.
    #[must_use]
    pub const fn group(self, group: u64) -> GroupId {
        GroupId { execution_id: self, group }
    }

    /// The segment of this execution with that index.
    #[must_use]
    pub const fn segment(self, index: u64) -> SegmentId {
        SegmentId { execution_id: self, index }
    }
}

impl fmt::Display for ExecutionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for ExecutionId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        // Only the hyphenated form: an execution must not have two spellings as a partition key.
        match Uuid::try_parse(text) {
            Ok(uuid) if uuid.to_string() == text => Ok(Self(uuid)),
            _ => Err(InvalidId::Execution(text.to_owned())),
        }
    }
}

text_serde!(ExecutionId);

/// The name of a job. It contains no `#`, which separates the parts of a key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobName(String);

impl JobName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for JobName {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let begins_well = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        if begins_well && text.len() <= MAX_JOB_NAME && text.chars().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId::Job(text.to_owned()))
        }
    }
}

text_serde!(JobName);

/// An idempotency key: a job has one execution for each.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExecutionKey(String);

impl ExecutionKey {
    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ExecutionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ExecutionKey {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let length = text.chars().count();
        if (1..=MAX_KEY).contains(&length) && text.trim() == text && !text.chars().any(char::is_control) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId::Key(text.to_owned()))
        }
    }
}

text_serde!(ExecutionKey);

/// A group: [`GROUP_SIZE`] consecutive segments of an execution, in one partition of the table with their tally.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId {
    /// The execution that it is part of.
    pub execution_id: ExecutionId,
    /// The number of the group, from zero.
    pub group: u64,
}

impl GroupId {
    /// The segment at this offset of the group.
    #[must_use]
    pub const fn segment(self, offset: u8) -> SegmentId {
        SegmentId { execution_id: self.execution_id, index: self.group * GROUP_SIZE + offset as u64 }
    }
}

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.execution_id, self.group)
    }
}

impl FromStr for GroupId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = || InvalidId::Item(text.to_owned());
        let (execution_id, group) = text.split_once('#').ok_or_else(invalid)?;
        let group = group.parse().map_err(|_| invalid())?;
        Ok(Self { execution_id: execution_id.parse().map_err(|_| invalid())?, group })
    }
}

text_serde!(GroupId);

/// A segment of an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentId {
    /// The execution that it is part of.
    pub execution_id: ExecutionId,
    /// The index of the segment, from zero.
    pub index: u64,
}

impl SegmentId {
    /// The group that it is in.
    #[must_use]
    pub const fn group(self) -> GroupId {
        GroupId { execution_id: self.execution_id, group: self.index / GROUP_SIZE }
    }

    /// Its offset in the group, below [`GROUP_SIZE`].
    #[must_use]
    pub const fn offset(self) -> u8 {
        (self.index % GROUP_SIZE) as u8
    }

    /// The partition key of its records on the stream: another one for every segment, so that segments spread over all shards.
    #[must_use]
    pub fn partition_key(self) -> String {
        format!("{}#{}", self.execution_id, self.index)
    }
}

impl fmt::Display for SegmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} segment {}", self.execution_id, self.index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0193a5b0-3c1e-7d2f-8a4b-5c6d7e8f9a0b";

    #[test]
    fn an_execution_id_has_one_spelling() {
        assert!(ID.parse::<ExecutionId>().is_ok());
        for other in [ID.to_uppercase(), ID.replace('-', ""), format!("{{{ID}}}"), String::new()] {
            assert_eq!(other.parse::<ExecutionId>(), Err(InvalidId::Execution(other.clone())));
        }
    }

    #[test]
    fn a_job_name_cannot_break_a_key_apart() {
        for good in ["nightly", "a", "Count.cities_2-x"] {
            assert!(good.parse::<JobName>().is_ok(), "{good}");
        }
        for bad in ["", "-x", "a#b", "a b", "ü", &"x".repeat(MAX_JOB_NAME + 1)] {
            assert!(bad.parse::<JobName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_key_is_printable_and_bounded() {
        for good in ["2026-11-24", "a#b", "ü ü"] {
            assert!(good.parse::<ExecutionKey>().is_ok(), "{good}");
        }
        for bad in ["", " a", "a\n", "a\0b", &"x".repeat(MAX_KEY + 1)] {
            assert!(bad.parse::<ExecutionKey>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_129th_segment_opens_the_second_group() {
        let execution_id: ExecutionId = ID.parse().unwrap();
        let segment = execution_id.segment(128);
        assert_eq!((segment.group().group, segment.offset()), (1, 0));
        assert_eq!(segment.group().segment(segment.offset()), segment);
    }

    #[test]
    fn a_group_reads_back_what_it_writes() {
        let group = ID.parse::<ExecutionId>().unwrap().group(7_812);
        assert_eq!(group.to_string().parse(), Ok(group));
        assert!("KEY#a#b".parse::<GroupId>().is_err());
    }
}
