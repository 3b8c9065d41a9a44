//! What the table says of a command: its name, who may type it, where it is carried out.

use super::{Call, Replies};

/// One command.
#[derive(Debug, Clone, Copy)]
pub struct Command {
    /// Its name, dot included.
    pub name: &'static str,
    /// Other names for it.
    pub aliases: &'static [&'static str],
    /// What may stand behind the name.
    pub arguments: &'static str,
    /// What it does, in one line.
    pub help: &'static str,
    /// What its argument is completed with.
    pub completes: Completes,
    /// Whether it sends something to its targets or changes them.
    pub writes: bool,
    /// Whether it is a request to each of its targets, which records it.
    pub asks: bool,
    /// What whoever types it must be allowed; some arguments ask for more, or less.
    pub right: Right,
    /// Whether a client carries it out by itself, instead of its host.
    pub local: bool,
    /// Whether a script waits for its answer before it goes on.
    pub waits: bool,
    /// Whether everybody is told when a guest had it carried out.
    pub announced: bool,
    /// Who carries it out.
    pub place: Place,
}

/// What a command asks of the permission of whoever types it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Anybody may: it looks or chats.
    Look,
    /// Operators: it steers targets or the session.
    Steer,
    /// It reads or writes files of the host's machine, or uses its devices and sockets: its owner, and operators where the
    /// configuration allows it.
    Files,
    /// It runs programs on the host's machine, or forbids that for all: its owner, and operators where the configuration
    /// allows it.
    Programs,
    /// It lets anybody join: the owner, and operators where the configuration allows it.
    Open,
}

impl Right {
    /// The letter that stands for it in a list of commands; none for what anybody may.
    pub(super) fn mark(self) -> char {
        match self {
            Self::Look => ' ',
            Self::Steer => 'o',
            Self::Files => 'f',
            Self::Programs => 'p',
            Self::Open => 'a',
        }
    }

    /// Who may, in words.
    pub(super) fn whose(self) -> &'static str {
        match self {
            Self::Look => "for everybody",
            Self::Steer => "for operators",
            Self::Files => {
                "for the host's owner, and for operators where [server] allow has \"files\""
            }
            Self::Programs => {
                "for the host's owner, and for operators where [server] allow has \"programs\""
            }
            Self::Open => {
                "for the host's owner, and for operators where [server] allow has \"open\""
            }
        }
    }
}

/// Who carries a command out.
#[derive(Debug, Clone, Copy)]
pub enum Place {
    /// The deck: it works everywhere.
    Deck(fn(Call) -> Replies),
    /// The debugger of each target; commands of its own may stand behind it with `;` between.
    Debugger,
    /// The screen, which has it as an action.
    Screen,
}

/// What an argument is completed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completes {
    /// Nothing.
    Nothing,
    /// Names of targets.
    Targets,
    /// Names of commands.
    Commands,
    /// Names of themes.
    Themes,
    /// `on` and `off`.
    OnOff,
}

impl PartialEq for Command {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// A command of the deck.
pub(super) const fn deck(
    name: &'static str,
    arguments: &'static str,
    run: fn(Call) -> Replies,
    help: &'static str,
) -> Command {
    plain(name, arguments, help, Place::Deck(run))
}

/// A command of debuggers.
pub(super) const fn debugger(
    name: &'static str,
    arguments: &'static str,
    help: &'static str,
) -> Command {
    plain(name, arguments, help, Place::Debugger)
}

/// A command of the screen.
pub(super) const fn screen(
    name: &'static str,
    arguments: &'static str,
    help: &'static str,
) -> Command {
    plain(name, arguments, help, Place::Screen)
}

/// A command that anybody may use, and of which nothing else is to be said.
const fn plain(
    name: &'static str,
    arguments: &'static str,
    help: &'static str,
    place: Place,
) -> Command {
    Command {
        name,
        aliases: &[],
        arguments,
        help,
        completes: Completes::Nothing,
        writes: false,
        asks: false,
        right: Right::Look,
        local: false,
        waits: false,
        announced: false,
        place,
    }
}

impl Command {
    /// It sends something to its targets or changes them.
    pub(super) const fn writes(self) -> Self {
        Self {
            writes: true,
            asks: true,
            right: Right::Steer,
            ..self
        }
    }

    /// It is a request to each of its targets.
    pub(super) const fn requests(self) -> Self {
        Self { asks: true, ..self }
    }

    /// No request to its targets.
    pub(super) const fn by_itself(self) -> Self {
        Self {
            asks: false,
            ..self
        }
    }

    /// A script waits for its answer.
    pub(super) const fn waits(self) -> Self {
        Self {
            waits: true,
            ..self
        }
    }

    /// Everybody is told when a guest had it carried out: it changes the rack or the session, and tells nobody by itself.
    pub(super) const fn announced(self) -> Self {
        Self {
            announced: true,
            ..self
        }
    }

    /// Whoever types it must be allowed that.
    pub(super) const fn needs(self, right: Right) -> Self {
        Self { right, ..self }
    }

    /// A client carries it out by itself.
    pub(super) const fn local(self) -> Self {
        Self {
            local: true,
            ..self
        }
    }

    /// Its argument is completed with that.
    pub(super) const fn completes(self, completes: Completes) -> Self {
        Self { completes, ..self }
    }

    /// It has other names, too.
    pub(super) const fn also(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }
}
