//! A half-open range of whole numbers or of dates, cut into pieces of one size; the last may be shorter.

use std::fmt;
use std::str::FromStr;

use chrono::{Days, NaiveDate};
use futures::stream::{self, BoxStream, StreamExt};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Value, json};

use super::{Source, SourceError};

/// One end of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// A whole number.
    Number(i64),
    /// A day, `2026-01-31`.
    Date(NaiveDate),
}

impl FromStr for Bound {
    type Err = InvalidBound;

    fn from_str(text: &str) -> Result<Self, InvalidBound> {
        let number = text.parse().ok().map(Self::Number);
        number.or_else(|| day(text).map(Self::Date)).ok_or_else(|| InvalidBound(text.to_owned()))
    }
}

/// A day as `2026-01-31`: ten characters, so that the year has four digits and a date has one spelling.
fn day(text: &str) -> Option<NaiveDate> {
    text.parse::<NaiveDate>().ok().filter(|date| text.len() == 10 && date.to_string() == text)
}

/// The text is neither a whole number nor a day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither a whole number of 64 bits nor a date: write a date as 2026-01-31")]
pub struct InvalidBound(String);

#[cfg(feature = "schema")]
impl utoipa::PartialSchema for Bound {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, OneOfBuilder, SchemaFormat, Type};
        let number =
            ObjectBuilder::new().schema_type(Type::Integer).format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)));
        let date =
            ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::KnownFormat(KnownFormat::Date)));
        OneOfBuilder::new()
            .item(number)
            .item(date)
            .description(Some("A whole number, or a day such as 2026-01-31."))
            .into()
    }
}

#[cfg(feature = "schema")]
impl utoipa::ToSchema for Bound {}

impl Serialize for Bound {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => serializer.serialize_i64(*number),
            Self::Date(date) => serializer.collect_str(date),
        }
    }
}

impl<'de> Deserialize<'de> for Bound {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BoundVisitor)
    }
}

struct BoundVisitor;

