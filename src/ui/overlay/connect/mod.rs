//! The connect dialog: which server to join, as a string or by fields or from a list; how far it is; what it asks.
//!
//! It reads the string and says what is wrong with it. Joining itself is done elsewhere, which sends stages and
//! questions.

mod draw;
mod question;
#[cfg(test)]
mod tests;

use super::cursor::Cursor;
use super::{Outcome, Wish};
use crate::connect::{ClientString, Password, listed_without};
use crate::ui::action::{Action, Context};
use crate::ui::entry::Entry;
use crate::ui::keys::{Key, KeyMap};
use crate::ui::message::{FoundServer, JoinAnswer, JoinQuestion};
use question::Question;

/// Servers kept of a list that was asked for: more than a lab has, and few to look through.
const FOUND_MAX: usize = 200;

/// Transports, and the name of the option that says where.
const TRANSPORTS: [(&str, &str); 6] = [
    ("tcp", "port"),
    ("ssl", "port"),
    ("npipe", "pipe"),
    ("spipe", "pipe"),
    ("ssh", "pipe"),
    ("com", "port"),
];

/// The rows that can be gone to, before those of the servers that were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    String,
    Transport,
    Server,
    Place,
    Password,
    Browse,
}

const FIELDS: [Field; 6] = [
    Field::String,
    Field::Transport,
    Field::Server,
    Field::Place,
    Field::Password,
    Field::Browse,
];

/// What was looked for, and found.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Found {
    Nothing,
    Looking,
    Servers(Vec<FoundServer>),
    Failed(String),
}

/// The dialog's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connect {
    string: Entry,
    transport: usize,
    server: Entry,
    place: Entry,
    password: Entry,
    found: Found,
    cursor: Cursor,
    /// How far joining is, while it goes on.
    stage: Option<String>,
    question: Option<Question>,
    /// Why it was refused, line by line.
    wrong: Vec<String>,
}

impl Connect {
    /// A dialog that begins with that string.
    #[must_use]
    pub fn new(string: &str) -> Self {
        Self {
            string: Entry::new(string),
            transport: 0,
            server: Entry::default(),
            place: Entry::default(),
            password: Entry::default(),
            found: Found::Nothing,
            cursor: Cursor::default(),
            stage: None,
            question: None,
            wrong: Vec::new(),
        }
    }

    /// Takes a key. While the way is `blocked` by what has to end first, Enter asks for that instead of joining.
    pub fn key(&mut self, key: Key, keys: &KeyMap, blocked: bool) -> Outcome {
        if let Some(question) = &mut self.question {
            let (outcome, answer) = question.key(key, keys);
            if let Some(answer) = answer {
                self.question = None;
                return Outcome::Wish(Wish::Answer(answer));
            }
            return outcome;
        }
        let action = keys.action(Context::Overlay, key);
        if self.stage.is_some() {
            return match action {
                Some(Action::CloseOverlay) => Outcome::Wish(Wish::Answer(JoinAnswer::Cancel)),
                _ => Outcome::Ignored,
            };
        }
        let tab = key.code() == crossterm::event::KeyCode::Tab;
        let back = key.code() == crossterm::event::KeyCode::BackTab;
        match action {
            Some(Action::CloseOverlay) => return Outcome::Close,
            Some(Action::Accept) => return self.accept(blocked),
            Some(Action::Left | Action::Right) if self.field() == Some(Field::Transport) => {
                let step = if action == Some(Action::Left) {
                    TRANSPORTS.len() - 1
                } else {
                    1
                };
                self.transport = (self.transport + step) % TRANSPORTS.len();
                return Outcome::Taken;
            }
            // In a field these move its cursor.
            Some(Action::First | Action::Last) if self.entry().is_some() => {}
            Some(action) if self.cursor.act(action, self.count()) => return Outcome::Taken,
            None if tab => {
                let next = self.cursor.row(self.count()).unwrap_or(0) + 1;
                self.cursor.go(next % self.count().max(1));
                return Outcome::Taken;
            }
            None if back => {
                let count = self.count().max(1);
                let row = self.cursor.row(count).unwrap_or(0);
                self.cursor.go((row + count - 1) % count);
                return Outcome::Taken;
            }
            _ => {}
        }
        if self.entry().is_some_and(|entry| entry.key(key)) {
            self.wrong.clear();
            return Outcome::Taken;
        }
        Outcome::Ignored
    }

    /// Takes pasted text.
    pub fn paste(&mut self, text: &str) {
        if let Some(question) = &mut self.question {
            question.paste(text);
        } else if self.stage.is_none() {
            if let Some(entry) = self.entry() {
                entry.insert(text.trim());
            }
            self.wrong.clear();
        }
    }

