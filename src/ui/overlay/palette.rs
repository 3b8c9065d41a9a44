//! The palette: actions, commands and targets found by a few typed letters, each shown with its key.
//!
//! Given only targets it is the target chooser. What commands and targets there are is told to it.

use std::cmp::Reverse;

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::Outcome;
use super::cursor::Cursor;
use super::frame::{Frame, row, write};
use crate::ui::action::{Action, Context, ROWS};
use crate::ui::entry::Entry;
use crate::ui::fit::{columns, shown};
use crate::ui::keys::{Key, KeyMap};
use crate::ui::look::Look;
use crate::ui::theme::Role;

/// Columns that are enough for a name, its help and its key.
const COLUMNS_MAX: u16 = 100;

/// Rows of results shown at most; what is further down is found faster by one more letter.
const ROWS_MAX: u16 = 24;

/// Something that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    name: String,
    help: String,
    aside: String,
    outcome: Outcome,
}

impl Item {
    /// An action, with the key it has where the focus is, or else where it has one.
    #[must_use]
    pub fn action(action: Action, context: Context, keys: &KeyMap) -> Self {
        let elsewhere = || {
            let there = |other| {
                keys.hint(other, action)
                    .map(|hint| format!("{other}: {hint}"))
            };
            [Context::Rack, Context::Pane].into_iter().find_map(there)
        };
        Self {
            name: action.name().to_owned(),
            help: action.help().to_owned(),
            aside: keys
                .hint(context, action)
                .or_else(elsewhere)
                .unwrap_or_default(),
            outcome: Outcome::Ask(action),
        }
    }

    /// Every action the palette offers where the focus is.
    #[must_use]
    pub fn actions(context: Context, keys: &KeyMap) -> Vec<Self> {
        let offered = ROWS.iter().filter(|row| row.action.in_palette());
        offered
            .map(|row| Self::action(row.action, context, keys))
            .collect()
    }

    /// A command of the command line.
    #[must_use]
    pub fn command(name: &str, help: &str) -> Self {
        Self {
            name: name.to_owned(),
            help: help.to_owned(),
            aside: "command".to_owned(),
            outcome: Outcome::Command(name.to_owned()),
        }
    }

    /// A target, with what is worth knowing of it.
    #[must_use]
    pub fn target(name: &str, detail: &str) -> Self {
        Self {
            name: name.to_owned(),
            help: detail.to_owned(),
            aside: "target".to_owned(),
            outcome: Outcome::Target(name.to_owned()),
        }
    }
}

/// A list of items and what is typed to find one.
#[derive(Debug, Clone)]
pub struct Palette {
    title: String,
    items: Vec<Item>,
    found: Vec<Found>,
    entry: Entry,
    cursor: Cursor,
}

/// An item that matches: its place in the list, and which characters of its name do.
#[derive(Debug, Clone)]
struct Found {
    item: usize,
    matched: Vec<u32>,
}

impl Palette {
    /// A palette of these items, in this order while nothing is typed.
    #[must_use]
    pub fn new(title: &str, items: Vec<Item>) -> Self {
        let mut palette = Self {
            title: title.to_owned(),
            items,
            found: Vec::new(),
            entry: Entry::default(),
            cursor: Cursor::default(),
        };
        palette.find();
        palette
    }

    /// Takes a key.
    pub fn key(&mut self, key: Key, keys: &KeyMap) -> Outcome {
        match keys.action(Context::Overlay, key) {
            Some(Action::CloseOverlay) => Outcome::Close,
            Some(Action::Accept) => self
                .chosen()
                .map_or(Outcome::Taken, |item| item.outcome.clone()),
            Some(action) if self.cursor.act(action, self.found.len()) => Outcome::Taken,
            _ if self.entry.key(key) => {
                self.find();
                Outcome::Taken
            }
            _ => Outcome::Ignored,
        }
    }

    /// Takes pasted text into the search.
    pub fn paste(&mut self, text: &str) {
        self.entry.insert(text);
        self.find();
    }

    /// Draws it. Returns where the terminal's cursor belongs.
    pub fn draw(&self, area: Rect, buf: &mut Buffer, look: Look<'_>) -> Option<Position> {
        let hint = format!("{} of {}", self.found.len(), self.items.len());
        // Its height stays while typing narrows the list: a box that jumps is hard to read.
        let rows = u16::try_from(self.items.len().max(1))
            .unwrap_or(u16::MAX)
            .min(ROWS_MAX)
            + 1;
        let room = Frame {
            title: &self.title,
            hint: &hint,
            columns: COLUMNS_MAX,
            rows,
        }
        .open(area, buf, look);
        let first = row(room, 0)?;
        let (text, cursor) = self.entry.view(first.width.saturating_sub(2), look.glyphs);
        write("> ", Role::Prompt, first, buf, look);
        write(&text, Role::CommandLine, after(first, 2), buf, look);
        if self.found.is_empty() {
            write("nothing matches", Role::Dim, row(room, 1)?, buf, look);
        }
        let chosen = self.cursor.row(self.found.len());
        let window = self.cursor.window(self.found.len(), room.height - 1);
        let name_columns = self.name_columns(room.width, look);
        for (place, at) in (1..).zip(window) {
            let Some((place, found)) = row(room, place).zip(self.found.get(at)) else {
                break;
            };
            if let Some(item) = self.items.get(found.item) {
                let is_chosen = chosen == Some(at);
                draw_item(
                    item,
                    &found.matched,
                    is_chosen,
                    place,
                    name_columns,
                    buf,
                    look,
                );
            }
        }
        Some(Position {
            x: (first.x + 2 + cursor).min(first.right().saturating_sub(1)),
            y: first.y,
        })
    }

