//! A list of codes in a file, one a line. The file is read as a stream each time; the plan keeps its path, the number of
//! its codes and a digest of them, so that a resumed scatter notices when it is another file by now.

use std::collections::{HashSet, VecDeque};
use std::path::Path;

use control_table::limits::MAX_SEGMENTS;
use futures::stream::{self, BoxStream, StreamExt};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Codes, Source, SourceError};

/// Codes that are read at once. Each time goes through another thread; some thousand keep that cheap.
const CODES_PER_READ: usize = 4_096;

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
        let path = path.to_owned();
        tokio::task::spawn_blocking(move || Self::resolve_in_passes_of(&path, CODES_PER_PASS)).await?
    }

    /// Fails if the file's codes are others than those it was resolved with.
    pub async fn check_unchanged(&self) -> Result<(), SourceError> {
        let path = self.file.clone();
        let found = tokio::task::spawn_blocking(move || Self::measure(&path)).await??;
        if found == *self { Ok(()) } else { Err(self.changed()) }
    }

    fn resolve_in_passes_of(path: &str, codes_per_pass: u64) -> Result<Self, SourceError> {
        let list = Self::measure(path)?;
        let passes = u128::from(list.codes.div_ceil(codes_per_pass));
        for pass in 0..passes {
            list.refuse_duplicates(pass, passes)?;
        }
        Ok(list)
    }

    fn measure(path: &str) -> Result<Self, SourceError> {
        let mut codes = Codes::open(Path::new(path))?;
        while codes.next_code()?.is_some() {
            if codes.count > MAX_SEGMENTS {
                return Err(SourceError::TooManySegments { segments: codes.count });
            }
        }
        Ok(Self { file: path.to_owned(), codes: codes.count, sha256: codes.digest() })
    }

    fn refuse_duplicates(&self, pass: u128, passes: u128) -> Result<(), SourceError> {
        let mut codes = Codes::open(Path::new(&self.file))?;
        let mut seen = HashSet::new();
        // Bounded by the count of the first reading, in case the file grows meanwhile; its digest shows that later.
        while codes.count <= self.codes {
            let Some(code) = codes.next_code()? else { break };
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
        let next = move |mut reading: Reading| async move {
            if reading.ready.is_empty() && !reading.is_over {
                reading = tokio::task::spawn_blocking(move || reading.further()).await??;
            }
            Ok(reading.ready.pop_front().map(|code| (json!({ "code": code }), reading)))
        };
        stream::try_unfold(Reading::of(self, from), next).boxed()
    }

    fn plan(&self) -> Value {
        json!({ "type": "list-file", "file": self.file, "codes": self.codes, "sha256": self.sha256 })
    }
}

/// A list that is read from some code on.
struct Reading {
    list: FileList,
    from: u64,
    codes: Option<Codes>,
    /// Codes that were read, to be given next.
    ready: VecDeque<String>,
    is_over: bool,
}

impl Reading {
    fn of(list: &FileList, from: u64) -> Self {
        Self { list: list.clone(), from, codes: None, ready: VecDeque::new(), is_over: false }
    }

    /// Reads the next codes. The codes before the first one asked for are read, too: what is compared at the end is the digest of
    /// all of them.
    fn further(mut self) -> Result<Self, SourceError> {
        let mut codes = match self.codes.take() {
            Some(codes) => codes,
            None => Codes::open(Path::new(&self.list.file))?,
        };
        while self.ready.len() < CODES_PER_READ {
            let Some(code) = codes.next_code()? else {
                if codes.count != self.list.codes || codes.digest() != self.list.sha256 {
                    return Err(self.list.changed());
                }
                self.is_over = true;
                return Ok(self);
            };
            if codes.count > self.list.codes {
                return Err(self.list.changed());
            }
            if codes.count > self.from {
                self.ready.push_back(code);
            }
        }
        self.codes = Some(codes);
        Ok(self)
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
        assert_eq!(FileList::resolve_in_passes_of(&path, 7).unwrap().total(), Some(100));
        for twice in [0, 41, 99] {
            std::fs::write(&path, format!("{content}\n\nc{twice}\n")).unwrap();
            let error = FileList::resolve_in_passes_of(&path, 7).unwrap_err().to_string();
            assert!(error.contains(&format!("\"c{twice}\"")) && error.contains("line 102"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_file_that_is_no_list_is_refused_before_anything_is_opened() {
        let (_directory, path) = file(b"a\n\xff\n");
        let refusal = FileList::resolve(&path).await.unwrap_err().to_string();
        assert!(refusal.starts_with("source.file: ") && refusal.contains("codes.txt, line 2, column 1"), "{refusal}");
        let missing = FileList::resolve("/no/such/file").await.unwrap_err().to_string();
        assert!(missing.contains("/no/such/file") && missing.contains("the machine that scatters"), "{missing}");
    }

    #[tokio::test]
    async fn more_codes_than_are_read_at_once_come_in_order() {
        let expected: Vec<Value> = (0..10_000).map(|n| json!({ "code": format!("c{n}") })).collect();
        let content: Vec<String> = (0..10_000).map(|n| format!("c{n}\n")).collect();
        let (_directory, path) = file(content.concat().as_bytes());
        let list = FileList::resolve(&path).await.unwrap();
        assert_eq!(codes(&list, 0).await.unwrap(), expected);
        assert_eq!(codes(&list, 9_000).await.unwrap(), expected[9_000..]);
    }

    #[tokio::test]
    async fn an_empty_file_has_no_segments() {
        let (_directory, path) = file(b"\n \n");
        let list = FileList::resolve(&path).await.unwrap();
        assert_eq!((list.total(), codes(&list, 0).await.unwrap().len()), (Some(0), 0));
    }
}
