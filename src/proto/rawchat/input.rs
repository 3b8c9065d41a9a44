//! What a line of a device means: something to say, or a command.

/// What somebody at a device wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input<'a> {
    /// Say this to everybody.
    Say(&'a str),
    /// Carry out a command; what stands behind its name.
    Command(&'static Command, &'a str),
    /// A command that is none.
    Unknown(&'a str),
}

/// One command of devices.
#[derive(Debug, PartialEq, Eq)]
pub struct Command {
    /// What it is.
    pub verb: Verb,
    /// Its name, slash included.
    pub name: &'static str,
    /// What stands behind the name.
    pub arguments: &'static str,
    /// What it does, in a few words.
    pub help: &'static str,
    /// Whether the port for chat alone has it too.
    pub chats: bool,
}

/// What a command is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of the commands")]
pub enum Verb {
    Exit,
    Help,
    Me,
    Msg,
    MuteLogs,
    Register,
    Targets,
    Trace,
    Unwatch,
    Username,
    Watch,
    Who,
}

const fn row(
    verb: Verb,
    name: &'static str,
    arguments: &'static str,
    help: &'static str,
    chats: bool,
) -> Command {
    Command {
        verb,
        name,
        arguments,
        help,
        chats,
    }
}

/// Every command, by name.
pub const TABLE: &[Command] = &[
    row(Verb::Exit, "/exit", "", "disconnects you", true),
    row(
        Verb::Help,
        "/help",
        "[command]",
        "tells what the commands do",
        true,
    ),
    row(
        Verb::Me,
        "/me",
        "<text>",
        "tells everybody what you do",
        true,
    ),
    row(
        Verb::Msg,
        "/msg",
        "<name> <text>",
        "says something to one person",
        true,
    ),
    row(
        Verb::MuteLogs,
        "/mutelogs",
        "",
        "shows no more logs, or shows them again",
        false,
    ),
    row(
        Verb::Register,
        "/register",
        "<name>",
        "gives you a name, so that you can talk",
        true,
    ),
    row(
        Verb::Targets,
        "/targets",
        "[name or glob]",
        "lists the targets and their states",
        false,
    ),
    row(
        Verb::Trace,
        "/trace",
        "<n>",
        "shows the n-th last crash of a target, from 0",
        false,
    ),
    row(
        Verb::Unwatch,
        "/unwatch",
        "<name or glob>",
        "shows nothing of these targets",
        false,
    ),
    row(
        Verb::Username,
        "/username",
        "",
        "tells who operates the console",
        false,
    ),
    row(
        Verb::Watch,
        "/watch",
        "[name or glob]",
        "shows all that these targets print",
        false,
    ),
    row(Verb::Who, "/who", "", "lists the people who are here", true),
];

/// The command of that name, with or without its slash.
#[must_use]
pub fn find(name: &str) -> Option<&'static Command> {
    let name = name.trim_start_matches('/');
    TABLE
        .iter()
        .find(|command| command.name.strip_prefix('/') == Some(name))
}

impl<'a> Input<'a> {
    /// What `line` means; `None` if it is blank. A second slash makes a text of what would be a command.
    #[must_use]
    pub fn parse(line: &'a str) -> Option<Self> {
        let line = line.trim();
        if line.is_empty() {
            return None;
        }
        let Some(rest) = line.strip_prefix('/') else {
            return Some(Self::Say(line));
        };
        if rest.starts_with('/') {
            return Some(Self::Say(rest));
        }
        let (name, argument) = line.split_once(' ').unwrap_or((line, ""));
        Some(match find(name) {
            Some(command) => Self::Command(command, unquoted(argument.trim())),
            None => Self::Unknown(name),
        })
    }
}

/// An argument without the quotes around it, which people know from other shells.
fn unquoted(argument: &str) -> &str {
    let inner = argument
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    inner.unwrap_or(argument)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_commands_and_escaped_slashes_are_told_apart() {
        assert_eq!(Input::parse(" \t "), None);
        assert_eq!(Input::parse("hello /me"), Some(Input::Say("hello /me")));
        assert_eq!(
            Input::parse("//etc/passwd"),
            Some(Input::Say("/etc/passwd"))
        );
        assert_eq!(Input::parse("/"), Some(Input::Unknown("/")));
        assert_eq!(Input::parse("/Help"), Some(Input::Unknown("/Help")));
        for line in [
            "/register alice",
            "/register \"alice\"",
            "/register   alice ",
        ] {
            let Some(Input::Command(command, "alice")) = Input::parse(line) else {
                panic!("{line}")
            };
            assert_eq!(command.verb, Verb::Register);
        }
    }

    #[test]
    fn the_commands_stand_in_order_and_have_help() {
        for pair in TABLE.windows(2) {
            assert!(pair[0].name < pair[1].name, "{}", pair[1].name);
        }
        assert!(TABLE.iter().all(|command| !command.help.is_empty()));
        assert_eq!(find("who"), find("/who"));
    }
}
