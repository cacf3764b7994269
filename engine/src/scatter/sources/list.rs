//! A list of codes, one segment a code: given in the event, and kept in the plan. A list in a file is beside it, in
//! [`super::list_file`].

use std::collections::HashSet;

use futures::stream::{self, BoxStream, StreamExt};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Source, SourceError};

/// The longest code. A code names a piece of work; at this length the segment's row still fits two write units.
pub const MAX_CODE_BYTES: usize = 1024;

/// A list as it is asked for: the codes, or the file that has them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ListRequest {
    /// The codes themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codes: Option<Vec<String>>,
    /// A file with one code a line, on the machine that scatters. Blank lines do not count, nor white space around a code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// Codes that were found to be in order. The spec of a segment is `{"code": "…"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InlineList {
    codes: Vec<String>,
}

impl TryFrom<&ListRequest> for InlineList {
    type Error = SourceError;

    fn try_from(request: &ListRequest) -> Result<Self, SourceError> {
        let invalid = |field, reason: String| Err(SourceError::Invalid { field, reason });
        let codes = match (&request.codes, &request.file) {
            (Some(codes), None) => codes,
            (Some(_), Some(_)) => return invalid("file", "`codes` is given, too: leave one of the two out".to_owned()),
            (None, _) => return invalid("codes", "missing: give `codes`, or a `file` that has them".to_owned()),
        };
        let mut seen = HashSet::with_capacity(codes.len());
        for (index, code) in codes.iter().enumerate() {
            if code.is_empty() || code.trim() != code || code.len() > MAX_CODE_BYTES {
                return invalid(
                    "codes",
                    format!(
                        "codes[{index}] is {}: use 1 to {MAX_CODE_BYTES} bytes without white space around them",
                        shorten(code)
                    ),
                );
            }
            if code.contains(['\n', '\r', '\0', '\u{feff}']) {
                let reason = format!(
                    "codes[{index}] is {}: a code has no line end, NUL or byte-order mark. A list with a code a line is a `file`",
                    shorten(code)
                );
                return invalid("codes", reason);
            }
            if !seen.insert(code) {
                return Err(SourceError::DuplicateCode { code: code.clone(), place: format!("codes[{index}]") });
            }
        }
        Ok(Self { codes: codes.clone() })
    }
}

/// A text as an error message shows it: quoted, and not longer than a line.
fn shorten(text: &str) -> String {
    const SHOWN: usize = 60;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{:?}… ({} bytes)", &text[..end], text.len()),
        None => format!("{text:?}"),
    }
}

impl Source for InlineList {
    fn total(&self) -> Option<u64> {
        u64::try_from(self.codes.len()).ok()
    }

    fn specs(&self, from: u64) -> BoxStream<'_, Result<Value, SourceError>> {
        let skipped = usize::try_from(from).unwrap_or(usize::MAX);
        stream::iter(self.codes.iter().skip(skipped).map(|code| Ok(json!({ "code": code })))).boxed()
    }

    fn plan(&self) -> Value {
        json!({ "type": "list", "codes": self.codes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(value: Value) -> Result<InlineList, String> {
        let request: ListRequest = serde_json::from_value(value).map_err(|error| error.to_string())?;
        InlineList::try_from(&request).map_err(|error| error.to_string())
    }

    #[test]
    fn codes_keep_their_order() {
        let list = list(json!({ "codes": ["SY", "IR", "É"] })).unwrap();
        let specs: Vec<Value> = futures::executor::block_on(list.specs(1).map(Result::unwrap).collect());
        assert_eq!((list.total(), specs), (Some(3), vec![json!({"code": "IR"}), json!({"code": "É"})]));
    }

    #[test]
    fn no_codes_are_no_segments() {
        assert_eq!(list(json!({ "codes": [] })).unwrap().total(), Some(0));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (request, word) in [
            (json!({}), "source.codes: missing"),
            (json!({ "codes": [], "file": "x" }), "source.file"),
            (json!({ "codes": ["a", "b", "a"] }), "\"a\" is in the list twice (the second time as codes[2])"),
            (json!({ "codes": ["a", ""] }), "codes[1]"),
            (json!({ "codes": [" a"] }), "white space"),
            (json!({ "codes": ["x".repeat(MAX_CODE_BYTES + 1)] }), "(1025 bytes)"),
            (json!({ "codes": ["SY\nIR"] }), "a code a line is a `file`"),
            (json!({ "codes": ["\u{feff}SY"] }), "byte-order mark"),
            (json!({ "codes": [1] }), "string"),
            (json!({ "code": ["a"] }), "unknown field `code`"),
        ] {
            let refusal = list(request.clone()).unwrap_err();
            assert!(refusal.contains(word), "{request}: {refusal}");
        }
    }
}
