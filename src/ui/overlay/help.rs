//! The help: every key that works where the focus is, then everything else, made from the key map itself, and the
//! debuggers' commands by group.
//!
//! Typing searches it; the chosen line can be done at once, a command typed.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::Outcome;
use super::cursor::Cursor;
use super::frame::{Frame, row, write};
use crate::target::debugger::{Command, Group, TABLE};
use crate::ui::action::{Action, Context, ROWS};
use crate::ui::entry::Entry;
use crate::ui::keys::{Key, KeyMap};
use crate::ui::look::Look;
use crate::ui::theme::Role;

/// Columns that hold the longest help and its keys; wider boxes only put them further apart.
const COLUMNS_MAX: u16 = 96;

/// The help for one context.
#[derive(Debug, Clone)]
pub struct Help {
    title: String,
    lines: Vec<Line>,
    shown: Vec<usize>,
    filter: Entry,
    cursor: Cursor,
}

#[derive(Debug, Clone)]
enum Line {
    Heading(String),
    Entry {
        action: Action,
        keys: String,
        here: bool,
    },
    Command {
        command: &'static Command,
        here: bool,
    },
}

impl Help {
    /// The help for where the focus is, with a debug target in front or not.
    #[must_use]
    pub fn new(context: Context, keys: &KeyMap, debugger: bool) -> Self {
        let mut lines = Vec::new();
        let mut of_here = 0;
        let mut told = Vec::new();
        let is_here =
            |place| place == context || (place == Context::Global && context.falls_to_global());
        let mut places = Context::ALL;
        places.sort_by_key(|place| (!is_here(*place), *place != context));
        for place in places {
            let here = is_here(place);
            let mut entries = Vec::new();
            for (action, own) in keys.bound(place) {
                // Here all keys of an action stand together; elsewhere only what differs is worth a line.
                let keys = if here {
                    keys.keys(context, action)
                } else {
                    own
                };
                if keys.is_empty()
                    || told.contains(&(action, here))
                    || (!here && told.contains(&(action, true)))
                {
                    continue;
                }
                told.push((action, here));
                entries.push(Line::Entry {
                    action,
                    keys: names(&keys),
                    here,
                });
            }
            if !entries.is_empty() {
                lines.push(Line::Heading(place.title().to_owned()));
                lines.append(&mut entries);
            }
            if here {
                of_here = lines.len();
            }
        }
        let keyless = ROWS
            .iter()
            .filter(|row| row.action.in_palette() && !told.iter().any(|(a, _)| *a == row.action));
        let mut keyless: Vec<_> = keyless
            .map(|row| Line::Entry {
                action: row.action,
                keys: String::new(),
                here: true,
            })
            .collect();
        if !keyless.is_empty() {
            lines.push(Line::Heading("Without a key, from the palette".to_owned()));
            lines.append(&mut keyless);
        }
        let after = if debugger { of_here } else { lines.len() };
        lines.splice(after..after, commands(debugger));
        let mut help = Self {
            title: format!("Help: {}", context.title()),
            lines,
            shown: Vec::new(),
            filter: Entry::default(),
            cursor: Cursor::default(),
        };
        help.search();
        help
    }

    /// Takes a key.
    pub fn key(&mut self, key: Key, keys: &KeyMap) -> Outcome {
        match keys.action(Context::Overlay, key) {
            Some(Action::CloseOverlay) => Outcome::Close,
            Some(Action::Accept) => match self.chosen() {
                Some(Line::Entry {
                    action, here: true, ..
                }) => Outcome::Ask(*action),
                Some(Line::Command {
                    command,
                    here: true,
                }) => Outcome::Command(command.name.to_owned()),
                _ => Outcome::Taken,
            },
            Some(action) if self.cursor.act(action, self.shown.len()) => Outcome::Taken,
            _ if self.filter.key(key) => {
                self.search();
                Outcome::Taken
            }
            _ => Outcome::Ignored,
        }
    }

    /// Takes pasted text into the search.
    pub fn paste(&mut self, text: &str) {
        self.filter.insert(text);
        self.search();
    }

