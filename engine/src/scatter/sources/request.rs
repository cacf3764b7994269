//! What a caller may ask for, and how it is read: strictly, and with the field's name in every refusal.

use control_table::rows::PlanKind;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::{External, InlineList, ListRequest, Range, RangeRequest, ScanRequest, SourceError};

/// A source as an event names it, told apart by `type`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum SourceRequest {
    /// `{"type": "dynamodb-scan", "table": "T", "items_per_segment": 1000, "count": "exact"}`: a parallel scan.
    #[serde(rename = "dynamodb-scan")]
    DynamoDbScan(ScanRequest),
    /// `{"type": "range", "from": 0, "to": 100, "size": 10}`: a half-open range of numbers or dates, in pieces.
    Range(RangeRequest),
    /// `{"type": "list", "codes": ["SY", "IR"]}` or `{"type": "list", "file": "/path"}`: one segment a code.
    List(ListRequest),
    /// `{"type": "external"}`: the segments are added by callers while it runs.
    External(External),
}

impl SourceRequest {
    /// Where the segments come from: a source, or the execution's caller.
    #[must_use]
    pub const fn kind(&self) -> PlanKind {
        match self {
            Self::External(_) => PlanKind::External,
            Self::DynamoDbScan(_) | Self::Range(_) | Self::List(_) => PlanKind::Planned,
        }
    }

    /// Refuses what can be seen to be wrong without looking at a table or a file.
    pub fn validate(&self) -> Result<(), SourceError> {
        match self {
            Self::DynamoDbScan(scan) => scan.validate(),
            Self::Range(range) => Range::try_from(range).map(drop),
            Self::External(_) => Ok(()),
            Self::List(list) if list.codes.is_none() && list.file.is_some() => Ok(()),
            Self::List(list) => InlineList::try_from(list).map(drop),
        }
    }
}

/// Written out as well: a derived schema would have each source's own fields and no `type` beside them.
#[cfg(feature = "schema")]
mod schema {
    use utoipa::openapi::RefOr;
    use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Schema, Type};
    use utoipa::{PartialSchema, ToSchema};

    use super::{External, ListRequest, RangeRequest, ScanRequest, SourceRequest};

    impl PartialSchema for SourceRequest {
        fn schema() -> RefOr<Schema> {
            let sources = [
                ("dynamodb-scan", ScanRequest::schema()),
                ("range", RangeRequest::schema()),
                ("list", ListRequest::schema()),
                ("external", External::schema()),
            ];
            let one_of = OneOfBuilder::new().description(Some("Where the segments come from, told apart by `type`."));
            sources.into_iter().fold(one_of, |one_of, (name, fields)| one_of.item(named(name, fields))).into()
        }
    }

    impl ToSchema for SourceRequest {
        fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
            ScanRequest::schemas(schemas);
            RangeRequest::schemas(schemas);
        }
    }

    /// The fields of a source, with its `type`.
    fn named(name: &str, fields: RefOr<Schema>) -> RefOr<Schema> {
        let RefOr::T(Schema::Object(mut object)) = fields else { return fields };
        let kind = ObjectBuilder::new().schema_type(Type::String).enum_values(Some([name]));
        object.properties.insert("type".to_owned(), kind.into());
        object.required.push("type".to_owned());
        RefOr::T(Schema::Object(object))
    }
}

/// Written out rather than derived: serde's own tagged enums forget which field was wrong.
impl<'de> Deserialize<'de> for SourceRequest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const TYPES: &str = "use \"dynamodb-scan\", \"range\", \"list\" or \"external\"";
        let mut fields = Map::deserialize(deserializer)?;
        let kind = fields.remove("type").ok_or_else(|| D::Error::custom(format!("type: missing; {TYPES}")))?;
        match kind.as_str() {
            Some("dynamodb-scan") => read(fields).map(Self::DynamoDbScan),
            Some("range") => read(fields).map(Self::Range),
            Some("list") => read(fields).map(Self::List),
            Some("external") => read(fields).map(Self::External),
            _ => Err(D::Error::custom(format!("type: {kind} is no source; {TYPES}"))),
        }
    }
}

fn read<T: DeserializeOwned, E: serde::de::Error>(fields: Map<String, Value>) -> Result<T, E> {
    serde_path_to_error::deserialize(Value::Object(fields)).map_err(E::custom)
}
