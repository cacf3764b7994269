//! A text that is one document: a job file, a report.

use crate::error::{Place, Problem, TextError};
use crate::lines::checked;
use crate::open::Text;

/// Reads a text as one document of at most `limit` bytes.
pub fn document(mut text: Text, limit: usize) -> Result<String, TextError> {
    let mut bytes = Vec::new();
    let read = text.read_rest(limit.saturating_add(1), &mut bytes);
    if read.map_err(|problem| text.error(Place::START, problem))? > limit {
        return Err(TextError { name: text.name().to_owned(), place: None, problem: Problem::Long { limit } });
    }
    match checked(&bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err((before, problem)) => Err(text.error(Place::after(before), problem)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<String, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("job.toml");
        std::fs::write(&path, bytes).unwrap();
        Text::open(&path).and_then(|text| document(text, 20)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_document_is_text_of_a_bounded_length() {
        assert_eq!(read(b"\xef\xbb\xbfjob = 'a'\r\n").unwrap(), "job = 'a'\r\n");
        assert!(read(b"a\nb\0").unwrap_err().contains("job.toml, line 2, column 2: a NUL"));
        assert!(read(b"a\n\xe9").unwrap_err().contains("line 2, column 1: the byte 0xE9"));
        assert!(read(&[b'a'; 21]).unwrap_err().contains("longer than 20 bytes"));
    }
}
