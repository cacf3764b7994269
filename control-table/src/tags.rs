//! Tags: names and values that a caller gives an execution, and that every event of it carries.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::limits::{MAX_TAG_NAME, MAX_TAG_VALUE, MAX_TAGS, MAX_TAGS_BYTES};

/// Tags that an execution cannot have. Nothing was written; a retry does not help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTags {
    /// More than [`MAX_TAGS`].
    #[error("{0} tags are given, and an execution has at most {MAX_TAGS}: leave some out")]
    TooMany(usize),
    /// A name that is empty, too long, or has characters that a name cannot have.
    #[error("{0:?} is not the name of a tag: use 1 to {MAX_TAG_NAME} letters, digits, '.', '_', '-', ':' or '/'")]
    Name(String),
    /// A value that is too long.
    #[error("the value of the tag {name} has {characters} characters, and {MAX_TAG_VALUE} fit: shorten it")]
    TooLong {
        /// The tag.
        name: String,
        /// The value's length.
        characters: usize,
    },
    /// A value with a control character, such as a line end.
    #[error("the value of the tag {0} has a control character, such as a line end: leave it out")]
    Control(String),
    /// All tags together are too long.
    #[error("the tags have {0} bytes together, and {MAX_TAGS_BYTES} fit: shorten a value, or leave a tag out")]
    TooLarge(usize),
    /// Not `NAME=VALUE`.
    #[error("{0:?} is not a tag: write NAME=VALUE, such as team=maps")]
    NotAPair(String),
    /// The same name twice.
    #[error("the tag {0} is given twice: leave one out")]
    Twice(String),
}

/// The tags of an execution, in the order of their names. A value of this type is within the limits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>", into = "BTreeMap<String, String>")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Tags(BTreeMap<String, String>);

/// One tag, as a caller gives it or asks for it: `NAME=VALUE`. The value is what follows the first `=`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Tag {
    name: String,
    value: String,
}

impl Tags {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names with their values, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether these have that name with that value.
    #[must_use]
    pub fn have(&self, tag: &Tag) -> bool {
        self.0.get(&tag.name) == Some(&tag.value)
    }

    /// These tags, with `over` in the place of those of the same name.
    ///
    /// # Errors
    /// When they are too many together, or too long.
    pub fn overlaid(&self, over: &Self) -> Result<Self, InvalidTags> {
        let mut all = self.0.clone();
        all.extend(over.0.clone());
        all.try_into()
    }
}

impl TryFrom<BTreeMap<String, String>> for Tags {
    type Error = InvalidTags;

    fn try_from(tags: BTreeMap<String, String>) -> Result<Self, InvalidTags> {
        if tags.len() > MAX_TAGS {
            return Err(InvalidTags::TooMany(tags.len()));
        }
        for (name, value) in &tags {
            check(name, value)?;
        }
        let bytes: usize = tags.iter().map(|(name, value)| name.len() + value.len()).sum();
        if bytes > MAX_TAGS_BYTES { Err(InvalidTags::TooLarge(bytes)) } else { Ok(Self(tags)) }
    }
}

impl TryFrom<Vec<Tag>> for Tags {
    type Error = InvalidTags;

    fn try_from(tags: Vec<Tag>) -> Result<Self, InvalidTags> {
        let mut all = BTreeMap::new();
        for Tag { name, value } in tags {
            if all.insert(name.clone(), value).is_some() {
                return Err(InvalidTags::Twice(name));
            }
        }
        all.try_into()
    }
}

impl From<Tags> for BTreeMap<String, String> {
    fn from(tags: Tags) -> Self {
        tags.0
    }
}

impl Tag {
    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.value)
    }
}

impl FromStr for Tag {
    type Err = InvalidTags;

    fn from_str(text: &str) -> Result<Self, InvalidTags> {
        let (name, value) = text.split_once('=').ok_or_else(|| InvalidTags::NotAPair(text.to_owned()))?;
        check(name, value)?;
        Ok(Self { name: name.to_owned(), value: value.to_owned() })
    }
}

