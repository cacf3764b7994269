//! A progress bar whose texts a terminal can show.

use std::fmt::Display;

use indicatif::{ProgressBar, ProgressStyle};

use super::escape::escaped;

/// A progress bar.
#[derive(Debug, Clone)]
pub struct Bar {
    bar: ProgressBar,
}

impl Bar {
    pub(super) const fn new(bar: ProgressBar) -> Self {
        Self { bar }
    }

    /// How it looks.
    pub fn set_style(&self, style: ProgressStyle) {
        self.bar.set_style(style);
    }

    /// What is done.
    pub fn set_position(&self, position: u64) {
        self.bar.set_position(position);
    }

    /// What it is about.
    pub fn set_prefix(&self, prefix: impl Display) {
        self.bar.set_prefix(escaped(&prefix.to_string()).into_owned());
    }

    /// Moves the spinner.
    pub fn tick(&self) {
        self.bar.tick();
    }

    /// What there is to say now.
    pub fn set_message(&self, message: impl Display) {
        self.bar.set_message(escaped(&message.to_string()).into_owned());
    }

    /// Takes it off the terminal.
    pub fn finish_and_clear(&self) {
        self.bar.finish_and_clear();
    }
}
