//! Files as people bring them, with everything that goes wrong with them.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Pieces that mean something to a reader of CSV, and pieces that do not belong into a text.
const CSV_PIECES: [&[u8]; 24] = [
    b"a",
    b"1",
    b"1.10",
    b"007",
    b" ",
    b",",
    b";",
    b"\t",
    b"|",
    b"\"",
    b"\"\"",
    b"\n",
    b"\r\n",
    b"\r",
    b"\n\n",
    b"\0",
    b"\xef\xbb\xbf",
    b"\xc3\xa9",
    b"\xe9",
    b"\xff",
    b"'",
    b"\"a\"",
    b"5\" disk",
    b"\xe2\x80\xa8",
];

/// The same for JSON lines.
const JSON_PIECES: [&[u8]; 30] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b"\"",
    b"\"a\"",
    b"\"a\":1",
    b"{\"a\":1}",
    b"1",
    b"-0",
    b"1e400",
    b"01",
    b"NaN",
    b"123456789012345678901234",
    b"19.99999999999999999",
    b"null",
    b"true",
    b"\\u00e9",
    b"\\ud800",
    b"\\",
    b" ",
    b"\n",
    b"\r\n",
    b"\r",
    b"\0",
    b"\xef\xbb\xbf",
    b"\xc3\xa9",
    b"\xe9",
];

fn soup(pieces: &'static [&'static [u8]]) -> impl Strategy<Value = Vec<u8>> {
    vec(select(pieces), 0..24).prop_map(|pieces| pieces.concat())
}

/// Cells that are written well, with quotation marks where they are needed and sometimes where they are not.
fn csv_rows(delimiter: char) -> impl Strategy<Value = Vec<u8>> {
    let cell = prop_oneof![any::<String>(), "[a-z0-9 .\"\r\n,;\t]{0,6}", "-?[0-9]{0,40}(\\.[0-9]{0,3})?"];
    let cell = (cell, any::<bool>()).prop_map(move |(cell, quoted)| {
        if quoted || cell.contains([delimiter, '"', '\r', '\n']) {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell
        }
    });
    let rows = vec((vec(cell, 1..4), select(&["\n", "\r\n", "\n\r\n"][..])), 0..5);
    rows.prop_map(move |rows| {
        let line = |(cells, end): (Vec<String>, &str)| cells.join(&delimiter.to_string()) + end;
        rows.into_iter().map(line).collect::<String>().into_bytes()
    })
}

/// Objects that are written well.
fn json_rows() -> impl Strategy<Value = Vec<u8>> {
    let text = any::<String>().prop_map(|text| serde_json::Value::String(text).to_string());
    let number = "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,20})?([eE][-+]?[0-9]{1,3})?";
    let leaf = prop_oneof![text.clone(), number, Just("null".to_owned()), Just("false".to_owned())];
    let value = leaf.prop_recursive(3, 12, 4, move |inner| {
        let entry = (text.clone(), inner.clone()).prop_map(|(name, value)| format!("{name}: {value}"));
        prop_oneof![
            vec(inner, 0..4).prop_map(|values| format!("[{}]", values.join(", "))),
            vec(entry, 0..4).prop_map(|entries| format!("{{{}}}", entries.join(","))),
        ]
    });
    let rows = vec((value, select(&["\n", "\r\n", "\n \r\n"][..])), 0..4);
    rows.prop_map(|rows| rows.into_iter().map(|(value, end)| value + end).collect::<String>().into_bytes())
}

/// What happens to a file on its way: a byte is lost, doubled or changed, or the end is cut off.
#[derive(Debug, Clone)]
enum Damage {
    None,
    Remove(Index),
    Insert(Index, &'static [u8]),
    Cut(Index),
}

fn damage(pieces: &'static [&'static [u8]]) -> impl Strategy<Value = Damage> {
    prop_oneof![
        3 => Just(Damage::None),
        1 => any::<Index>().prop_map(Damage::Remove),
        2 => (any::<Index>(), select(pieces)).prop_map(|(at, piece)| Damage::Insert(at, piece)),
        1 => any::<Index>().prop_map(Damage::Cut),
    ]
}

fn damaged(mut bytes: Vec<u8>, damage: &Damage) -> Vec<u8> {
    match damage {
        Damage::Remove(at) if !bytes.is_empty() => drop(bytes.remove(at.index(bytes.len()))),
        Damage::Cut(at) if !bytes.is_empty() => bytes.truncate(at.index(bytes.len())),
        Damage::Insert(at, piece) => {
            let at = at.index(bytes.len() + 1);
            bytes.splice(at..at, piece.iter().copied());
        }
        Damage::None | Damage::Remove(_) | Damage::Cut(_) => {}
    }
    bytes
}

/// How a file is packed.
#[derive(Debug, Clone)]
enum Packing {
    Plain,
    ByteOrderMark,
    Gzip { members: usize, cut: Option<Index> },
}

fn packing() -> impl Strategy<Value = Packing> {
    prop_oneof![
        4 => Just(Packing::Plain),
        2 => Just(Packing::ByteOrderMark),
        1 => (1_usize..4, proptest::option::of(any::<Index>())).prop_map(|(members, cut)| Packing::Gzip { members, cut }),
    ]
}

fn packed(bytes: Vec<u8>, packing: &Packing) -> Vec<u8> {
    match packing {
        Packing::Plain => bytes,
        Packing::ByteOrderMark => [b"\xef\xbb\xbf", &bytes[..]].concat(),
        Packing::Gzip { members, cut } => {
            let size = bytes.len().div_ceil(*members).max(1);
            let mut packed: Vec<u8> = bytes.chunks(size).flat_map(gzip).collect();
            if packed.is_empty() {
                packed = gzip(b"");
            }
            // The two bytes that say that it is gzip stay.
            let length = cut.map_or(packed.len(), |cut| 2 + cut.index(packed.len() - 2));
            packed.truncate(length);
            packed
        }
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory is written");
    encoder.finish().expect("memory is written")
}

/// A CSV file and its delimiter.
pub fn csv_file() -> impl Strategy<Value = (char, Vec<u8>)> {
    select(&[',', ';', '\t'][..]).prop_flat_map(|delimiter| {
        let content = prop_oneof![soup(&CSV_PIECES), csv_rows(delimiter)];
        let file = (content, damage(&CSV_PIECES), packing());
        (Just(delimiter), file.prop_map(|(content, damage, packing)| packed(damaged(content, &damage), &packing)))
    })
}

/// A JSON-lines file.
pub fn json_file() -> impl Strategy<Value = Vec<u8>> {
    let content = prop_oneof![soup(&JSON_PIECES), json_rows()];
    let file = (content, damage(&JSON_PIECES), packing());
    file.prop_map(|(content, damage, packing)| packed(damaged(content, &damage), &packing))
}
