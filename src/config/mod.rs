//! Configuration: `kdeck.toml` and the command line, checked, and the places files are in.
//!
//! [`Config::load`] reads everything there is to read before it says what is wrong, so that all [`Problems`] are shown
//! at once. Nothing is opened here but the file itself; whether ports, devices and directories are there to be used is
//! asked in [`check`].
//!
//! The way of a file: text -> `toml` values with their places -> `read` (values of the right type) -> `tables` and
//! `targets` (what they mean; `range` makes many of one) -> [`Config`].

mod changes;
pub mod check;
mod overrides;
mod places;
mod problem;
mod quantity;
mod range;
mod read;
pub(crate) mod secrets;
mod settings;
mod tables;
mod taken;
mod targets;

use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

pub use changes::{Change, Changes};
pub use overrides::Overrides;
pub use places::{
    AUDIT_FILE, CONFIG_VARIABLE, FILE_NAME, PlaceError, Places, RUNTIME_VARIABLE, STATE_VARIABLE,
};
pub use problem::{Position, Problem, Problems, Severity};
pub use quantity::{QuantityError, parse_duration, parse_size, show_duration, show_size};
pub use range::{Expansion, RangeError, Template};
pub use read::Word;
pub use settings::{
    Chat, Color, DIRECTORY_PORT, History, KeyChange, Log, LogFormat, LogTime, Reconnect, Screen,
    Sessions,
};
pub use targets::Target;

use crate::connect::ServerString;
use crate::session::transport;
use problem::Source;
use read::{Reader, Value};

/// Everything that is configured, checked; the default is what is so without a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// The file it was read from.
    pub file: Option<PathBuf>,
    /// The targets, ranges expanded, in the order of the file; names and local ports are unique.
    pub targets: Vec<Target>,
    /// Servers to open at the start.
    pub servers: Vec<ServerString>,
    /// What belongs to all servers.
    pub sessions: Sessions,
    /// Certificates, and the SSH client.
    pub transport: transport::Settings,
    /// The debug-and-chat port.
    pub chat: Chat,
    /// What is written to disk.
    pub log: Log,
    /// What is kept in memory.
    pub history: History,
    /// How the console looks.
    pub screen: Screen,
    /// Changes of the key map, in the order of the file.
    pub keys: Vec<KeyChange>,
    /// How long a lost target is waited for.
    pub reconnect: Reconnect,
}

/// What only other parts can judge: they know which keys, actions and themes there are.
pub trait Vocabulary {
    /// What is wrong with the name of a theme.
    fn theme(&self, name: &Word) -> Option<Fault>;

    /// What is wrong with changes of the key map: actions and keys that do not exist, keys that do two things.
    fn keys(&self, changes: &[KeyChange]) -> Vec<Fault>;
}

/// Finds nothing wrong with anything: for runs without a screen.
impl Vocabulary for () {
    fn theme(&self, _: &Word) -> Option<Fault> {
        None
    }

    fn keys(&self, _: &[KeyChange]) -> Vec<Fault> {
        Vec::new()
    }
}

/// What is wrong with a word of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The [`span`](Word::span) of the word.
    pub span: Range<usize>,
    /// What is wrong: one line, no full stop.
    pub message: String,
    /// What to do: one line, may be empty.
    pub help: String,
}

