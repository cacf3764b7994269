//! Opens a file, and sees what is in it.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use super::error::ImportError;

/// How rows are written down in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values under a line of column names.
    Csv,
    /// A JSON object a line.
    JsonLines,
}

/// A file's text, decompressed.
pub type Text = Box<dyn BufRead + Send>;

const BUFFER: usize = 256 * 1024;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Opens a file. Compression shows in its first bytes; the format in its name, or else in its first character.
pub fn open(path: &Path) -> Result<(Format, Text), ImportError> {
    let failed = |source| ImportError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let mut raw = BufReader::with_capacity(BUFFER, file);
    // Concatenated gzip files are one file to gzip, so they are here.
    let mut text: Text = if raw.fill_buf().map_err(failed)?.starts_with(&GZIP_MAGIC) {
        Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(raw)))
    } else {
        Box::new(raw)
    };
    let format = match format_by_name(path) {
        Some(format) => format,
        None => format_by_content(&mut text).map_err(failed)?,
    };
    Ok((format, text))
}

fn format_by_name(path: &Path) -> Option<Format> {
    let name = path.file_name()?.to_str()?.to_ascii_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    match name.rsplit_once('.')?.1 {
        "csv" => Some(Format::Csv),
        "jsonl" | "ndjson" | "json" => Some(Format::JsonLines),
        _ => None,
    }
}

fn format_by_content(text: &mut Text) -> std::io::Result<Format> {
    let start = text.fill_buf()?;
    let first = start.iter().find(|byte| !byte.is_ascii_whitespace());
    Ok(if first == Some(&b'{') { Format::JsonLines } else { Format::Csv })
}

/// The longest line of a JSON-lines file: an item of 400 KB, generously escaped. A file without line ends is then an
/// error instead of all of the memory.
const MAX_LINE_BYTES: u64 = 4 * 1024 * 1024;

/// Reads a line without its end; false at the end of the file.
pub fn read_line(text: &mut Text, line: &mut Vec<u8>) -> std::io::Result<bool> {
    line.clear();
    let read = text.take(MAX_LINE_BYTES).read_until(b'\n', line)?;
    if read as u64 == MAX_LINE_BYTES && line.last() != Some(&b'\n') {
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "a line is longer than 4 MiB"));
    }
    Ok(read > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn written(name: &str, bytes: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        (directory, path)
    }

    fn gzip(text: &str) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    fn read(name: &str, bytes: &[u8]) -> (Format, String) {
        let (_directory, path) = written(name, bytes);
        let (format, mut text) = open(&path).unwrap();
        let mut all = String::new();
        text.read_to_string(&mut all).unwrap();
        (format, all)
    }

    #[test]
    fn the_name_or_the_content_tells_the_format() {
        assert_eq!(read("a.CSV", b"{\n").0, Format::Csv);
        assert_eq!(read("a.jsonl.gz", &gzip("x")), (Format::JsonLines, "x".to_owned()));
        assert_eq!(read("a", b" \n{\"a\":1}").0, Format::JsonLines);
        assert_eq!(read("data.txt", b"a,b\n").0, Format::Csv);
        assert_eq!(read("empty", b"").0, Format::Csv);
    }

    #[test]
    fn gzip_is_seen_whatever_the_name_and_all_its_members_are_read() {
        let twice = [gzip("a,b\n"), gzip("1,2\n")].concat();
        assert_eq!(read("plain.csv", &twice), (Format::Csv, "a,b\n1,2\n".to_owned()));
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = open(Path::new("/nowhere/at-all.csv")).err().unwrap().to_string();
        assert!(error.contains("/nowhere/at-all.csv"), "{error}");
    }
}