    /// Draws it. Returns where the terminal's cursor belongs.
    pub fn draw(&self, area: Rect, buf: &mut Buffer, look: Look<'_>) -> Option<Position> {
        let rows = u16::try_from(self.lines.len() + 1).unwrap_or(u16::MAX);
        let hint = "type to search, Enter does it, Esc closes";
        let room = Frame {
            title: &self.title,
            hint,
            columns: COLUMNS_MAX,
            rows,
        }
        .open(area, buf, look);
        let (text, cursor) = self.filter.view(room.width.saturating_sub(2), look.glyphs);
        let first = row(room, 0)?;
        write("/ ", Role::Prompt, first, buf, look);
        buf.set_stringn(
            first.x + 2.min(first.width),
            first.y,
            &text,
            usize::from(first.width.saturating_sub(2)),
            look.style(Role::CommandLine),
        );
        if self.shown.is_empty() {
            write("nothing matches", Role::Dim, row(room, 1)?, buf, look);
        }
        let chosen = self.cursor.row(self.shown.len());
        let window = self.cursor.window(self.shown.len(), room.height - 1);
        for (place, at) in (1..).zip(window) {
            let (Some(place), Some(line)) = (
                row(room, place),
                self.shown.get(at).and_then(|line| self.lines.get(*line)),
            ) else {
                break;
            };
            line.draw(place, self.keys_columns(room.width), buf, look);
            if chosen == Some(at) {
                line.draw_name(place, buf, look);
                buf.set_style(place, look.style(Role::Selection));
            }
        }
        Some(Position {
            x: (first.x + 2 + cursor).min(first.right().saturating_sub(1)),
            y: first.y,
        })
    }

    fn chosen(&self) -> Option<&Line> {
        self.lines
            .get(*self.shown.get(self.cursor.row(self.shown.len())?)?)
    }

    /// Columns for keys: what the longest needs, but no more than two fifths of the box.
    fn keys_columns(&self, width: u16) -> u16 {
        let longest = self.lines.iter().map(|line| match line {
            Line::Entry { keys, .. } => keys.len(),
            Line::Heading(_) | Line::Command { .. } => 0,
        });
        u16::try_from(longest.max().unwrap_or(0))
            .unwrap_or(u16::MAX)
            .min(width.saturating_mul(2) / 5)
    }

    /// Keeps what has every typed word in its keys, its help or its name; headings only over what is left.
    fn search(&mut self) {
        let text = self.filter.text().to_lowercase();
        let words: Vec<&str> = text.split_whitespace().collect();
        let mut heading = None;
        self.shown.clear();
        for (at, line) in self.lines.iter().enumerate() {
            match line {
                Line::Heading(_) => heading = Some(at),
                Line::Entry { .. } | Line::Command { .. } => {
                    let all = line.words();
                    if words.iter().all(|word| all.contains(word)) {
                        self.shown.extend(heading.take());
                        self.shown.push(at);
                    }
                }
            }
        }
        self.cursor.go(usize::from(self.shown.len() > 1));
    }
}

impl Line {
    /// What is searched.
    fn words(&self) -> String {
        match self {
            Self::Heading(_) => String::new(),
            Self::Entry { action, keys, .. } => format!(
                "{} {} {}",
                keys.to_lowercase(),
                action.help().to_lowercase(),
                action.name()
            ),
            Self::Command { command, .. } => {
                format!("{} {}", command.name, command.help).to_lowercase()
            }
        }
    }

    /// What the configuration calls the action, at the end of its row.
    fn draw_name(&self, place: Rect, buf: &mut Buffer, look: Look<'_>) {
        let Self::Entry { action, .. } = self else {
            return;
        };
        let name = format!(" {}", action.name());
        let used = u16::try_from(name.len()).unwrap_or(u16::MAX);
        // On a narrow screen the help comes first.
        if used > place.width / 3 {
            return;
        }
        let end = Rect {
            x: place.right() - used,
            width: used,
            ..place
        };
        write(&name, Role::Dim, end, buf, look);
    }

    fn draw(&self, place: Rect, keys_columns: u16, buf: &mut Buffer, look: Look<'_>) {
        let (left, help, here) = match self {
            Self::Heading(text) => return write(text, Role::Title, place, buf, look),
            Self::Entry { action, keys, here } => (keys.clone(), action.help(), *here),
            Self::Command { command, here } => {
                let usage = format!("{} {}", command.name, command.arguments);
                (usage, command.help, *here)
            }
        };
        let left_place = Rect {
            x: place.x + 1,
            width: keys_columns.min(place.width.saturating_sub(1)),
            ..place
        };
        write(left.trim_end(), Role::Key, left_place, buf, look);
        let used = (keys_columns + 2).min(place.width);
        let rest = Rect {
            x: place.x + used,
            width: place.width - used,
            ..place
        };
        let role = if here { Role::Text } else { Role::Dim };
        write(help, role, rest, buf, look);
    }
}

/// The debuggers' commands under the headings of their groups.
fn commands(here: bool) -> impl Iterator<Item = Line> {
    Group::ALL.into_iter().flat_map(move |group| {
        let heading = format!("Typed to a debug target: {}", group.title());
        let of_group = TABLE.iter().filter(move |command| command.group == group);
        let commands = of_group.map(move |command| Line::Command { command, here });
        std::iter::once(Line::Heading(heading)).chain(commands)
    })
}

fn names(keys: &[Key]) -> String {
    keys.iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(" ")
}