    /// The server to join, with the password that was typed.
    ///
    /// # Errors
    /// What is wrong with the string, line by line.
    pub fn wanted(&self) -> Result<ClientString, Vec<String>> {
        let lines = |text: String| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let string = self.written();
        let mut client: ClientString = string
            .parse()
            .map_err(|error: crate::connect::Error| lines(error.to_string()))?;
        if !self.password.is_empty() {
            let password = Password::new(&self.password.text());
            client.password =
                Some(password.map_err(|reason| lines(format!("password: {reason}")))?);
        }
        Ok(client)
    }

    /// The string as it was typed, or as the fields make it.
    fn written(&self) -> String {
        let typed = self.string.text();
        if !typed.trim().is_empty() {
            return bare(&typed).to_owned();
        }
        let (kind, option) = self.transport();
        let parts = [("server", self.server.text()), (option, self.place.text())];
        let options = parts
            .iter()
            .map(|(name, value)| (name, value.trim()))
            .filter(|(_, value)| !value.is_empty());
        let options: Vec<String> = options
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        format!("{kind}:{}", options.join(","))
    }

    /// Whether nothing says which server to join.
    fn is_blank(&self) -> bool {
        self.string.is_empty() && self.server.is_empty() && self.place.is_empty()
    }

    /// Joining has begun.
    pub fn begin(&mut self) {
        self.wrong.clear();
        self.stage = Some("joining".to_owned());
    }

    /// It is so far.
    pub fn stage(&mut self, stage: String) {
        self.stage = Some(stage);
    }

    /// It asks.
    pub fn ask(&mut self, question: JoinQuestion) {
        self.stage.get_or_insert_default();
        self.question = Some(Question::new(question));
    }

    /// It came to nothing.
    pub fn fail(&mut self, reason: &str) {
        (self.stage, self.question) = (None, None);
        self.wrong = reason.lines().map(str::to_owned).collect();
    }

    /// Servers are being looked for.
    pub fn look_for(&mut self) {
        self.found = Found::Looking;
    }

    /// These were found.
    pub fn found(&mut self, found: Result<Vec<FoundServer>, String>) {
        self.found = match found {
            Ok(mut servers) => {
                servers.truncate(FOUND_MAX);
                Found::Servers(servers)
            }
            Err(reason) => Found::Failed(reason),
        };
    }

    /// Whether joining goes on.
    #[must_use]
    pub fn is_joining(&self) -> bool {
        self.stage.is_some()
    }

    fn accept(&mut self, blocked: bool) -> Outcome {
        let row = self.cursor.row(self.count()).unwrap_or(0);
        if self.field() == Some(Field::Browse) {
            return Outcome::Wish(Wish::Browse(self.server.text().trim().to_owned()));
        }
        if let (Some(at), Found::Servers(servers)) = (row.checked_sub(FIELDS.len()), &self.found)
            && let Some(server) = servers.get(at)
        {
            let (string, secret) = listed_without(&server.string, "password");
            self.string = Entry::new(&string);
            self.wrong.clear();
            // Next comes what is missing.
            let next = if secret {
                Field::Password
            } else {
                Field::String
            };
            let next = FIELDS.iter().position(|field| *field == next);
            self.cursor.go(next.unwrap_or(0));
            return Outcome::Taken;
        }
        // With nothing said yet, that is all that can be meant.
        if blocked && self.is_blank() {
            return Outcome::Wish(Wish::ClearWay);
        }
        match self.wanted() {
            Ok(client) => Outcome::Wish(Wish::Join(Box::new(client))),
            Err(wrong) => {
                self.wrong = wrong;
                Outcome::Taken
            }
        }
    }

    fn transport(&self) -> (&'static str, &'static str) {
        let known = TRANSPORTS.get(self.transport);
        known.copied().unwrap_or(("tcp", "port"))
    }

    fn count(&self) -> usize {
        let found = match &self.found {
            Found::Servers(servers) => servers.len(),
            _ => 0,
        };
        FIELDS.len() + found
    }

    fn field(&self) -> Option<Field> {
        let row = self.cursor.row(self.count())?;
        FIELDS.get(row).copied()
    }

    fn entry(&mut self) -> Option<&mut Entry> {
        match self.field()? {
            Field::String => Some(&mut self.string),
            Field::Server => Some(&mut self.server),
            Field::Place => Some(&mut self.place),
            Field::Password => Some(&mut self.password),
            Field::Transport | Field::Browse => None,
        }
    }
}

/// The connection string of what may be a whole command line: `kdeck -remote tcp:…`, in quotes or not.
fn bare(typed: &str) -> &str {
    let typed = typed.trim();
    let string = ["--remote", "-remote", "/remote", ".remote"]
        .iter()
        .find_map(|option| {
            let at = typed.find(option)?;
            let before = typed.get(..at)?;
            let after = typed.get(at + option.len()..)?;
            let apart = before.is_empty() || before.ends_with(char::is_whitespace);
            (apart && after.starts_with(char::is_whitespace)).then_some(after)
        });
    string.unwrap_or(typed).trim().trim_matches(['"', '\''])
}
