//! One line of typed text in a box: a filter, a search pattern.
//!
//! The command line is not this; it has an editor with history and completion.

use std::ops::Range;

use crossterm::event::{KeyCode, KeyModifiers};
use unicode_segmentation::UnicodeSegmentation;

use super::fit::{columns, fit, fit_end};
use super::glyphs::Glyphs;
use super::keys::Key;

/// Longest text taken, in bytes: more than any pattern a person types, small enough to match against per key.
pub const ENTRY_BYTES_MAX: usize = 512;

/// A line of text and a cursor in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    before: String,
    after: String,
}

impl Entry {
    /// A line that holds `text`, cut to what is taken, with the cursor at its end.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut entry = Self::default();
        entry.insert(text);
        entry
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}{}", self.before, self.after)
    }

    /// The same line with a star for each character: a secret as it is drawn.
    #[must_use]
    pub fn masked(&self) -> Self {
        let stars = |text: &str| "*".repeat(text.graphemes(true).count());
        Self {
            before: stars(&self.before),
            after: stars(&self.after),
        }
    }

    /// The same line with a star for each character of these bytes: secrets in it as they are drawn.
    #[must_use]
    pub fn covered(&self, secrets: &[Range<usize>]) -> Self {
        let cover = |text: &str, start: usize| -> String {
            let is_secret = |at: usize| secrets.iter().any(|bytes| bytes.contains(&(start + at)));
            let letters = text.grapheme_indices(true);
            letters
                .map(|(at, letter)| if is_secret(at) { "*" } else { letter })
                .collect()
        };
        Self {
            before: cover(&self.before, 0),
            after: cover(&self.after, self.before.len()),
        }
    }

    /// Whether nothing is typed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.before.is_empty() && self.after.is_empty()
    }

    /// Inserts typed or pasted text at the cursor, without control characters, as far as there is room.
    pub fn insert(&mut self, text: &str) {
        for c in text.chars().filter(|c| !c.is_control()) {
            if self.before.len() + self.after.len() + c.len_utf8() > ENTRY_BYTES_MAX {
                return;
            }
            self.before.push(c);
        }
    }

    /// Takes an editing key: characters, and what readline has for the line. Says whether the key was one.
    pub fn key(&mut self, key: Key) -> bool {
        if let Some(c) = key.typed() {
            self.insert(c.encode_utf8(&mut [0; 4]));
            return true;
        }
        match (key.modifiers(), key.code()) {
            (KeyModifiers::NONE, KeyCode::Backspace)
            | (KeyModifiers::CONTROL, KeyCode::Char('h')) => {
                self.before.truncate(last_start(&self.before));
            }
            (KeyModifiers::NONE, KeyCode::Delete) | (KeyModifiers::CONTROL, KeyCode::Char('d')) => {
                self.after.drain(..first_end(&self.after));
            }
            (KeyModifiers::NONE, KeyCode::Left) | (KeyModifiers::CONTROL, KeyCode::Char('b')) => {
                let moved = self.before.split_off(last_start(&self.before));
                self.after.insert_str(0, &moved);
            }
            (KeyModifiers::NONE, KeyCode::Right) | (KeyModifiers::CONTROL, KeyCode::Char('f')) => {
                self.before
                    .extend(self.after.drain(..first_end(&self.after)));
            }
            (KeyModifiers::NONE, KeyCode::Home) | (KeyModifiers::CONTROL, KeyCode::Char('a')) => {
                self.after.insert_str(0, &std::mem::take(&mut self.before));
            }
            (KeyModifiers::NONE, KeyCode::End) | (KeyModifiers::CONTROL, KeyCode::Char('e')) => {
                self.before.push_str(&std::mem::take(&mut self.after));
            }
            (KeyModifiers::CONTROL, KeyCode::Char('u')) => self.before.clear(),
            (KeyModifiers::CONTROL, KeyCode::Char('k')) => self.after.clear(),
            (KeyModifiers::CONTROL, KeyCode::Char('w')) => {
                let words = self.before.trim_end();
                let start = words.rfind(char::is_whitespace).map_or(0, |space| {
                    space
                        + words
                            .get(space..)
                            .and_then(|rest| rest.chars().next())
                            .map_or(0, char::len_utf8)
                });
                self.before.truncate(start);
            }
            _ => return false,
        }
        true
    }

    /// What to draw within `columns_max`, and the column of the cursor in it.
    #[must_use]
    pub fn view(&self, columns_max: u16, glyphs: &Glyphs) -> (String, u16) {
        let room = usize::from(columns_max);
        // The cursor needs a column of its own at the end.
        let before = fit_end(&self.before, room.saturating_sub(1), glyphs);
        let cursor = columns(&before, glyphs);
        let after = fit(&self.after, room.saturating_sub(cursor), glyphs);
        (
            before + &after,
            u16::try_from(cursor).unwrap_or(columns_max),
        )
    }
}

fn last_start(text: &str) -> usize {
    text.grapheme_indices(true)
        .next_back()
        .map_or(0, |(start, _)| start)
}

fn first_end(text: &str) -> usize {
    text.graphemes(true).next().map_or(0, str::len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::glyphs::ASCII;

    fn typed(entry: &mut Entry, keys: &str) {
        for key in keys.split(' ') {
            assert!(entry.key(key.parse().unwrap()), "{key}");
        }
    }

    #[test]
    fn keys_edit_the_line_as_in_a_shell() {
        let mut entry = Entry::new("one two  three");
        typed(&mut entry, "ctrl+w ctrl+w");
        assert_eq!(entry.text(), "one ");
        typed(&mut entry, "x backspace ctrl+h ctrl+a z right");
        assert_eq!(entry.text(), "zone");
        typed(&mut entry, "delete ctrl+e left ctrl+k");
        assert_eq!(entry.text(), "zo");
        typed(&mut entry, "ctrl+u");
        assert!(entry.is_empty());
        typed(&mut entry, "backspace delete left right ctrl+w");
        assert!(!entry.key("f5".parse().unwrap()));
    }

    #[test]
    fn a_pasted_text_is_one_line_of_bounded_length() {
        let mut entry = Entry::default();
        entry.insert("a\r\nb\u{1b}c");
        assert_eq!(entry.text(), "abc");
        entry.insert(&"é".repeat(ENTRY_BYTES_MAX));
        assert!(entry.text().len() <= ENTRY_BYTES_MAX);
    }

    #[test]
    fn the_cursor_stays_in_sight() {
        let entry = Entry::new("a long pattern");
        assert_eq!(entry.view(8, &ASCII), (">attern".to_owned(), 7));
        assert_eq!(entry.view(40, &ASCII), ("a long pattern".to_owned(), 14));
        assert_eq!(entry.view(0, &ASCII).1, 0);
        let mut at_start = entry.clone();
        typed(&mut at_start, "home");
        assert_eq!(at_start.view(8, &ASCII), ("a long >".to_owned(), 0));
    }
}
