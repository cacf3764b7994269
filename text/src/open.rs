//! Opens a file or standard input: decompresses gzip, and recognises what is not UTF-8 text at all.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use crate::error::{Place, Problem, TextError};

/// The path that stands for standard input.
pub const STDIN: &str = "-";

/// Bytes that are read at once.
const BUFFER: usize = 256 * 1024;

/// Bytes of the beginning that tell what a file is: the longest sign below.
const HEAD: usize = 10;

/// Beginnings of compressed files that are not read here, with what decompresses them.
const COMPRESSED: [(&[u8], &str, &str); 4] = [
    (b"\x28\xb5\x2f\xfd", "zstd", "zstd -d"),
    (b"\xfd7zXZ\0", "xz", "xz -d"),
    (b"BZh91AY&SY", "bzip2", "bzip2 -d"),
    (b"PK\x03\x04", "zip (as spreadsheets are)", "unzip"),
];

/// Byte-order marks of other encodings; UTF-32 first, whose mark begins with that of UTF-16.
const ENCODINGS: [(&[u8], &str); 4] =
    [(b"\xff\xfe\0\0", "UTF-32"), (b"\0\0\xfe\xff", "UTF-32"), (b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16")];

const GZIP: &[u8] = b"\x1f\x8b";
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A text that is being read: decompressed, without a byte-order mark at its beginning, not checked any further.
pub struct Text {
    name: String,
    reader: Box<dyn BufRead + Send>,
    /// The first bytes, which say what it is.
    head: Vec<u8>,
}

impl Text {
    /// Opens a file, or standard input if the path is `-`.
    pub fn open_or_stdin(path: &Path) -> Result<Self, TextError> {
        if path.as_os_str() == STDIN { Self::from_reader("standard input", io::stdin()) } else { Self::open(path) }
    }

    /// Opens a file.
    pub fn open(path: &Path) -> Result<Self, TextError> {
        let name = path.display().to_string();
        match File::open(path) {
            Ok(file) => Self::from_reader(&name, file),
            Err(source) => Err(TextError { name, place: None, problem: Problem::Read(source) }),
        }
    }

    /// Reads from there; errors call it by that name.
    pub fn from_reader(name: &str, reader: impl Read + Send + 'static) -> Result<Self, TextError> {
        let failed = |problem| TextError { name: name.to_owned(), place: None, problem };
        let (head, raw) = peek(reader).map_err(|error| failed(Problem::Read(error)))?;
        if let Some((_, with, tool)) = COMPRESSED.into_iter().find(|(sign, ..)| head.starts_with(sign)) {
            return Err(failed(Problem::Compressed { with, tool }));
        }
        let (head, reader) = if head.starts_with(GZIP) {
            // Concatenated gzip files are one file to gzip, so they are here.
            let (head, text) = peek(MultiGzDecoder::new(raw)).map_err(|error| failed(broken(error)))?;
            (head, Box::new(text) as Box<dyn BufRead + Send>)
        } else {
            (head, Box::new(raw) as Box<dyn BufRead + Send>)
        };
        if let Some((_, encoding)) = ENCODINGS.into_iter().find(|(sign, _)| head.starts_with(sign)) {
            return Err(failed(Problem::Encoding { encoding }));
        }
        let mut text = Self { name: name.to_owned(), reader, head };
        if text.head.starts_with(BYTE_ORDER_MARK) {
            text.reader.read_exact(&mut [0; BYTE_ORDER_MARK.len()]).map_err(|error| failed(broken(error)))?;
            text.head.drain(..BYTE_ORDER_MARK.len());
        }
        Ok(text)
    }

    /// The file's path, or `standard input`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first character that is no white space, if it is among the first few.
    pub fn first_character(&self) -> Option<char> {
        self.head.iter().map(|byte| char::from(*byte)).find(|character| !character.is_ascii_whitespace())
    }

    /// Appends bytes to `buffer`, up to and with the next line feed, but not more than that many.
    pub(crate) fn read_line(&mut self, most: usize, buffer: &mut Vec<u8>) -> Result<usize, Problem> {
        (&mut self.reader).take(most as u64).read_until(b'\n', buffer).map_err(broken)
    }

    /// Appends the rest of the bytes, but not more than that many.
    pub(crate) fn read_rest(&mut self, most: usize, buffer: &mut Vec<u8>) -> Result<usize, Problem> {
        (&mut self.reader).take(most as u64).read_to_end(buffer).map_err(broken)
    }

    /// An error at that place of this text.
    pub fn error(&self, place: Place, problem: Problem) -> TextError {
        TextError { name: self.name.clone(), place: Some(place), problem }
    }
}

/// Its first bytes, and all of it.
fn peek(mut reader: impl Read) -> io::Result<(Vec<u8>, BufReader<impl Read>)> {
    let mut head = Vec::with_capacity(HEAD);
    (&mut reader).take(HEAD as u64).read_to_end(&mut head)?;
    Ok((head.clone(), BufReader::with_capacity(BUFFER, Cursor::new(head).chain(reader))))
}

/// What an error while reading says. Only gzip finds an end too early.
fn broken(error: io::Error) -> Problem {
    if error.kind() == io::ErrorKind::UnexpectedEof { Problem::CutShort } else { Problem::Read(error) }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn read(bytes: Vec<u8>) -> Result<String, String> {
        let mut text = Text::from_reader("a", Cursor::new(bytes)).map_err(|error| error.to_string())?;
        let mut all = Vec::new();
        text.read_rest(1 << 20, &mut all).map_err(|problem| problem.to_string())?;
        Ok(String::from_utf8(all).unwrap())
    }

    #[test]
    fn a_byte_order_mark_is_dropped_and_gzip_members_are_joined() {
        assert_eq!(read(b"\xef\xbb\xbfSY\n".to_vec()).unwrap(), "SY\n");
        assert_eq!(read([gzip(b"\xef\xbb\xbfa,b\n"), gzip(b"1,2\n")].concat()).unwrap(), "a,b\n1,2\n");
        assert_eq!(read(Vec::new()).unwrap(), "");
    }

    #[test]
    fn what_is_not_utf_8_text_is_named_with_what_converts_it() {
        for (bytes, word) in [
            (b"\xff\xfea\0".to_vec(), "iconv -f UTF-16"),
            (gzip(b"\xfe\xff\0a"), "iconv -f UTF-16"),
            (b"\xff\xfe\0\0a\0\0\0".to_vec(), "UTF-32"),
            (b"\x28\xb5\x2f\xfdxxxx".to_vec(), "zstd -d"),
            (b"PK\x03\x04xxxx".to_vec(), "zip"),
        ] {
            let refusal = read(bytes).unwrap_err();
            assert!(refusal.contains(word), "{refusal}");
        }
    }

    #[test]
    fn a_gzip_file_that_is_cut_short_is_an_error_wherever_the_cut_is() {
        let whole = gzip("a,b\n1,2\n".repeat(1000).as_bytes());
        for length in [2, 10, 20, whole.len() / 2, whole.len() - 9, whole.len() - 1] {
            let refusal = read(whole[..length].to_vec()).unwrap_err();
            assert!(refusal.contains("cut short"), "{length}: {refusal}");
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = Text::open(Path::new("/nowhere/at-all.csv")).err().unwrap().to_string();
        assert!(error.starts_with("/nowhere/at-all.csv: it cannot be read"), "{error}");
    }
}
