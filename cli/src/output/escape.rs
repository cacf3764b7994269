//! Characters that a terminal obeys, or that a reader cannot see, made visible.

use std::borrow::Cow;
use std::fmt::Write as _;

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory as _};

/// The joiners, which Persian, Hindi and composed emoji are written with.
const JOINERS: [char; 2] = ['\u{200c}', '\u{200d}'];

/// Text as a person may see it: control characters (C0, C1), line and paragraph separators, and invisible format characters such as the
/// ones that reverse the direction of writing are written as `\u{202e}`. A tab stays: it moves to the next stop and no further.
///
/// A key, an error or a result of another person's data must not clear the screen, colour it, or look like another.
pub fn escaped(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte)) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    let (mut before, mut rest) = (None, text.chars().peekable());
    while let Some(c) = rest.next() {
        if c == '\t' || !is_hidden(c) || joins(before, c, rest.peek().copied()) {
            shown.push(c);
        } else if matches!(c, '\n' | '\r') {
            shown.extend(c.escape_default());
        } else {
            // Writing to a string cannot fail.
            let _ = write!(shown, "{}", c.escape_unicode());
        }
        before = Some(c);
    }
    Cow::Owned(shown)
}

/// Whether a terminal obeys the character, or shows nothing for it.
pub(super) fn is_hidden(c: char) -> bool {
    match c {
        ' '..='~' => false,
        _ => matches!(
            c.general_category(),
            GeneralCategory::Control
                | GeneralCategory::Format
                | GeneralCategory::LineSeparator
                | GeneralCategory::ParagraphSeparator
        ),
    }
}

/// Whether a joiner stands between two characters that it may join. Between ASCII characters it only makes a name look like another.
fn joins(before: Option<char>, c: char, after: Option<char>) -> bool {
    let is_joined = |neighbour: Option<char>| neighbour.is_some_and(|n| !n.is_ascii() && !is_hidden(n));
    JOINERS.contains(&c) && is_joined(before) && is_joined(after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_terminal_obeys_is_shown() {
        for (text, shown) in [
            ("\u{1b}[31mred", r"\u{1b}[31mred"),
            ("a\nb\rc\0d\u{7f}", r"a\nb\rc\u{0}d\u{7f}"),
            ("\u{9b}2J", r"\u{9b}2J"),
            ("invoice\u{202e}fdp.exe", r"invoice\u{202e}fdp.exe"),
            ("a\u{200b}b\u{2028}c\u{feff}", r"a\u{200b}b\u{2028}c\u{feff}"),
            ("a\u{200d}b", r"a\u{200d}b"),
            ("\u{e0041}tag", r"\u{e0041}tag"),
        ] {
            assert_eq!(escaped(text), shown);
        }
    }

    #[test]
    fn what_people_write_stays_as_it_is() {
        for text in [
            "2026-11-25",
            "a\tb",
            r"C:\x",
            "東京　二",
            "naïve",
            "می\u{200c}خواهم",
            "👩\u{200d}👩\u{200d}👧",
            "e\u{301}",
        ] {
            assert_eq!(escaped(text), text);
        }
    }

    proptest! {
        #[test]
        fn nothing_hidden_is_left(text in "\\PC*|[\\s\\S]{0,40}") {
            let shown = escaped(&text);
            prop_assert!(shown.chars().all(|c| c == '\t' || JOINERS.contains(&c) || !is_hidden(c)), "{shown:?}");
        }
    }
}
