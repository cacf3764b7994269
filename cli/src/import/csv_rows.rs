//! Rows of a CSV file.

use std::collections::HashSet;

use aws_sdk_dynamodb::types::AttributeValue;
use text::{Place, Records, Text};

use super::columns::{Cell, Columns};
use super::error::{ImportError, RowProblem};
use super::number::is_number_cell;
use super::row::{Item, Shape};

/// Delimiters of files that are not separated by commas. One of them in a single column name is a sign of such a file.
const OTHER_DELIMITERS: [char; 3] = [';', '\t', '|'];

/// How the cells of a file are to be read.
#[derive(Debug, Clone, Default)]
pub struct Cells {
    /// What stands between cells; `None` if the caller named no delimiter.
    pub delimiter: Option<char>,
    /// The columns whose cells stay text, even where they look like numbers.
    pub text: Vec<String>,
    /// Whether every column stays text.
    pub strings: bool,
}

impl Cells {
    /// The first flag that was given, for a file that is not CSV.
    pub fn first_flag(&self) -> Option<&'static str> {
        let given =
            [("--delimiter", self.delimiter.is_some()), ("--text", !self.text.is_empty()), ("--strings", self.strings)];
        given.into_iter().find(|(_, is_given)| *is_given).map(|(flag, _)| flag)
    }
}

/// A CSV file under its line of column names.
pub struct CsvRows {
    records: Records,
    columns: Vec<String>,
    stays_text: HashSet<String>,
    strings: bool,
    seen: Columns,
}

impl CsvRows {
    /// Reads the column names. `usual` is the delimiter unless the caller named one.
    pub fn new(text: Text, usual: char, cells: &Cells) -> Result<Self, ImportError> {
        let mut records = Records::new(text, cells.delimiter.unwrap_or(usual));
        let Some(first) = records.next_record()? else {
            return Err(ImportError::Empty { name: records.text().name().to_owned() });
        };
        if cells.delimiter.is_none() {
            refuse_other_delimiter(records.text(), &first.cells)?;
        }
        check_columns(records.text(), first.line, &first.cells)?;
        Ok(Self {
            records,
            seen: Columns::new(&first.cells),
            columns: first.cells,
            stays_text: cells.text.iter().cloned().collect(),
            strings: cells.strings,
        })
    }

    /// The column names, in order.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The file.
    pub const fn text(&self) -> &Text {
        self.records.text()
    }

    /// What the cells that were read are, by column.
    pub const fn seen(&self) -> &Columns {
        &self.seen
    }

    /// The next row with its line; `None` after the last.
    pub fn next_item(&mut self, shape: &Shape) -> Result<Option<(u64, Item)>, ImportError> {
        let Some(record) = self.records.next_record()? else { return Ok(None) };
        if record.cells.len() != self.columns.len() {
            let problem = RowProblem::Uneven { expected: self.columns.len(), found: record.cells.len() };
            return Err(ImportError::row(self.text(), record.line, problem));
        }
        let mut item = Item::with_capacity(self.columns.len());
        for (number, (column, cell)) in self.columns.iter().zip(record.cells).enumerate() {
            if cell.is_empty() {
                continue;
            }
            let stays_text = self.strings || shape.wants_text(column) || self.stays_text.contains(column);
            let is_number = !stays_text && is_number_cell(&cell);
            if !stays_text {
                self.seen.add(number, &Cell { line: record.line, text: &cell, is_number });
            }
            let value = if is_number { AttributeValue::N(cell) } else { AttributeValue::S(cell) };
            item.insert(column.clone(), value);
        }
        Ok(Some((record.line, item)))
    }
}

/// One column whose name has another delimiter in it is a file that would become one long column.
fn refuse_other_delimiter(text: &Text, columns: &[String]) -> Result<(), ImportError> {
    let [column] = columns else { return Ok(()) };
    match OTHER_DELIMITERS.into_iter().find(|delimiter| column.contains(*delimiter)) {
        Some(delimiter) => {
            Err(ImportError::Delimiter { name: text.name().to_owned(), column: column.clone(), delimiter })
        }
        None => Ok(()),
    }
}