impl TryFrom<String> for Tag {
    type Error = InvalidTags;

    fn try_from(text: String) -> Result<Self, InvalidTags> {
        text.parse()
    }
}

fn check(name: &str, value: &str) -> Result<(), InvalidTags> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | ':' | '/');
    if name.is_empty() || name.len() > MAX_TAG_NAME || !name.chars().all(allowed) {
        return Err(InvalidTags::Name(name.to_owned()));
    }
    let characters = value.chars().count();
    if characters > MAX_TAG_VALUE {
        return Err(InvalidTags::TooLong { name: name.to_owned(), characters });
    }
    if value.chars().any(char::is_control) { Err(InvalidTags::Control(name.to_owned())) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refused(tags: serde_json::Value) -> String {
        serde_json::from_value::<Tags>(tags).unwrap_err().to_string()
    }

    #[test]
    fn tags_read_back_what_they_write() {
        let value = json!({ "team": "maps", "task_token": "A".repeat(MAX_TAG_VALUE), "aws:x/y": "", "n": "=ü" });
        let tags: Tags = serde_json::from_value(value.clone()).unwrap();
        assert_eq!(serde_json::to_value(&tags).unwrap(), value);
        assert!(tags.have(&"team=maps".parse().unwrap()) && tags.have(&"n==ü".parse().unwrap()));
        assert!(!tags.have(&"team=map".parse().unwrap()) && !tags.have(&"maps=team".parse().unwrap()));
    }

    #[test]
    fn what_cannot_be_a_tag_is_refused_by_name() {
        for name in ["", "a b", "a=b", "a#b", "ü", &"n".repeat(MAX_TAG_NAME + 1)] {
            assert!(refused(json!({ name: "x" })).contains("name of a tag"), "{name}");
        }
        assert!(refused(json!({ "token": "x".repeat(MAX_TAG_VALUE + 1) })).contains("token has 2049 characters"));
        for value in ["a\nb", "\u{0}", "\u{85}", "\u{1b}[31m"] {
            assert!(refused(json!({ "team": value })).contains("the tag team has a control character"), "{value:?}");
        }
        let eleven: serde_json::Map<_, _> = (0..=MAX_TAGS).map(|number| (number.to_string(), json!("x"))).collect();
        assert!(refused(eleven.into()).contains("11 tags"));
        let long = "x".repeat(MAX_TAG_VALUE);
        assert!(refused(json!({ "a": long, "b": long, "c": "x" })).contains("4100 bytes together"));
        assert!(refused(json!({ "a": 7 })).contains("string"));
    }

    #[test]
    fn a_tag_is_a_pair() {
        let tag: Tag = "token=a=b==".parse().unwrap();
        assert_eq!((tag.name(), tag.value(), tag.to_string().as_str()), ("token", "a=b==", "token=a=b=="));
        assert!("team".parse::<Tag>().unwrap_err().to_string().contains("NAME=VALUE"));
        assert!("=maps".parse::<Tag>().is_err());
        let twice = Tags::try_from(vec![tag.clone(), tag]).unwrap_err();
        assert!(twice.to_string().contains("token is given twice"));
    }

    #[test]
    fn one_layer_of_tags_lies_over_another() {
        let tags = |value| serde_json::from_value::<Tags>(value).unwrap();
        let both = tags(json!({"a": "1", "b": "1"})).overlaid(&tags(json!({"b": "2", "c": "2"}))).unwrap();
        assert_eq!(both, tags(json!({"a": "1", "b": "2", "c": "2"})));
        let ten = tags(
            (0..MAX_TAGS).map(|number| (number.to_string(), json!("x"))).collect::<serde_json::Map<_, _>>().into(),
        );
        assert_eq!(ten.overlaid(&both), Err(InvalidTags::TooMany(13)));
    }
}