impl Config {
    /// Reads the file `path`. With the configuration come the warnings about it.
    ///
    /// # Errors
    /// All [`Problems`] of the file, at least one of them an error: it cannot be read, is larger than
    /// [`FILE_BYTES_MAX`], is no UTF-8, no TOML, or says what cannot be.
    pub fn load(path: &Path, vocabulary: &dyn Vocabulary) -> Result<(Config, Problems), Problems> {
        let file = path.display().to_string();
        let failed =
            |message: String| Problems(vec![Problem::new(Severity::Error, &file, message)]);
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|opened| opened.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes))
            .map_err(|error| failed(format!("cannot be read: {error}")))?;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            let limit = show_size(FILE_BYTES_MAX);
            return Err(failed(format!(
                "is larger than {limit}: this is no configuration file"
            )));
        }
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                let text = String::from_utf8_lossy(error.as_bytes());
                let position = Source::new(&file, &text).position(at..at + 1);
                let problem = Problem::new(Severity::Error, &file, "this is not UTF-8")
                    .at(Some(position))
                    .with_help("save the file as UTF-8");
                return Err(Problems(vec![problem]));
            }
        };
        let (mut config, problems) = Config::from_str(&file, &text, vocabulary)?;
        config.file = Some(path.to_owned());
        Ok((config, problems))
    }

    /// Reads `text`, which is said to be the file `file`. With the configuration come the warnings about it.
    ///
    /// # Errors
    /// All [`Problems`], at least one of them an error: the text is no TOML or says what cannot be.
    pub fn from_str(
        file: &str,
        text: &str,
        vocabulary: &dyn Vocabulary,
    ) -> Result<(Config, Problems), Problems> {
        let source = Source::new(file, text);
        let mut reader = Reader::new(&source);
        let (table, syntax) = DeTable::parse_recoverable(text);
        let mut config = Config::default();
        config.read(&mut reader, table.get_ref(), vocabulary);

        let mut problems = std::mem::take(&mut reader.problems);
        if !syntax.is_empty() {
            for error in &syntax {
                let span = error.span().unwrap_or(text.len()..text.len());
                reader.error(
                    span,
                    error.message(),
                    "see https://toml.io for how to write it",
                );
            }
            // What a broken line seems to say is no news.
            let broken: Vec<usize> = reader.problems.iter().map(Problem::line).collect();
            problems.retain(|problem| !broken.contains(&problem.line()));
            problems.append(&mut reader.problems);
        }
        let mut problems = Problems(problems);
        problems.sort();
        problems.0.dedup();
        if problems.has_errors() {
            Err(problems)
        } else {
            Ok((config, problems))
        }
    }

    fn read(&mut self, reader: &mut Reader, file: &DeTable, vocabulary: &dyn Vocabulary) {
        for (key, value) in file.iter() {
            let name = key.get_ref().as_ref();
            match name {
                "target" => self.targets = targets::read_targets(reader, value),
                "trigger" => {
                    let help = "the tables are read over; take them out to be rid of this";
                    let message = "this version of kdeck has no triggers yet";
                    reader.warning(first_span(value), message, help);
                }
                "server" | "tls" | "chat" | "log" | "history" | "screen" | "keys" | "reconnect" => {
                    let Some(table) = reader.table(value, name) else {
                        continue;
                    };
                    match name {
                        "server" => tables::read_server(reader, table, self),
                        "tls" => tables::read_tls(reader, table, &mut self.transport.tls),
                        "chat" => tables::read_chat(reader, table, &mut self.chat),
                        "log" => tables::read_log(reader, table, &mut self.log),
                        "history" => tables::read_history(reader, table, &mut self.history),
                        "screen" => {
                            tables::read_screen(reader, table, &mut self.screen, vocabulary);
                        }
                        "keys" => tables::read_keys(reader, table, &mut self.keys, vocabulary),
                        _ => tables::read_reconnect(reader, table, &mut self.reconnect),
                    }
                }
                _ => reader.unknown_key(key, "the file", tables::TABLES),
            }
        }
    }

    /// Whether what `target` says is written to disk.
    pub fn is_logged(&self, target: &Target) -> bool {
        target.log.unwrap_or(self.log.enabled)
    }
}

/// Where `value` stands; of an array of tables, the first.
fn first_span(value: &Value) -> Range<usize> {
    match value.get_ref() {
        DeValue::Array(values) => values.first().map_or(value.span(), |first| first.span()),
        _ => value.span(),
    }
}

/// The most targets there can be: ten times more ports than a rack of this kind has.
pub const TARGETS_MAX: usize = 10_000;
/// The largest file that is read; 10,000 targets written out one by one take a quarter of it.
pub const FILE_BYTES_MAX: u64 = 4 << 20;

#[cfg(test)]
mod tests;
