//! Programs as targets: a command line with a few options at its end.

use std::fmt;

use super::error::{Error, Fault};
use super::grammar::{Kind, Source, Spanned, value};
use super::name::legal_name;
use super::options::Options;
use super::target::{EOL, Eol, NAMING, eol};
use super::written::Written;

/// A program on a pseudo-terminal.
///
/// Everything after `exec:` is the command line, commas included. From its end backwards, each `,name=…`, `,group=…`,
/// `,eol=…` and `,restart=…` is an option, as long as its value has no blank and no quote in it:
///
/// ```text
/// exec:ssh root@lab1 tail -f /var/log/a,b,name=lab1,restart=always
/// ```
///
/// A command line that ends like an option itself is closed by two commas: `exec:vm -device e1000,name=n0,,` runs
/// `vm -device e1000,name=n0`, and options may follow the two commas. Quoting does the same:
/// `exec:vm -device 'e1000,name=n0'`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exec {
    /// The command line, quotes as typed. Not empty, no blanks at its ends.
    pub command: String,
    /// What happens when the program has ended.
    pub restart: Restart,
    /// What ends a line of input.
    pub eol: Eol,
}

/// What happens when a program has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Restart {
    /// It is started again.
    Always,
    /// It is started again if it failed: an exit status other than 0, or a signal.
    #[default]
    Failure,
    /// Nothing.
    Never,
}

impl Exec {
    pub(super) fn read<'s, 'a>(
        source: &'s Source<'a>,
        rest: Spanned<'a>,
    ) -> Result<(Self, Options<'s, 'a>), Error> {
        let (command, pieces) = split(rest);
        let options = Options::from_pieces(source, &pieces, &KIND)?;
        let command = command.trimmed();
        if command.text.is_empty() {
            return Err(options.error(
                command.span(),
                Fault::Missing {
                    kind: "exec",
                    what: "a command line",
                },
            ));
        }
        let policies = [
            ("always", Restart::Always),
            ("failure", Restart::Failure),
            ("never", Restart::Never),
        ];
        let restart = options
            .value("restart")
            .map(|value| options.choice(value, &policies))
            .transpose()?;
        let exec = Self {
            command: command.text.to_owned(),
            restart: restart.unwrap_or_default(),
            eol: eol(&options)?,
        };
        Ok((exec, options))
    }

    pub(super) fn write(&self, written: &mut Written) {
        written
            .unless("restart", self.restart, Restart::default())
            .unless("eol", self.eol, Eol::default());
    }

    /// The whole string, with the two commas where the command needs them.
    pub(super) fn join(&self, options: &[String]) -> String {
        let mut text = format!("exec:{}", self.command);
        let looks_like_option = last_option(Spanned {
            text: &self.command,
            start: 0,
        })
        .is_some();
        if options.is_empty() {
            if looks_like_option || self.command.ends_with(",,") {
                text.push_str(",,");
            }
        } else if looks_like_option || self.command.ends_with(',') {
            text.push(',');
        }
        for option in options {
            text.push(',');
            text.push_str(option);
        }
        text
    }

    /// The program's name, without its folder.
    pub(super) fn default_name(&self) -> String {
        let is_assignment = |word: &str| !word.starts_with(['\'', '"']) && word.contains('=');
        let mut rest = self.command.as_str();
        while let Some((word, after)) = rest.split_once(char::is_whitespace)
            && is_assignment(word)
        {
            rest = after.trim_start();
        }
        let program = match rest.chars().next() {
            Some(quote @ ('\'' | '"')) => rest.split(quote).nth(1),
            _ => rest.split_whitespace().next(),
        };
        legal_name(
            program
                .and_then(|program| program.rsplit('/').next())
                .unwrap_or_default(),
            "",
        )
    }
}

impl fmt::Display for Restart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Always => "always",
            Self::Failure => "failure",
            Self::Never => "never",
        })
    }
}

const KIND: Kind = Kind {
    name: "exec",
    example: "exec:ssh lab1 journalctl -f,name=lab1,restart=always",
    forms: &[],
    options: &[&[value("restart", "always")], EOL, NAMING],
};

/// The command line, and the options behind it in the order they stand.
fn split(text: Spanned<'_>) -> (Spanned<'_>, Vec<Spanned<'_>>) {
    let (mut command, mut options) = (text, Vec::new());
    while let Some((before, option)) = last_option(command) {
        options.push(option);
        command = before;
    }
    options.reverse();
    let closing = if options.is_empty() { ",," } else { "," };
    command.text = command.text.strip_suffix(closing).unwrap_or(command.text);
    (command, options)
}

/// The option a text ends with, and what stands before its comma.
fn last_option(text: Spanned<'_>) -> Option<(Spanned<'_>, Spanned<'_>)> {
    let (before, last) = text.split_around(text.text.rfind(',')?);
    let (name, value) = last.text.split_once('=')?;
    let known = KIND
        .options
        .iter()
        .flat_map(|specs| specs.iter())
        .any(|spec| spec.name.eq_ignore_ascii_case(name));
    let plain =
        !value.contains(|c: char| c.is_whitespace() || matches!(c, '\'' | '"' | '`' | '\\'));
    (known && plain).then_some((before, last))
}
