//! The lines that devices read: stamps, levels, sources, chat.

use jiff::tz::TimeZone;

use crate::deck::Severity;
use crate::rack::State;
use crate::session::people::Seated;
use crate::session::{Change, Person, Said};
use crate::transcript::Time;

/// Times as devices read them, local and to the second. Lines come many a second: each second is written once.
#[derive(Debug)]
pub struct Stamps {
    zone: TimeZone,
    second: Option<i64>,
    text: String,
}

impl Default for Stamps {
    fn default() -> Self {
        Self {
            zone: TimeZone::system(),
            second: None,
            text: String::new(),
        }
    }
}

impl Stamps {
    /// A time, as in `2026-11-21T10:02:11`.
    pub fn at(&mut self, time: Time) -> &str {
        let second = time.0.div_euclid(1_000_000);
        if self.second != Some(second) {
            let local = time.timestamp().to_zoned(self.zone.clone());
            self.text = local.strftime("%Y-%m-%dT%H:%M:%S").to_string();
            self.second = Some(second);
        }
        &self.text
    }
}

/// How much a line matters: its letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Good to know.
    Info,
    /// A link was lost.
    Warning,
    /// Something failed.
    Error,
    /// A target crashed.
    Fatal,
}

impl Level {
    /// Its letter.
    #[must_use]
    pub fn letter(self) -> char {
        match self {
            Self::Info => 'I',
            Self::Warning => 'W',
            Self::Error => 'E',
            Self::Fatal => 'F',
        }
    }
}

impl From<State> for Level {
    fn from(state: State) -> Self {
        match state {
            State::Lost => Self::Warning,
            _ => Self::Info,
        }
    }
}

impl From<Severity> for Level {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Info => Self::Info,
            Severity::Warning => Self::Warning,
            Severity::Error => Self::Error,
        }
    }
}

/// What a target speaks, from its connection string.
#[must_use]
pub fn source(address: &str) -> &str {
    match address.split(':').next().unwrap_or_default() {
        "net" => "kdnet",
        "com" => "kd",
        kind => kind,
    }
}

/// A line about a target.
#[must_use]
pub fn log(stamp: &str, level: Level, target: &str, source: &str, text: &str) -> String {
    let letter = level.letter();
    format!("{stamp} [{letter}] ({target} - {source}): {text}")
}

/// A line of chat.
#[must_use]
pub fn chat(stamp: &str, format: &str, said: &Said) -> String {
    let words = words(format, said);
    match &said.to {
        Some(to) => format!("{stamp} [I] (chat to {to}):  {words}"),
        None => format!("{stamp} [I] (chat):  {words}"),
    }
}

/// The same of a line that was said before somebody came.
#[must_use]
pub fn replayed(stamp: &str, format: &str, said: &Said) -> String {
    let to = said.to.as_ref().map(|to| format!("to {to}: "));
    let to = to.unwrap_or_default();
    format!(">> {stamp} {to}{}", words(format, said))
}

fn words(format: &str, said: &Said) -> String {
    if said.action {
        return format!("* {} {}", said.from, said.text);
    }
    // In one pass: what was said may have braces in it.
    let mut words = String::new();
    let mut rest = format;
    while let Some((before, after)) = rest.split_once('{') {
        words.push_str(before);
        rest = after;
        let filled = [("0}", &said.from), ("1}", &said.text)];
        let filled = filled
            .into_iter()
            .find_map(|(mark, text)| Some((after.strip_prefix(mark)?, text)));
        match filled {
            Some((after, text)) => {
                words.push_str(text);
                rest = after;
            }
            None => words.push('{'),
        }
    }
    words + rest
}

/// What became of a person.
#[must_use]
pub fn person(person: &Person, change: &Change) -> String {
    let name = &person.name;
    match change {
        Change::Joined => format!(">> {name} joined ({}).", place(person)),
        Change::Left(why) if why.is_empty() => format!(">> {name} left."),
        Change::Left(why) => format!(">> {name} left: {why}."),
        Change::Renamed(was) => format!(">> {was} is now {name}."),
        Change::Away => format!(">> {name} lost the connection."),
        Change::Back => format!(">> {name} is back."),
    }
}

/// Where somebody is, in a few words.
#[must_use]
pub fn place(person: &Person) -> &str {
    match person.seated {
        Seated::Console => "console",
        Seated::Client => &person.origin,
        Seated::Device => &person.account,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(action: bool, to: Option<&str>, text: &str) -> Said {
        Said {
            id: 1,
            time: Time(0),
            from: "alice".to_owned(),
            to: to.map(String::from),
            action,
            text: text.to_owned(),
        }
    }

    #[test]
    fn chat_has_the_form_that_was_asked_for() {
        let line = |format, said| chat("T", format, &said);
        let hello = || said(false, None, "hello");
        assert_eq!(line("{0}> {1}", hello()), "T [I] (chat):  alice> hello");
        assert_eq!(
            line("<{0}{x} {1}", hello()),
            "T [I] (chat):  <alice{x} hello"
        );
        assert_eq!(
            line("{0}> {1}", said(false, None, "{0} {1} {")),
            "T [I] (chat):  alice> {0} {1} {"
        );
        assert_eq!(
            line("{0}> {1}", said(true, None, "waves")),
            "T [I] (chat):  * alice waves"
        );
        assert_eq!(
            line("{0}> {1}", said(false, Some("bob"), "psst")),
            "T [I] (chat to bob):  alice> psst"
        );
        assert_eq!(replayed("T", "{0}> {1}", &hello()), ">> T alice> hello");
    }

    #[test]
    fn a_line_about_a_target_says_what_it_speaks() {
        let line = log(
            "T",
            Level::Fatal,
            "web01",
            source("net:port=50000,key=*"),
            "0x50",
        );
        assert_eq!(line, "T [F] (web01 - kdnet): 0x50");
        assert_eq!(source("com:pipe,port=/x"), "kd");
        assert_eq!(source("exec:ssh lab"), "exec");
    }

    #[test]
    fn stamps_are_local_times_to_the_second() {
        let mut stamps = Stamps {
            zone: TimeZone::UTC,
            ..Stamps::default()
        };
        assert_eq!(stamps.at(Time(1_999_999)), "1970-01-01T00:00:01");
        assert_eq!(stamps.at(Time(2_000_000)), "1970-01-01T00:00:02");
    }
}
