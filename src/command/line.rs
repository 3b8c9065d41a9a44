//! One typed line: whom it is for and what it is.

use std::sync::Arc;

use super::entry::{Command, Place, Right};
use super::{right, table};
use crate::host::{OBSERVER, may as may_at_host};
use crate::rack::{Pattern, Rack, Target, TargetId};
use crate::session::{Allowed, Author, Permission};
use crate::target::debugger;

/// Said when a line needs a target and there is none.
pub(super) const NOBODY: &str = "for whom? say @NAME, @GROUP or @all in front of it";

/// A parsed line.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// What stood behind the `@`, if anything.
    pub address: Option<Pattern>,
    /// What it is.
    pub verb: Verb,
}

/// What a line is.
#[derive(Debug, Clone, PartialEq)]
pub enum Verb {
    /// Text for targets.
    Text(String),
    /// A dot command and what stands behind its name.
    Command(&'static Command, String),
}

impl Line {
    /// Parses what was typed.
    ///
    /// # Errors
    /// An unknown command, with the nearest known one; an `@` with nothing behind it.
    pub fn parse(typed: &str) -> Result<Self, String> {
        let (address, rest) = match typed.strip_prefix('@') {
            Some(addressed) => {
                let (whom, rest) = addressed
                    .split_once(char::is_whitespace)
                    .unwrap_or((addressed, ""));
                let pattern =
                    Pattern::new(whom).ok_or("whom? @ needs a name, a group or all behind it")?;
                (Some(pattern), rest)
            }
            None => (None, typed),
        };
        // Two dots in front send a line that begins with one.
        let verb = match rest.strip_prefix('.') {
            Some(text) if text.starts_with('.') => Verb::Text(text.to_owned()),
            Some(command) if command.starts_with(|c: char| c.is_ascii_alphabetic()) => {
                let (name, argument) = name_in(rest);
                Verb::Command(table::find(name)?, argument.trim().to_owned())
            }
            _ => Verb::Text(rest.to_owned()),
        };
        Ok(Self { address, verb })
    }

    /// Whether it is a comment to debuggers, `* ...` or `$$ ...`, which stays where it was typed. The second ends at a `;`:
    /// what stands behind is carried out.
    pub fn is_comment(&self, rack: &Rack, focus: Option<TargetId>) -> bool {
        let Verb::Text(text) = &self.verb else {
            return false;
        };
        let text = text.trim_start();
        let is_whole = text.starts_with("$$") && debugger::first_command(text).1.is_empty();
        (text.starts_with('*') || is_whole) && self.is_for_debuggers(rack, focus)
    }

    /// A line for debuggers that begins with `.echo TEXT` and goes on behind a `;`: the lines that say the texts, and the
    /// line that is left, for the same targets.
    pub(super) fn echoes(
        &self,
        rack: &Rack,
        focus: Option<TargetId>,
    ) -> Option<(Vec<String>, String)> {
        const ECHO: &str = ".echo";
        let Verb::Command(command, argument) = &self.verb else {
            return None;
        };
        if command.name != ECHO || !self.is_for_debuggers(rack, focus) {
            return None;
        }
        let mut said = Vec::new();
        let mut rest = argument.as_str();
        loop {
            let (text, behind) = debugger::first_command(rest);
            let line = format!("{ECHO} {text}");
            if behind.is_empty() {
                return (!said.is_empty()).then_some((said, line));
            }
            said.push(line);
            rest = match behind.strip_prefix(ECHO) {
                Some(text) if text.starts_with([' ', '\t']) => text.trim_start(),
                _ => return Some((said, self.addressed(behind))),
            };
        }
    }

    /// A line for the same targets.
    fn addressed(&self, line: &str) -> String {
        match &self.address {
            Some(address) => format!("{address} {line}"),
            None => line.to_owned(),
        }
    }

    /// Whether it is for targets that are debugged, and for no others.
    fn is_for_debuggers(&self, rack: &Rack, focus: Option<TargetId>) -> bool {
        let targets = self.targets(rack, focus).unwrap_or_default();
        !targets.is_empty() && targets.iter().all(|target| target.debugger)
    }

    /// Whether a client carries it out by itself, instead of its host.
    pub fn stays_here(&self) -> bool {
        match &self.verb {
            Verb::Text(_) => false,
            Verb::Command(command, _) => command.local || matches!(command.place, Place::Screen),
        }
    }

    /// What it asks of the permission of whoever types it.
    pub fn right(&self) -> Right {
        match &self.verb {
            Verb::Text(_) => Right::Steer,
            Verb::Command(command, argument) => right::of(command, argument),
        }
    }