fn check_columns(text: &Text, line: u64, columns: &[String]) -> Result<(), ImportError> {
    let mut seen = HashSet::new();
    for (index, name) in columns.iter().enumerate() {
        let problem = if name.is_empty() {
            "has no name"
        } else if !seen.insert(name) {
            "has the name of another column"
        } else {
            continue;
        };
        let name = name.clone();
        let (file, place) = (text.name().to_owned(), Place { line, column: 1 });
        return Err(ImportError::BadColumn { file, place, number: index + 1, name, problem });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_dynamodb::types::ScalarAttributeType;
    use std::collections::BTreeMap;
    use std::io::Cursor;

    fn shape() -> Shape {
        let text = ScalarAttributeType::S;
        let keys = BTreeMap::from([("id".to_owned(), text.clone()), ("country".to_owned(), text)]);
        Shape { key: "id".to_owned(), keys }
    }

    fn read(content: &[u8], cells: &Cells) -> Result<(Vec<Item>, Vec<String>), ImportError> {
        let text = Text::from_reader("a.csv", Cursor::new(content.to_vec()))?;
        let mut reader = CsvRows::new(text, ',', cells)?;
        let mut items = Vec::new();
        while let Some((_, item)) = reader.next_item(&shape())? {
            items.push(item);
        }
        Ok((items, reader.seen().notes()))
    }

    fn refusal(content: &[u8]) -> String {
        read(content, &Cells::default()).expect_err("refused").to_string()
    }

    #[test]
    fn quotes_line_ends_and_a_byte_order_mark() {
        let content = "\u{feff}id,country,name\r\n1,SY,\"a \"\"b\"\", c\nd\"\r\n\r\n2,,x\r\n";
        let (items, _) = read(content.as_bytes(), &Cells::default()).unwrap();
        assert_eq!(items[0]["name"], AttributeValue::S("a \"b\", c\nd".to_owned()));
        assert_eq!(items[0]["id"], AttributeValue::S("1".to_owned()));
        assert!(!items[1].contains_key("country"), "an empty cell is left out");
        assert_eq!(items.len(), 2);
    }

    #[test]
    fn cells_are_numbers_only_where_that_loses_nothing() {
        let content = b"id,country,population,code,zip\n1,42,-12.5,007,123\n";
        let cells = Cells { text: vec!["zip".to_owned()], ..Cells::default() };
        let (items, notes) = read(content, &cells).unwrap();
        assert_eq!(items[0]["population"], AttributeValue::N("-12.5".to_owned()));
        assert_eq!(items[0]["code"], AttributeValue::S("007".to_owned()));
        assert_eq!(items[0]["zip"], AttributeValue::S("123".to_owned()), "it stays text");
        assert_eq!(items[0]["country"], AttributeValue::S("42".to_owned()), "an index by text");
        assert_eq!(notes, [] as [&str; 0]);
        let (items, _) = read(content, &Cells { strings: true, ..Cells::default() }).unwrap();
        assert_eq!(items[0]["population"], AttributeValue::S("-12.5".to_owned()));
    }

    #[test]
    fn a_spelling_that_is_lost_and_a_column_of_two_types_are_said() {
        let (items, notes) = read(b"id,price,zip\n1,1.10,007\n2,2.50,123\n", &Cells::default()).unwrap();
        assert_eq!(items[0]["price"], AttributeValue::N("1.10".to_owned()));
        assert!(notes[0].contains("\"price\": zeros") && notes[0].contains("(2, such as 1.10 in line 2)"), "{notes:?}");
        assert!(notes[0].contains("--text price"), "{notes:?}");
        assert!(
            notes[1].starts_with("column \"zip\" mixes numbers (1,") && notes[1].contains("007 in line 2"),
            "{notes:?}"
        );
        assert_eq!(notes.len(), 2);
    }

    #[test]
    fn a_wrong_row_is_named_by_its_line() {
        assert!(refusal(b"id,country\n1,a\n2,b,c\n").starts_with("a.csv, line 3: 3 cells"));
        assert!(refusal(b"id,country\r\n1,a\r\n2\r\n").starts_with("a.csv, line 3: 1 cell,"));
        assert!(refusal(b"id,country\r\n\r\n1,a\r\n\r\n2\r\n").starts_with("a.csv, line 5: 1 cell,"));
        assert!(refusal(b"id,country\n1,\xff\n").starts_with("a.csv, line 2, column 3: the byte 0xFF"));
        assert!(
            refusal(b"id,country\n\"1\n2\",b\n3\n").starts_with("a.csv, line 4: 1 cell,"),
            "a row of two lines counts as two"
        );
    }

    #[test]
    fn another_delimiter_is_refused_unless_it_is_named() {
        for (content, hint) in [
            (&b"id;name\n1;a\n"[..], "--delimiter ';'"),
            (b"id\tname\n1\ta\n", "--delimiter tab"),
            (b"id|name\n1|a\n", "--delimiter '|'"),
        ] {
            let refusal = refusal(content);
            assert!(refusal.contains(hint), "{refusal}");
        }
        let cells = Cells { delimiter: Some(';'), ..Cells::default() };
        let (items, _) = read(b"id;name\n1;a,b\n", &cells).unwrap();
        assert_eq!(items[0]["name"], AttributeValue::S("a,b".to_owned()));
        let cells = Cells { delimiter: Some(','), ..Cells::default() };
        assert!(read(b"a;b\n1\n", &cells).is_ok(), "the caller insists");
    }

    #[test]
    fn columns_have_names_of_their_own() {
        assert!(refusal(b"id,,x\n").contains("column 2 of the file (\"\") has no name"));
        assert!(refusal(b"id,x,x\n").contains("column 3 of the file (\"x\") has the name of another"));
        assert!(refusal(b"").contains("is empty"));
    }
}
