//! The families of connection strings, and one given where another is wanted.

use super::conceal::to_fill_in;
use super::error::{Error, Fault};
use super::grammar::{Source, Spanned};
use super::{ClientString, ServerString};

/// What only the string of a server has.
pub(super) const SERVER_ONLY: &[&str] = &["hidden", "IcfEnable"];

/// What a connection string is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// A thing to debug or watch: `-k`.
    Target,
    /// A server to open: `-server`.
    Server,
    /// A server to join: `-remote`.
    Client,
    /// The debug-and-chat port: `.chatport`.
    ChatPort,
}

impl Family {
    /// What takes this family: an option of the command line, or a command.
    #[must_use]
    pub fn switch(self) -> &'static str {
        match self {
            Self::Target => "-k",
            Self::Server => "-server",
            Self::Client => "-remote",
            Self::ChatPort => ".chatport",
        }
    }

    /// Name with its article, for a sentence.
    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::Target => "a target string",
            Self::Server => "a server string",
            Self::Client => "a client string",
            Self::ChatPort => "the string of a chat port",
        }
    }

    /// A string of this family that is valid.
    pub(super) fn example(self) -> &'static str {
        match self {
            Self::Target => "raw:server=lab1,port=7001",
            Self::Server => "tcp:port=5005",
            Self::Client => "tcp:server=lab01,port=5005",
            Self::ChatPort => "tcp:port=3014",
        }
    }

    /// The line to type for `shown`, fit to be pasted into a shell.
    #[must_use]
    pub fn command_line(self, shown: &str) -> String {
        format!("kdeck {} {}", self.switch(), shell_word(shown))
    }
}

/// The error for a target string where a server or client string is wanted.
pub(super) fn not_a_session(source: &Source<'_>, at: Spanned<'_>, wanted: Family) -> Error {
    let error = wrong_family(source, at, Family::Target, wanted);
    with_line(error, source, "corrected", Family::Target)
}

/// The error for a server or client string where a target string is wanted.
pub(super) fn not_a_target(source: &Source<'_>, at: Spanned<'_>) -> Error {
    let client = source.text().parse::<ClientString>().err();
    let server = source.text().parse::<ServerString>().err();
    let names_server = source.text().to_ascii_lowercase().contains("server=");
    let (given, fault) = match (client, server) {
        (None, _) => (Family::Client, None),
        (_, None) => (Family::Server, None),
        (client, _) if names_server => (Family::Client, client),
        (_, server) => (Family::Server, server),
    };
    let error = wrong_family(source, at, given, Family::Target);
    let mut error = match &fault {
        None => with_line(error, source, "corrected", given),
        Some(fault) => error.with_note(format!("example: {}", given.command_line(fault.example()))),
    };
    if at.text.eq_ignore_ascii_case("tcp") {
        error = error.with_note(
            "for a target that sends text over TCP: kdeck -k raw:server=lab1,port=7001".to_owned(),
        );
    }
    error
}

/// The error for an option `at` that only servers have, where a client string is wanted: without it the string joins a
/// server, or it opens one.
pub(super) fn not_a_client(source: &Source<'_>, at: Spanned<'_>) -> Error {
    let (kind, options) = source.text().split_once(':').unwrap_or_default();
    let is_server_only = |piece: &&str| {
        let name = piece.split('=').next().unwrap_or_default();
        let mut names = SERVER_ONLY.iter();
        names.any(|known| known.eq_ignore_ascii_case(name))
    };
    let options = options.split(',').filter(|piece| !is_server_only(piece));
    let rest = format!("{kind}:{}", options.collect::<Vec<_>>().join(","));
    // Where nothing could be left out, the same question would be asked for ever.
    if rest.len() < source.text().len() && rest.parse::<ClientString>().is_ok() {
        let line = to_fill_in(&rest);
        let line = Family::Client.command_line(line.as_deref().unwrap_or(&rest));
        let fault = Fault::Refused("only servers have this option: drop it to join one");
        return source
            .error(at.span(), fault)
            .with_note(format!("corrected: {line}"));
    }
    let error = wrong_family(source, at, Family::Server, Family::Client);
    if source.text().parse::<ServerString>().is_ok() {
        return with_line(error, source, "corrected", Family::Server);
    }
    error
}

/// Adds the command line for the string as one of that family, with a word to fill in where a secret was.
fn with_line(error: Error, source: &Source<'_>, label: &str, family: Family) -> Error {
    let line = line(source, family);
    error.with_note(format!("{label}: {line}"))
}

fn line(source: &Source<'_>, family: Family) -> String {
    let line = to_fill_in(source.text());
    family.command_line(line.as_deref().unwrap_or(source.shown.trim()))
}

/// Adds to an error of a string over a serial line that a kernel there is something else.
pub(super) fn or_a_kernel(source: &Source<'_>, error: Error) -> Error {
    or_else(
        error,
        "for a kernel on that line",
        &line(source, Family::Target),
    )
}

/// Adds to an error of a client string that it would open a server.
pub(super) fn or_a_server(source: &Source<'_>, error: Error) -> Error {
    or_else(error, "to open a server", &line(source, Family::Server))
}

/// Only what is incomplete may be meant for something else.
fn or_else(error: Error, purpose: &str, line: &str) -> Error {
    if !matches!(error.fault(), Fault::Missing { .. }) {
        return error;
    }
    let example = format!("example: {}", error.example());
    error
        .with_note(example)
        .with_note(format!("{purpose}: {line}"))
}

fn wrong_family(source: &Source<'_>, at: Spanned<'_>, given: Family, wanted: Family) -> Error {
    source.error(
        at.span(),
        Fault::WrongFamily {
            found: source.shown_at(&at.span()).to_owned(),
            given,
            wanted,
        },
    )
}

/// `text` as a shell takes it for one word.
fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "._-:,=/@%+".contains(c);
    if text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}
