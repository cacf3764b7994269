//! A list of codes in a file, one a line. The file is read as a stream each time; the plan keeps its path, the number of
//! its codes and a digest of them, so that a resumed scatter notices when it is another file by now.

use std::collections::HashSet;

use control_table::limits::MAX_SEGMENTS;
use futures::stream::{self, BoxStream, StreamExt};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::fs::File;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};

use super::list::MAX_CODE_BYTES;
use super::{Source, SourceError};
use crate::hex::hex;

/// The longest line: a code, with some room for the white space around it.
const MAX_LINE_BYTES: u64 = 4 * 1024;

/// Each read of the file goes through another thread; large ones keep that cheap.
const READ_BYTES: usize = 256 * 1024;

/// Codes that are held against each other in one pass over the file: some 40 MB of digests. A longer list takes several
/// passes, each over its share of the codes, so that memory does not grow with the list.
const CODES_PER_PASS: u64 = 1_000_000;

/// A list file that was found to be in order. The spec of a segment is `{"code": "…"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileList {
    file: String,
    codes: u64,
    /// SHA-256 of the codes, each followed by a line feed, in hexadecimal.
    sha256: String,
}

impl FileList {
    /// Reads the file, counts its codes and refuses one that comes twice.
    pub async fn resolve(path: &str) -> Result<Self, SourceError> {
        Self::resolve_in_passes_of(path, CODES_PER_PASS).await
    }

    async fn resolve_in_passes_of(path: &str, codes_per_pass: u64) -> Result<Self, SourceError> {
        let list = Self::measure(path).await?;
        let passes = u128::from(list.codes.div_ceil(codes_per_pass));
        for pass in 0..passes {
            list.refuse_duplicates(pass, passes).await?;
        }
        Ok(list)
    }

    /// Fails if the file's codes are others than those it was resolved with.
    pub async fn check_unchanged(&self) -> Result<(), SourceError> {
        if Self::measure(&self.file).await? == *self { Ok(()) } else { Err(self.changed()) }
    }

    async fn measure(path: &str) -> Result<Self, SourceError> {
        let mut codes = Codes::open(path).await?;
        while codes.next().await?.is_some() {
            if codes.count > MAX_SEGMENTS {
                return Err(SourceError::TooManySegments { segments: codes.count });
            }
        }
        Ok(Self { file: path.to_owned(), codes: codes.count, sha256: codes.digest() })
    }

    async fn refuse_duplicates(&self, pass: u128, passes: u128) -> Result<(), SourceError> {
        let mut codes = Codes::open(&self.file).await?;
        let mut seen = HashSet::new();
        // Bounded by the count of the first reading, in case the file grows meanwhile; its digest shows that later.
        while codes.count <= self.codes {
            let Some(code) = codes.next().await? else { break };
            let name = fingerprint(&code);
            if name % passes == pass && !seen.insert(name) {
                return Err(SourceError::DuplicateCode { code, place: format!("line {}", codes.line) });
            }
        }
        Ok(())
    }

    fn changed(&self) -> SourceError {
        SourceError::ListChanged { path: self.file.clone(), codes: self.codes }
    }
}

/// 128 bits that stand for a code: two of ten million share them with a probability of 10^-25.
fn fingerprint(code: &str) -> u128 {
    let digest = Sha256::digest(code.as_bytes());
    digest.iter().take(16).fold(0, |bits, byte| bits << 8 | u128::from(*byte))
}

impl Source for FileList {
    fn total(&self) -> Option<u64> {
        Some(self.codes)
    }

    fn specs(&self, from: u64) -> BoxStream<'_, Result<Value, SourceError>> {
        // The codes before `from` are read, too: what is compared at the end is the digest of all of them.
        let next = move |codes: Option<Codes>| async move {
            let mut codes = match codes {
                Some(codes) => codes,
                None => Codes::open(&self.file).await?,
            };
            while let Some(code) = codes.next().await? {
                if codes.count > self.codes {
                    return Err(self.changed());
                }
                if codes.count > from {
                    return Ok(Some((json!({ "code": code }), Some(codes))));
                }
            }
            if codes.count == self.codes && codes.digest() == self.sha256 { Ok(None) } else { Err(self.changed()) }
        };
        stream::try_unfold(None, next).boxed()
    }

    fn plan(&self) -> Value {
        json!({ "type": "list-file", "file": self.file, "codes": self.codes, "sha256": self.sha256 })
    }
}

/// The codes of a file, as they are read.
struct Codes {
    path: String,
    reader: BufReader<File>,
    buffer: Vec<u8>,
    digest: Sha256,
    /// Lines read.
    line: u64,
    /// Codes read.
    count: u64,
}

impl Codes {
    async fn open(path: &str) -> Result<Self, SourceError> {
        let file = File::open(path).await.map_err(|source| SourceError::File { path: path.to_owned(), source })?;
        Ok(Self {
            path: path.to_owned(),
            reader: BufReader::with_capacity(READ_BYTES, file),
            buffer: Vec::new(),
            digest: Sha256::new(),
            line: 0,
            count: 0,
        })
    }

