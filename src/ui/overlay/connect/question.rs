//! What joining a session asks: a password, or whether a certificate is the right one.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::super::Outcome;
use super::super::frame::{row, write};
use crate::connect::Password;
use crate::ui::action::{Action, Context};
use crate::ui::entry::Entry;
use crate::ui::fit::wrap;
use crate::ui::keys::{Key, KeyMap};
use crate::ui::look::Look;
use crate::ui::message::{JoinAnswer, JoinQuestion};
use crate::ui::theme::Role;

/// What is typed to take a changed certificate: no single key does it.
const TRUST: &str = "trust it";

/// A question, and what is typed as its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    asked: JoinQuestion,
    entry: Entry,
    wrong: Option<&'static str>,
}

impl Question {
    pub fn new(asked: JoinQuestion) -> Self {
        Self {
            asked,
            entry: Entry::default(),
            wrong: None,
        }
    }

    /// Takes a key. Returns the answer once there is one.
    pub fn key(&mut self, key: Key, keys: &KeyMap) -> (Outcome, Option<JoinAnswer>) {
        let action = keys.action(Context::Overlay, key);
        if action == Some(Action::CloseOverlay) {
            return (Outcome::Taken, Some(JoinAnswer::Cancel));
        }
        let answer = match (&self.asked, action, key.typed()) {
            (JoinQuestion::Password { .. }, Some(Action::Accept), _) => {
                match Password::new(&self.entry.text()) {
                    Ok(password) => JoinAnswer::Password(password),
                    Err(reason) => {
                        self.wrong = Some(reason);
                        return (Outcome::Taken, None);
                    }
                }
            }
            (JoinQuestion::UnknownCertificate { .. }, None, Some('y' | 'Y')) => JoinAnswer::Trust,
            (JoinQuestion::UnknownCertificate { .. }, None, Some('n' | 'N'))
            | (JoinQuestion::UnknownCertificate { .. }, Some(Action::Accept), _) => {
                JoinAnswer::Cancel
            }
            (JoinQuestion::UnknownCertificate { .. }, ..) => return (Outcome::Ignored, None),
            (JoinQuestion::ChangedCertificate { .. }, Some(Action::Accept), _) => {
                if self.entry.text().trim() == TRUST {
                    JoinAnswer::Trust
                } else {
                    JoinAnswer::Cancel
                }
            }
            _ if self.entry.key(key) => {
                self.wrong = None;
                return (Outcome::Taken, None);
            }
            _ => return (Outcome::Ignored, None),
        };
        (Outcome::Taken, Some(answer))
    }

    pub fn paste(&mut self, text: &str) {
        // What is pasted is a password; a certificate is looked at.
        if matches!(self.asked, JoinQuestion::Password { .. }) {
            self.entry.insert(text.trim());
        }
    }

    /// Whether the answer is typed.
    pub fn is_typed(&self) -> bool {
        !matches!(self.asked, JoinQuestion::UnknownCertificate { .. })
    }

    pub fn title(&self) -> &'static str {
        match self.asked {
            JoinQuestion::Password { .. } => "Password",
            JoinQuestion::UnknownCertificate { .. } => "Is this the right server?",
            JoinQuestion::ChangedCertificate { .. } => "THE CERTIFICATE HAS CHANGED",
        }
    }

    pub fn hint(&self) -> &'static str {
        match self.asked {
            JoinQuestion::Password { .. } => "Enter goes on, Esc gives up",
            JoinQuestion::UnknownCertificate { .. } => "y it is, n or Enter gives up",
            JoinQuestion::ChangedCertificate { .. } => "Enter or Esc refuses",
        }
    }

    /// What is asked, in rows of so many columns.
    pub fn lines(&self, columns: u16, look: Look<'_>) -> Vec<(Role, String)> {
        let mut lines = Vec::new();
        let mut say = |role, text: &str| {
            let rows = wrap(text, columns.into(), look.glyphs);
            lines.extend(rows.into_iter().map(|row| (role, row)));
        };
        match &self.asked {
            JoinQuestion::Password { wrong } => {
                if *wrong {
                    say(Role::Error, "That was not the password.");
                }
                say(Role::Text, "The server has a password.");
            }
            JoinQuestion::UnknownCertificate {
                server,
                fingerprint,
            } => {
                say(
                    Role::Text,
                    &format!(
                        "{server} was never seen from here. Its certificate has the fingerprint"
                    ),
                );
                say(Role::Title, fingerprint);
                say(
                    Role::Text,
                    "Compare it with what the server printed when it was opened. If it is the same, y keeps it, and any \
                     other is refused from then on.",
                );
            }
            JoinQuestion::ChangedCertificate {
                server,
                known,
                shown,
            } => {
                say(
                    Role::Alert,
                    &format!("{server} SHOWS ANOTHER CERTIFICATE THAN BEFORE."),
                );
                say(
                    Role::Error,
                    "Somebody may be between you and the server, and read and change all that is said. Ask at the host \
                     before you go on.",
                );
                say(Role::Text, "known:");
                say(Role::Title, known);
                say(Role::Text, "shown now:");
                say(Role::Title, shown);
                say(
                    Role::Text,
                    &format!("It is refused, unless you type the words {TRUST} and Enter."),
                );
            }
        }
        if let Some(wrong) = self.wrong {
            say(Role::Error, wrong);
        }
        lines
    }

    /// Draws what is typed in the last row of the room. Returns where the cursor belongs.
    pub fn draw_entry(&self, room: Rect, buf: &mut Buffer, look: Look<'_>) -> Option<Position> {
        let place = row(room, room.height.checked_sub(1)?)?;
        let entry = match self.asked {
            JoinQuestion::UnknownCertificate { .. } => return None,
            JoinQuestion::Password { .. } => self.entry.masked(),
            JoinQuestion::ChangedCertificate { .. } => self.entry.clone(),
        };
        write("> ", Role::Prompt, place, buf, look);
        let used = 2.min(place.width);
        let rest = Rect {
            x: place.x + used,
            width: place.width - used,
            ..place
        };
        let (text, cursor) = entry.view(rest.width, look.glyphs);
        write(&text, Role::CommandLine, rest, buf, look);
        Some(Position {
            x: (rest.x + cursor).min(place.right().saturating_sub(1)),
            y: place.y,
        })
    }
}