    fn chosen(&self) -> Option<&Item> {
        let found = self.found.get(self.cursor.row(self.found.len())?)?;
        self.items.get(found.item)
    }

    fn name_columns(&self, width: u16, look: Look<'_>) -> u16 {
        let longest = self
            .items
            .iter()
            .map(|item| columns(&item.name, look.glyphs))
            .max()
            .unwrap_or(0);
        let most = if width < 40 { width } else { width / 2 };
        u16::try_from(longest).unwrap_or(u16::MAX).min(most)
    }

    /// Finds what matches: names by scattered letters, then help by whole pieces (scattered letters are in every
    /// sentence); better before worse, and else in the order given.
    fn find(&mut self) {
        self.cursor.go(0);
        let text = self.entry.text();
        if text.trim().is_empty() {
            self.found = (0..self.items.len())
                .map(|item| Found {
                    item,
                    matched: Vec::new(),
                })
                .collect();
            return;
        }
        let pattern = Pattern::parse(&text, CaseMatching::Smart, Normalization::Smart);
        let lower = text.to_lowercase();
        let words: Vec<&str> = lower.split_whitespace().collect();
        let mut matcher = Matcher::new(Config::DEFAULT);
        let mut characters = Vec::new();
        let mut scored = Vec::new();
        for (item, Item { name, help, .. }) in self.items.iter().enumerate() {
            let mut matched = Vec::new();
            let by_name = pattern.indices(
                Utf32Str::new(name, &mut characters),
                &mut matcher,
                &mut matched,
            );
            let score = by_name.or_else(|| {
                matched.clear();
                let help = help.to_lowercase();
                words.iter().all(|word| help.contains(word)).then_some(0)
            });
            matched.sort_unstable();
            scored.extend(score.map(|score| (Reverse(score), Found { item, matched })));
        }
        scored.sort_by_key(|(score, _)| *score);
        self.found = scored.into_iter().map(|(_, found)| found).collect();
    }
}

fn draw_item(
    item: &Item,
    matched: &[u32],
    chosen: bool,
    place: Rect,
    name_columns: u16,
    buf: &mut Buffer,
    look: Look<'_>,
) {
    let base = look.style(if chosen { Role::Selection } else { Role::Text });
    buf.set_style(place, base);
    if chosen {
        write(look.glyphs.pointer, Role::Selection, place, buf, look);
    }
    let name = after(place, 2);
    let name = Rect {
        width: name.width.min(name_columns),
        ..name
    };
    write(
        &item.name,
        if chosen { Role::Selection } else { Role::Text },
        name,
        buf,
        look,
    );
    let mut x = name.x;
    for (at, grapheme) in item.name.graphemes(true).enumerate() {
        let width = u16::try_from(shown(grapheme, look.glyphs).width()).unwrap_or(0);
        if u32::try_from(at).is_ok_and(|at| matched.binary_search(&at).is_ok()) {
            let place = Rect { x, width, ..name }.intersection(name);
            buf.set_style(
                place,
                look.style(Role::Match).patch(if chosen {
                    base
                } else {
                    look.style(Role::Match)
                }),
            );
        }
        x = x.saturating_add(width);
    }
    let rest = after(place, 2 + name_columns + 2);
    let aside = u16::try_from(columns(&item.aside, look.glyphs)).unwrap_or(u16::MAX);
    let with_aside = rest.width > aside.saturating_add(1);
    let help = Rect {
        width: if with_aside {
            rest.width - aside - 1
        } else {
            rest.width
        },
        ..rest
    };
    write(
        &item.help,
        if chosen { Role::Selection } else { Role::Dim },
        help,
        buf,
        look,
    );
    if with_aside {
        let place = after(rest, rest.width - aside);
        write(
            &item.aside,
            if chosen { Role::Selection } else { Role::Key },
            place,
            buf,
            look,
        );
    }
}

/// What is left of a row after some columns.
fn after(place: Rect, columns: u16) -> Rect {
    let columns = columns.min(place.width);
    Rect {
        x: place.x + columns,
        width: place.width - columns,
        ..place
    }
}
