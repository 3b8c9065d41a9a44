//! The command line: an editor for one line, the lines typed before, completion, and whom it talks to.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::Style;
use tui_textarea::{CursorMove, TextArea};

use super::complete::candidates;
use super::history::History;
use crate::rack::{Pattern, Rack};

/// Longest line that can be typed or pasted, bytes: far above what targets take in one line.
pub const LINE_BYTES_MAX: usize = 16 << 10;
/// Changes that can be taken back.
const UNDO_MAX: usize = 100;

/// The command line.
#[derive(Debug, Clone)]
pub struct CommandLine {
    editor: TextArea<'static>,
    /// The lines typed before.
    pub history: History,
    /// Whom it talks to instead of the target in front, until that is changed.
    pub address: Option<Pattern>,
    completion: Option<Completion>,
    secret: bool,
}

/// A completion that can be exchanged for the next one.
#[derive(Debug, Clone)]
struct Completion {
    start: usize,
    tail: String,
    words: Vec<String>,
    at: usize,
    /// The line as the completion left it.
    shown: String,
}

impl CommandLine {
    /// An empty line.
    pub fn new(history: History) -> Self {
        Self {
            editor: editor(""),
            history,
            address: None,
            completion: None,
            secret: false,
        }
    }

    /// What is typed.
    pub fn text(&self) -> &str {
        self.editor.lines().first().map_or("", String::as_str)
    }

    /// Whether nothing is typed.
    pub fn is_empty(&self) -> bool {
        self.text().is_empty()
    }