    /// The next code; `None` at the end of the file.
    async fn next(&mut self) -> Result<Option<String>, SourceError> {
        loop {
            self.buffer.clear();
            let mut line = (&mut self.reader).take(MAX_LINE_BYTES);
            let read = line.read_until(b'\n', &mut self.buffer).await;
            let read = read.map_err(|source| SourceError::File { path: self.path.clone(), source })?;
            if read == 0 {
                return Ok(None);
            }
            self.line += 1;
            let Ok(text) = std::str::from_utf8(&self.buffer) else {
                return Err(self.bad_line("is not UTF-8: convert the file".to_owned()));
            };
            let code = text.trim();
            let whole = read as u64 != MAX_LINE_BYTES || self.buffer.ends_with(b"\n");
            if code.len() > MAX_CODE_BYTES || !whole {
                return Err(self.bad_line(format!("is too long: a code has at most {MAX_CODE_BYTES} bytes")));
            }
            if !code.is_empty() {
                self.count += 1;
                self.digest.update(code.as_bytes());
                self.digest.update(b"\n");
                return Ok(Some(code.to_owned()));
            }
        }
    }

    fn bad_line(&self, reason: String) -> SourceError {
        SourceError::Line { path: self.path.clone(), line: self.line, reason }
    }

    /// The digest of the codes so far, in hexadecimal.
    fn digest(&self) -> String {
        hex(&self.digest.clone().finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::TryStreamExt;

    fn file(content: &[u8]) -> (tempfile::TempDir, String) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("codes.txt");
        std::fs::write(&path, content).unwrap();
        let path = path.to_str().unwrap().to_owned();
        (directory, path)
    }

    async fn codes(list: &FileList, from: u64) -> Result<Vec<Value>, SourceError> {
        list.specs(from).try_collect().await
    }

    #[tokio::test]
    async fn blank_lines_and_white_space_do_not_count() {
        let (_directory, path) = file("\n SY \r\n\n\tIR\nÉ".as_bytes());
        let list = FileList::resolve(&path).await.unwrap();
        let all = vec![json!({"code": "SY"}), json!({"code": "IR"}), json!({"code": "É"})];
        assert_eq!((list.total(), codes(&list, 0).await.unwrap()), (Some(3), all.clone()));
        assert_eq!(codes(&list, 2).await.unwrap(), all[2..]);
        assert_eq!(codes(&list, 3).await.unwrap(), [] as [Value; 0]);
    }

    #[tokio::test]
    async fn a_file_that_changed_is_noticed_before_and_during_the_reading() {
        let (_directory, path) = file(b"a\nb\nc\n");
        let list = FileList::resolve(&path).await.unwrap();
        for other in ["a\nb\n", "a\nb\nc\nd\n", "a\nb\nx\n", "x\nb\nc\n"] {
            std::fs::write(&path, other).unwrap();
            let early = list.check_unchanged().await.unwrap_err();
            let late = codes(&list, 1).await.unwrap_err();
            for error in [early, late] {
                assert!(matches!(error, SourceError::ListChanged { .. }), "{other:?}: {error}");
            }
        }
        std::fs::write(&path, "a\n\n b\nc").unwrap();
        list.check_unchanged().await.unwrap();
        codes(&list, 0).await.unwrap();
    }

    #[tokio::test]
    async fn a_code_that_comes_twice_is_found_in_whichever_pass() {
        let content: Vec<String> = (0..100).map(|n| format!("c{n}")).collect();
        let content = content.join("\n");
        let (_directory, path) = file(content.as_bytes());
        assert_eq!(FileList::resolve_in_passes_of(&path, 7).await.unwrap().total(), Some(100));
        for twice in [0, 41, 99] {
            std::fs::write(&path, format!("{content}\n\nc{twice}\n")).unwrap();
            let error = FileList::resolve_in_passes_of(&path, 7).await.unwrap_err().to_string();
            assert!(error.contains(&format!("\"c{twice}\"")) && error.contains("line 102"), "{error}");
        }
    }

    #[tokio::test]
    async fn what_is_no_list_is_refused_by_line() {
        let long = "x".repeat(MAX_CODE_BYTES + 1);
        let endless = "x".repeat(100_000);
        for (content, word) in [
            (format!("a\n{long}\n").into_bytes(), "line 2"),
            (format!("{endless}\n").into_bytes(), "too long"),
            (b"a\n\xff\n".to_vec(), "UTF-8"),
        ] {
            let (_directory, path) = file(&content);
            let refusal = FileList::resolve(&path).await.unwrap_err().to_string();
            assert!(refusal.contains(word), "{refusal}");
        }
        let missing = FileList::resolve("/no/such/file").await.unwrap_err().to_string();
        assert!(missing.contains("/no/such/file"), "{missing}");
    }

    #[tokio::test]
    async fn an_empty_file_has_no_segments() {
        let (_directory, path) = file(b"\n \n");
        let list = FileList::resolve(&path).await.unwrap();
        assert_eq!((list.total(), codes(&list, 0).await.unwrap().len()), (Some(0), 0));
    }
}
