//! Colour, where there is a terminal that wants it.

use std::fmt::Display;

/// Paints, or leaves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Paint {
    colours: bool,
}

impl Paint {
    /// Paints if `colours`.
    pub(crate) const fn new(colours: bool) -> Self {
        Self { colours }
    }

    fn wrap(self, code: &str, text: impl Display) -> String {
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }

    /// Headings and names.
    pub(crate) fn strong(self, text: impl Display) -> String {
        self.wrap("1", text)
    }

    /// What is there for the sake of completeness.
    pub(crate) fn faint(self, text: impl Display) -> String {
        self.wrap("2", text)
    }

    /// What is well.
    pub(crate) fn good(self, text: impl Display) -> String {
        self.wrap("32", text)
    }

    /// What deserves a look.
    pub(crate) fn fair(self, text: impl Display) -> String {
        self.wrap("33", text)
    }

    /// What is wrong.
    pub(crate) fn bad(self, text: impl Display) -> String {
        self.wrap("31", text)
    }
}
