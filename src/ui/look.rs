//! How things look on this terminal: the theme and the signs, handed to everything that draws.

use ratatui::style::Style;

use super::fit;
use super::glyphs::Glyphs;
use super::theme::{Role, Theme};

/// What everything that draws needs to know. Cheap to copy.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// Colours and attributes.
    pub theme: &'a Theme,
    /// Signs.
    pub glyphs: &'a Glyphs,
}

impl Look<'_> {
    /// The style of a role.
    #[must_use]
    pub fn style(&self, role: Role) -> Style {
        self.theme.style(role)
    }

    /// The text within `columns`; see [`fit::fit`].
    #[must_use]
    pub fn fit(&self, text: &str, columns: u16) -> String {
        fit::fit(text, usize::from(columns), self.glyphs)
    }
}
