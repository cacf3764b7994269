//! What the cells of a CSV file are, by column: so that an import says which cells a table keeps in another form.

use crate::format::grouped;

/// A cell that is not empty, of a column that does not stay text.
pub struct Cell<'a> {
    /// The line that its row begins in.
    pub line: u64,
    /// What it holds.
    pub text: &'a str,
    /// Whether it is a number.
    pub is_number: bool,
}

/// What was seen of every column.
#[derive(Debug)]
pub struct Columns {
    columns: Vec<Column>,
}

#[derive(Debug)]
struct Column {
    name: String,
    numbers: Tally,
    texts: Tally,
    respelled: Tally,
}

/// How many cells, and the first of them.
#[derive(Debug, Default)]
struct Tally {
    count: u64,
    first: Option<(u64, String)>,
}

/// Longer cells are cut in a note.
const SHOWN: usize = 40;

impl Tally {
    fn add(&mut self, cell: &Cell<'_>) {
        self.count += 1;
        self.first.get_or_insert_with(|| (cell.line, cell.text.chars().take(SHOWN).collect()));
    }

    /// The first cell, and where it is.
    fn example(&self) -> String {
        let (line, text) = self.first.clone().unwrap_or_default();
        format!("{} in line {line}", text.escape_debug())
    }
}

impl Columns {
    /// Columns with these names, of which nothing was seen yet.
    pub fn new(names: &[String]) -> Self {
        let column = |name: &String| Column {
            name: name.clone(),
            numbers: Tally::default(),
            texts: Tally::default(),
            respelled: Tally::default(),
        };
        Self { columns: names.iter().map(column).collect() }
    }

    /// Adds a cell of the column with that number, from zero.
    pub fn add(&mut self, number: usize, cell: &Cell<'_>) {
        let Some(column) = self.columns.get_mut(number) else { return };
        if !cell.is_number {
            return column.texts.add(cell);
        }
        column.numbers.add(cell);
        if super::number::is_respelled(cell.text) {
            column.respelled.add(cell);
        }
    }

    /// What a caller should know, a sentence a column and matter.
    pub fn notes(&self) -> Vec<String> {
        self.columns.iter().flat_map(Column::notes).collect()
    }
}

impl Column {
    fn notes(&self) -> Vec<String> {
        let (name, mut notes) = (&self.name, Vec::new());
        if self.respelled.count > 0 {
            let (count, example) = (grouped(self.respelled.count), self.respelled.example());
            notes.push(format!(
                "column {name:?}: zeros at the end of numbers are not kept ({count}, such as {example}); their values are. --text \
                 {name} keeps the cells as they are written"
            ));
        }
        if self.numbers.count > 0 && self.texts.count > 0 {
            let (numbers, number) = (grouped(self.numbers.count), self.numbers.example());
            let (texts, text) = (grouped(self.texts.count), self.texts.example());
            notes.push(format!(
                "column {name:?} mixes numbers ({numbers}, such as {number}) and text ({texts}, such as {text}). --text {name} makes \
                 all of it text"
            ));
        }
        notes
    }
}