impl de::Visitor<'_> for BoundVisitor {
    type Value = Bound;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number of 64 bits, or a date such as \"2026-01-31\"")
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Bound, E> {
        Ok(Bound::Number(number))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Bound, E> {
        let refuse = |_| E::invalid_value(de::Unexpected::Unsigned(number), &self);
        i64::try_from(number).map(Bound::Number).map_err(refuse)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Bound, E> {
        day(text).map(Bound::Date).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

/// A range as it is asked for, and as it is kept in the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RangeRequest {
    /// The first number or day.
    pub from: Bound,
    /// The end: one past the last number, or the day after the last.
    pub to: Bound,
    /// Numbers, or days, of one segment.
    pub size: u64,
}

/// A range that was found to be in order. Its spec is `{"from": …, "to": …}`, half-open like the range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    request: RangeRequest,
    /// Numbers or days from `from` to `to`.
    length: u64,
}

impl TryFrom<&RangeRequest> for Range {
    type Error = SourceError;

    fn try_from(request: &RangeRequest) -> Result<Self, SourceError> {
        let invalid = |field, reason: String| Err(SourceError::Invalid { field, reason });
        let length = match (request.from, request.to) {
            (Bound::Number(from), Bound::Number(to)) => i128::from(to) - i128::from(from),
            (Bound::Date(from), Bound::Date(to)) => i128::from((to - from).num_days()),
            _ => return invalid("to", "one end is a number and the other a date: use two of a kind".to_owned()),
        };
        if request.size == 0 {
            return invalid("size", "it is 0: use the numbers, or days, of one segment, 1 or more".to_owned());
        }
        match u64::try_from(length) {
            Ok(length) => Ok(Self { request: request.clone(), length }),
            Err(_) => invalid("from", "it is after `to`: swap the two (`to` itself is not in the range)".to_owned()),
        }
    }
}

impl Range {
    /// The bound that far from the beginning, which is at most [`Self::length`].
    fn bound(&self, distance: u64) -> Bound {
        match self.request.from {
            // Between two 64-bit numbers: wrapping addition is exact there.
            Bound::Number(from) => Bound::Number(from.wrapping_add_unsigned(distance)),
            Bound::Date(from) => Bound::Date(from.checked_add_days(Days::new(distance)).unwrap_or(NaiveDate::MAX)),
        }
    }

    fn spec(&self, index: u64) -> Value {
        let from = index.saturating_mul(self.request.size).min(self.length);
        let to = from.saturating_add(self.request.size).min(self.length);
        json!({ "from": self.bound(from), "to": self.bound(to) })
    }
}

impl Source for Range {
    fn total(&self) -> Option<u64> {
        Some(self.length.div_ceil(self.request.size))
    }

    fn specs(&self, from: u64) -> BoxStream<'_, Result<Value, SourceError>> {
        let total = self.length.div_ceil(self.request.size);
        stream::iter((from..total).map(|index| Ok(self.spec(index)))).boxed()
    }

    fn plan(&self) -> Value {
        let RangeRequest { from, to, size } = &self.request;
        json!({ "type": "range", "from": from, "to": to, "size": size })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(value: Value) -> Result<Range, String> {
        let request: RangeRequest = serde_json::from_value(value).map_err(|error| error.to_string())?;
        Range::try_from(&request).map_err(|error| error.to_string())
    }

    fn specs(range: &Range, from: u64) -> Vec<Value> {
        futures::executor::block_on(range.specs(from).map(Result::unwrap).collect())
    }

    #[test]
    fn the_last_piece_is_what_is_left() {
        let range = range(json!({ "from": -5, "to": 16, "size": 10 })).unwrap();
        let expected = [json!({"from": -5, "to": 5}), json!({"from": 5, "to": 15}), json!({"from": 15, "to": 16})];
        assert_eq!((range.total(), specs(&range, 0)), (Some(3), expected.to_vec()));
        assert_eq!(specs(&range, 2), expected[2..]);
        assert_eq!(specs(&range, 9), [] as [Value; 0]);
    }

    #[test]
    fn days_go_over_the_end_of_a_month() {
        let range = range(json!({ "from": "2024-02-28", "to": "2024-03-02", "size": 2 })).unwrap();
        let expected =
            [json!({"from": "2024-02-28", "to": "2024-03-01"}), json!({"from": "2024-03-01", "to": "2024-03-02"})];
        assert_eq!(specs(&range, 0), expected);
    }

    #[test]
    fn an_empty_range_has_no_segments() {
        assert_eq!(range(json!({ "from": 7, "to": 7, "size": 1 })).unwrap().total(), Some(0));
    }

    #[test]
    fn the_widest_range_is_exact() {
        let range = range(json!({ "from": i64::MIN, "to": i64::MAX, "size": u64::MAX })).unwrap();
        assert_eq!(specs(&range, 0), [json!({ "from": i64::MIN, "to": i64::MAX })]);
    }

    #[test]
    fn a_plan_gives_the_same_specs_again() {
        let range = range(json!({ "from": "2026-01-01", "to": "2026-02-01", "size": 1 })).unwrap();
        let mut plan = range.plan();
        plan.as_object_mut().unwrap().remove("type");
        assert_eq!(super::tests::range(plan).unwrap(), range);
    }

    #[test]
    fn what_cannot_be_meant_is_refused_by_field() {
        for (request, word) in [
            (json!({ "from": 1, "to": 0, "size": 1 }), "source.from"),
            (json!({ "from": 0, "to": 1, "size": 0 }), "source.size"),
            (json!({ "from": 0, "to": "2026-01-01", "size": 1 }), "source.to"),
            (json!({ "from": 0, "to": 1, "size": -1 }), "invalid value: integer `-1`"),
            (json!({ "from": 0.5, "to": 1, "size": 1 }), "whole number"),
            (json!({ "from": 0, "to": u64::MAX, "size": 1 }), "64 bits"),
            (json!({ "from": "2026-1-1", "to": "2026-02-01", "size": 1 }), "2026-01-31"),
            (json!({ "from": "2026-02-30", "to": "2026-03-01", "size": 1 }), "2026-01-31"),
            (json!({ "from": 0, "to": 1 }), "size"),
            (json!({ "from": 0, "to": 1, "size": 1, "step": 1 }), "step"),
        ] {
            let refusal = range(request.clone()).unwrap_err();
            assert!(refusal.contains(word), "{request}: {refusal}");
        }
    }
}