    /// The editor, to be drawn.
    pub fn editor(&self) -> &TextArea<'static> {
        &self.editor
    }

    /// Replaces what is typed; the cursor is at the end.
    pub fn set(&mut self, text: &str) {
        self.editor = editor(text);
        self.completion = None;
        self.mask();
    }

    /// Takes what is typed away.
    pub fn take(&mut self) -> String {
        let text = self.text().to_owned();
        self.set("");
        text
    }

    /// Whether what is typed is a secret, and shown as stars.
    pub fn is_secret(&self) -> bool {
        self.secret
    }

    /// Says whether what is typed is a secret.
    pub fn set_secret(&mut self, secret: bool) {
        if self.secret != secret {
            self.secret = secret;
            self.mask();
        }
    }

    fn mask(&mut self) {
        if self.secret {
            self.editor.set_mask_char('*');
        } else {
            self.editor.clear_mask_char();
        }
    }

    /// Takes an editing key, with what readline does in a shell. Says whether something changed.
    pub fn key(&mut self, key: KeyEvent) -> bool {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('u') if control => self.editor.delete_line_by_head(),
            KeyCode::Char('y') if control => self.editor.paste(),
            KeyCode::Char('_' | '7') if control => self.editor.undo(),
            // These would leave the line, or mean something else to the editor than to a shell.
            KeyCode::Enter
            | KeyCode::Tab
            | KeyCode::Up
            | KeyCode::Down
            | KeyCode::PageUp
            | KeyCode::PageDown => false,
            KeyCode::Char('m' | 'j' | 'n' | 'p' | 'v' | 'r' | 'x' | 'c') if control => false,
            KeyCode::Char(_) if !control && self.text().len() >= LINE_BYTES_MAX => false,
            _ => {
                let before = (self.editor.cursor(), self.text().len());
                self.editor.input(key) || before != (self.editor.cursor(), self.text().len())
            }
        }
    }

    /// Inserts pasted text, which has one line, as far as there is room.
    pub fn insert(&mut self, text: &str) {
        let room = LINE_BYTES_MAX.saturating_sub(self.text().len());
        let text: String = text
            .chars()
            .map(|c| if c == '\t' { ' ' } else { c })
            .filter(|c| !c.is_control())
            .collect();
        self.editor.insert_str(super::fit::clip(&text, room));
    }

    /// Brings back the line before that begins like this one.
    pub fn older(&mut self) -> bool {
        let typed = self.text().to_owned();
        let line = self.history.older(&typed).map(str::to_owned);
        line.inspect(|line| self.set(line)).is_some()
    }

    /// Brings back the line after.
    pub fn newer(&mut self) -> bool {
        let line = self.history.newer();
        line.inspect(|line| self.set(line)).is_some()
    }

    /// Completes the word at the cursor, or exchanges the completion for the next (the previous one). `debugger` says
    /// whether the line is for a debug target. Returns the other ways there are.
    pub fn complete(
        &mut self,
        rack: &Rack,
        themes: &[&str],
        debugger: bool,
        back: bool,
    ) -> Vec<String> {
        self.complete_among(back, |head| candidates(head, rack, themes, debugger))
    }

    /// The same, with the words that `candidates` has for what is typed before the cursor, and where in it they begin.
    pub fn complete_among(
        &mut self,
        back: bool,
        candidates: impl FnOnce(&str) -> (usize, Vec<String>),
    ) -> Vec<String> {
        let line = self.text().to_owned();
        let mut completion = match self.completion.take() {
            Some(completion) if completion.shown == line => {
                let count = completion.words.len().max(1);
                let step = if back { count - 1 } else { 1 };
                Completion {
                    at: (completion.at + step) % count,
                    ..completion
                }
            }
            _ => {
                let cursor = line
                    .char_indices()
                    .nth(self.editor.cursor().1)
                    .map_or(line.len(), |(at, _)| at);
                let (head, tail) = line.split_at(cursor);
                let (start, words) = candidates(head);
                let common = common_start(&words);
                let typed = head.get(start..).unwrap_or_default();
                if words.len() > 1 && common.len() > typed.len() {
                    // As far as all agree; the next Tab begins to choose.
                    let line = format!("{}{common}", head.get(..start).unwrap_or_default());
                    let columns = line.chars().count();
                    self.set(&format!("{line}{tail}"));
                    self.editor.move_cursor(CursorMove::Jump(
                        0,
                        u16::try_from(columns).unwrap_or(u16::MAX),
                    ));
                    return words;
                }
                Completion {
                    start,
                    tail: tail.to_owned(),
                    at: if back {
                        words.len().saturating_sub(1)
                    } else {
                        0
                    },
                    words,
                    shown: String::new(),
                }
            }
        };
        let Some(word) = completion.words.get(completion.at) else {
            return Vec::new();
        };
        let space = if completion.words.len() == 1 && completion.tail.is_empty() {
            " "
        } else {
            ""
        };
        let head = format!(
            "{}{word}{space}",
            line.get(..completion.start).unwrap_or_default()
        );
        let columns = head.chars().count();
        self.set(&format!("{head}{}", completion.tail));
        self.editor.move_cursor(CursorMove::Jump(
            0,
            u16::try_from(columns).unwrap_or(u16::MAX),
        ));
        completion.shown = self.text().to_owned();
        let words = completion.words.clone();
        self.completion = (words.len() > 1).then_some(completion);
        words
    }
}

fn editor(text: &str) -> TextArea<'static> {
    let mut editor = TextArea::new(vec![text.to_owned()]);
    editor.set_cursor_line_style(Style::default());
    // The terminal's own cursor is put there.
    editor.set_cursor_style(Style::default());
    editor.set_max_histories(UNDO_MAX);
    editor.move_cursor(CursorMove::End);
    editor
}

fn common_start(words: &[String]) -> String {
    let Some((first, rest)) = words.split_first() else {
        return String::new();
    };
    let agree = |length: &usize| {
        rest.iter()
            .all(|word| word.as_bytes().get(..*length) == first.as_bytes().get(..*length))
    };
    let length = (0..=first.len())
        .rev()
        .filter(|length| first.is_char_boundary(*length))
        .find(agree)
        .unwrap_or(0);
    first.get(..length).unwrap_or_default().to_owned()
}
