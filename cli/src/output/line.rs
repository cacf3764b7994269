//! A line for a person.

use std::fmt::Display;

use super::escape::escaped;

/// A colour, for terminals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// All is well.
    Green,
    /// Something failed.
    Red,
    /// Not finished.
    Yellow,
    /// Less important.
    Dim,
}

impl Colour {
    const fn code(self) -> &'static str {
        match self {
            Self::Green => "32",
            Self::Red => "31",
            Self::Yellow => "33",
            Self::Dim => "2",
        }
    }
}

/// One line of text, parts of it in a colour. Whatever is put into it is escaped, so a line has no other control characters than those
/// of its colours; and it is the only thing that [`super::Output`] prints for people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    parts: Vec<(Option<Colour>, String)>,
}

impl Line {
    /// A line that begins in a colour.
    pub fn painted(colour: Colour, text: impl Display) -> Self {
        Self::default().paint(colour, text)
    }

    /// With more text.
    pub fn then(self, text: impl Display) -> Self {
        self.with(None, text)
    }

    /// With more text, in a colour.
    pub fn paint(self, colour: Colour, text: impl Display) -> Self {
        self.with(Some(colour), text)
    }

    fn with(mut self, colour: Option<Colour>, text: impl Display) -> Self {
        self.parts.push((colour, escaped(&text.to_string()).into_owned()));
        self
    }

    /// As it is written to a terminal, or without colours.
    pub fn render(&self, colours: bool) -> String {
        let parts = self.parts.iter().map(|(colour, text)| match colour {
            Some(colour) if colours => format!("\x1b[{}m{text}\x1b[0m", colour.code()),
            _ => text.clone(),
        });
        parts.collect()
    }
}

impl<T: Display> From<T> for Line {
    fn from(text: T) -> Self {
        Self::default().then(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_only_where_they_are_wanted() {
        let line = Line::painted(Colour::Red, "x").then(" y");
        assert_eq!(line.render(true), "\x1b[31mx\x1b[0m y");
        assert_eq!(line.render(false), "x y");
    }

    #[test]
    fn a_lines_text_has_neither_colours_nor_lines_of_its_own() {
        let hostile = "\x1b[2J\nerror: forged";
        let shown = r"\u{1b}[2J\nerror: forged";
        assert_eq!(Line::from(hostile).render(false), shown);
        assert_eq!(Line::painted(Colour::Dim, hostile).render(true), format!("\x1b[2m{shown}\x1b[0m"));
    }
}
