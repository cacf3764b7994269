//! The trace in which an execution was opened, by which the logs and traces of the execution are joined.
//!
//! Lambda receives the [X-Ray tracing
//! header](https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader) of its
//! invocation, and Kinesis does not pass it on. So the plan keeps it, and every record carries it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// The longest header that is read, in characters. The longest that X-Ray writes has some hundred.
const MAX_HEADER: usize = 256;

/// A trace: the header's text with the fields that join spans, and nothing else: `Root`, and `Parent` and `Sampled` if it
/// has them.
///
/// Other fields, such as `Lineage`, are about the invocation that received the header, and would be wrong in another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TraceContext {
    text: String,
    root_ends: usize,
}

/// A text that is not a tracing header of X-Ray's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a tracing header of X-Ray's: it is like Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
)]
pub struct InvalidTrace(String);

impl TraceContext {
    /// Reads a header. One that is not X-Ray's is logged and dropped.
    #[must_use]
    pub fn from_header(header: &str) -> Option<Self> {
        header.parse().inspect_err(|error| tracing::debug!(%error, "a trace is dropped")).ok()
    }

    /// The header's text, for a propagator.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The ID of the trace as X-Ray spells it, `1-5759e988-bd862e3fe1be46a994272793`: the field by which logs are joined.
    #[must_use]
    pub fn trace_id(&self) -> &str {
        self.text.get(ROOT.len()..self.root_ends).unwrap_or_default()
    }
}

const ROOT: &str = "Root=";

impl FromStr for TraceContext {
    type Err = InvalidTrace;

    fn from_str(header: &str) -> Result<Self, InvalidTrace> {
        let invalid = || InvalidTrace(header.chars().take(MAX_HEADER).collect());
        if header.len() > MAX_HEADER {
            return Err(invalid());
        }
        let field = |name: &str, is_valid: fn(&str) -> bool| {
            let fields = header.split(';').filter_map(|field| field.trim().split_once('='));
            fields.filter(|(found, _)| *found == name).map(|(_, value)| value).find(|value| is_valid(value))
        };
        let mut text = format!("{ROOT}{}", field("Root", is_root).ok_or_else(invalid)?);
        let root_ends = text.len();
        for (name, is_valid) in [("Parent", is_parent as fn(&str) -> bool), ("Sampled", is_sampled)] {
            if let Some(value) = field(name, is_valid) {
                text.extend([";", name, "=", value]);
            }
        }
        Ok(Self { text, root_ends })
    }
}

fn is_root(value: &str) -> bool {
    let mut parts = value.split('-');
    let parts = (parts.next(), parts.next(), parts.next(), parts.next());
    matches!(parts, (Some("1"), Some(time), Some(id), None) if is_hex(time, 8) && is_hex(id, 24))
}

fn is_parent(value: &str) -> bool {
    is_hex(value, 16)
}

/// X-Ray also writes `?`, which leaves the decision to the receiver: the same as no field.
fn is_sampled(value: &str) -> bool {
    matches!(value, "0" | "1")
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for TraceContext {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

/// Reads a trace from an item or record. Any other value is no trace, rather than an error: no execution fails for its trace.
pub(crate) fn lenient<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<TraceContext>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(None),
        Value::String(text) => Ok(TraceContext::from_header(&text)),
        other => Ok(TraceContext::from_header(&other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "1-5759e988-bd862e3fe1be46a994272793";

    #[test]
    fn the_fields_that_join_spans_are_kept_and_no_others() {
        for (header, kept) in [
            (format!("Root={ID}"), format!("Root={ID}")),
            (format!("Root={ID};Sampled=?"), format!("Root={ID}")),
            (
                format!("Root={ID};Parent=53995c3f42cd8ad8;Sampled=1"),
                format!("Root={ID};Parent=53995c3f42cd8ad8;Sampled=1"),
            ),
            (
                format!(
                    "Self=1-67891233-12456789abcdef0123456789; Sampled=0;Root={ID};Parent=53995c3f42cd8ad8;Lineage=a87bd80c:0|68fd508a:5"
                ),
                format!("Root={ID};Parent=53995c3f42cd8ad8;Sampled=0"),
            ),
            (format!("Parent=other;Root={ID}"), format!("Root={ID}")),
        ] {
            let trace = TraceContext::from_header(&header).unwrap();
            assert_eq!((trace.as_str(), trace.trace_id()), (&*kept, ID));
            assert_eq!(kept.parse(), Ok(trace), "what it writes it reads");
        }
    }

    #[test]
    fn foreign_text_is_no_trace() {
        for header in [
            "",
            "Root=",
            ID,
            "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01",
            "Root=2-5759e988-bd862e3fe1be46a994272793",
            "Root=1-5759e988-bd862e3fe1be46a99427279g",
            "Root=1-5759e988-bd862e3fe1be46a994272793-1",
            "root=1-5759e988-bd862e3fe1be46a994272793",
            "Root=1-5759e988-bd862e3fe1be46a9942727é",
            &format!("Root={ID};Parent={}", "5".repeat(MAX_HEADER)),
        ] {
            assert_eq!(TraceContext::from_header(header), None, "{header}");
        }
    }
}
