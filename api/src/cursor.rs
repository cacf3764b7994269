//! Where the next page begins, as callers pass it back: a text that they have no need to read.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// The longest cursor that is read: each has an ID or a number.
const MAX_BYTES: usize = 512;

/// The place as text.
pub fn encode(place: &impl Serialize) -> String {
    // Places are numbers and IDs, which can always be written.
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(place).unwrap_or_default())
}

/// The place in a cursor; the beginning without one.
///
/// # Errors
/// When the cursor is none of this list's.
pub fn decode<P: DeserializeOwned>(cursor: Option<&str>) -> Result<Option<P>, Problem> {
    let Some(cursor) = cursor else { return Ok(None) };
    let bytes = (cursor.len() <= MAX_BYTES).then(|| URL_SAFE_NO_PAD.decode(cursor).ok()).flatten();
    let place = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    place.map(Some).ok_or_else(|| {
        Problem::bad_request("cursor: not one of this list: give the `next` of the page before, or none")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct At {
        group: u64,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Other {
        index: u64,
    }

    #[test]
    fn a_cursor_reads_back_and_a_forged_one_is_refused() {
        let cursor = encode(&At { group: 7 });
        assert_eq!(decode(Some(&cursor)).unwrap(), Some(At { group: 7 }));
        assert_eq!(decode::<At>(None).unwrap(), None);
        for forged in ["", "x", "%%%", "bnVsbA", &"A".repeat(9_999), &cursor[1..]] {
            assert!(decode::<At>(Some(forged)).is_err(), "{forged}");
        }
        assert!(decode::<Other>(Some(&cursor)).is_err(), "another list's");
    }
}