    /// Whether somebody may have it carried out, where operators are allowed so much.
    ///
    /// # Errors
    /// Why not, for them.
    pub fn check(&self, author: &Author, allowed: Allowed) -> Result<(), String> {
        let name = match &self.verb {
            Verb::Text(_) => "that",
            Verb::Command(command, _) => command.name,
        };
        let (may, does, word) = match self.right() {
            Right::Look => return Ok(()),
            Right::Steer if author.permission >= Permission::Operator => return Ok(()),
            Right::Steer => return Err(OBSERVER.to_owned()),
            Right::Files => (allowed.files, "uses files of the host", "files"),
            Right::Programs => (
                allowed.programs,
                "is about programs on the host",
                "programs",
            ),
            Right::Open => (allowed.open, "with password=none lets anybody join", "open"),
        };
        if may_at_host(author, may) {
            return Ok(());
        }
        if author.permission < Permission::Operator {
            return Err(OBSERVER.to_owned());
        }
        Err(format!(
            "{name} {does}: only its owner may; [server] allow = [\"{word}\"] of its configuration lets operators do so"
        ))
    }

    /// The targets it is for: those addressed, or the one in focus.
    ///
    /// # Errors
    /// When the address means no target, or a text has nobody to go to.
    pub fn targets(
        &self,
        rack: &Rack,
        focus: Option<TargetId>,
    ) -> Result<Vec<Arc<Target>>, String> {
        let targets = match &self.address {
            Some(pattern) => {
                // A part that means nobody is a slip of the keyboard: the others are not written to either.
                if let Some(part) = pattern.unmatched(rack.targets()) {
                    return Err(unknown(rack, part));
                }
                rack.matching(pattern)
            }
            None => focus
                .and_then(|id| rack.target(id))
                .into_iter()
                .cloned()
                .collect(),
        };
        if targets.is_empty() && matches!(self.verb, Verb::Text(_)) {
            return Err(NOBODY.to_owned());
        }
        Ok(targets)
    }

    /// Whether it sends something to its targets, or changes them, so that one asks before it goes to several.
    pub fn writes(&self, targets: &[Arc<Target>]) -> bool {
        match &self.verb {
            // What a console makes of a line is not known.
            Verb::Text(text) => targets
                .iter()
                .any(|target| !target.debugger || debugger::changes(text)),
            Verb::Command(command, argument) => {
                let behind = match command.place {
                    Place::Debugger => debugger::first_command(argument).1,
                    _ => "",
                };
                command.writes || (!behind.is_empty() && debugger::changes(behind))
            }
        }
    }
}

/// The name of the command that a line begins with, and what stands behind it. Behind one for debuggers other commands
/// may follow a `;` at once.
fn name_in(line: &str) -> (&str, &str) {
    let end = line.find(char::is_whitespace).unwrap_or(line.len());
    let (name, argument) = line.split_at(end);
    match name.find(';').map(|end| line.split_at(end)) {
        Some((name, argument)) if table::is_for_debuggers(name) => (name, argument),
        _ => (name, argument),
    }
}

fn unknown(rack: &Rack, wanted: &str) -> String {
    let names = rack
        .targets()
        .iter()
        .map(|target| target.name.as_str())
        .chain(rack.groups());
    let nearest = names.max_by(|a, b| {
        let score = |name: &str| strsim::jaro_winkler(name, wanted);
        score(a).total_cmp(&score(b))
    });
    match nearest {
        Some(name) => format!("no target or group is called @{wanted}; the nearest is @{name}"),
        None => format!("no target is called @{wanted}: there are no targets"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_a_command_and_its_argument_are_told_apart() {
        let line = Line::parse("@web* .wait 5 login:").unwrap();
        assert_eq!(line.address, Pattern::new("web*"));
        let Verb::Command(command, argument) = line.verb else {
            panic!("a command")
        };
        assert_eq!((command.name, argument.as_str()), (".wait", "5 login:"));
    }

    #[test]
    fn text_keeps_its_blanks() {
        assert_eq!(
            Line::parse("@a   ls  -l ").unwrap().verb,
            Verb::Text("  ls  -l ".into())
        );
        assert_eq!(Line::parse("").unwrap().verb, Verb::Text(String::new()));
    }

    #[test]
    fn a_line_that_begins_with_a_dot_can_be_sent() {
        assert_eq!(
            Line::parse("..profile").unwrap().verb,
            Verb::Text(".profile".into())
        );
        assert_eq!(
            Line::parse("./configure").unwrap().verb,
            Verb::Text("./configure".into())
        );
        assert_eq!(Line::parse(".").unwrap().verb, Verb::Text(".".into()));
    }

    #[test]
    fn commands_for_debuggers_may_be_followed_by_others_at_once() {
        let line = Line::parse(".bugcheck;r rip").unwrap();
        let Verb::Command(command, argument) = line.verb else {
            panic!("a command")
        };
        assert_eq!((command.name, argument.as_str()), (".bugcheck", ";r rip"));
        assert!(Line::parse(".time; r rip").is_ok());
        assert!(Line::parse(".status;r").is_err());
    }

    #[test]
    fn an_unknown_command_names_the_nearest() {
        let error = Line::parse(".brake").unwrap_err();
        assert!(error.contains(".break"), "{error}");
        assert!(Line::parse("@ x").is_err());
    }
}
