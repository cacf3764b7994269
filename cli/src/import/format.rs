//! How rows are written down in a file: by its name, or else by its first character.

use std::path::Path;

use text::Text;

/// How rows are written down in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Cells under a line of column names, with this delimiter unless the caller names another.
    Csv {
        /// The delimiter.
        delimiter: char,
    },
    /// A JSON object a line.
    JsonLines,
}

impl Format {
    /// The format of that text; `path` has its name.
    pub fn of(path: &Path, text: &Text) -> Self {
        Self::by_name(path).unwrap_or_else(|| match text.first_character() {
            Some('{' | '[') => Self::JsonLines,
            _ => Self::Csv { delimiter: ',' },
        })
    }

    fn by_name(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.to_ascii_lowercase();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        match name.rsplit_once('.')?.1 {
            "csv" => Some(Self::Csv { delimiter: ',' }),
            "tsv" | "tab" => Some(Self::Csv { delimiter: '\t' }),
            "jsonl" | "ndjson" | "json" => Some(Self::JsonLines),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[test]
    fn the_name_or_the_content_says_the_format() {
        const CSV: Format = Format::Csv { delimiter: ',' };
        let format = |name: &str, content: &'static str| {
            Format::of(Path::new(name), &Text::from_reader(name, Cursor::new(content)).unwrap())
        };
        assert_eq!(format("a.CSV", "{\n"), CSV);
        assert_eq!(format("a.tsv.gz", "x"), Format::Csv { delimiter: '\t' });
        assert_eq!(format("a.jsonl.gz", "x"), Format::JsonLines);
        assert_eq!(format("-", "\u{feff} \n{\"a\":1}"), Format::JsonLines);
        assert_eq!(format("data.txt", "a,b\n"), CSV);
        assert_eq!(format("empty", ""), CSV);
    }
}
