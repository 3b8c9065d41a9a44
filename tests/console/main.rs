//! The console as a person has it: the real program on a pty, a terminal emulator behind it, peers that play a script.

#[path = "../support/mod.rs"]
mod support;

mod attaching;
mod hostile;
mod line;
mod pane;
mod rack;
mod raw;
mod refusing;
mod restoring;
mod sessions;
mod windows;
mod wire;

use support::peer::{Connection, Peer};
use support::terminal::Terminal;

/// What kdeck understands as keys: what xterm sends for them.
mod press {
    pub const ENTER: &str = "\r";
    pub const ESC: &str = "\x1b";
    pub const UP: &str = "\x1b[A";
    pub const PAGE_UP: &str = "\x1b[5~";
    pub const END: &str = "\x1b[F";
    pub const TAB: &str = "\t";
    pub const DOWN: &str = "\x1b[B";
    pub const F4: &str = "\x1bOS";
    pub const CTRL_B: &str = "\x02";
    pub const CTRL_C: &str = "\x03";
    pub const CTRL_O: &str = "\x0f";
    pub const CTRL_P: &str = "\x10";
    pub const CTRL_R: &str = "\x12";
    pub const CTRL_X: &str = "\x18";
    pub const CTRL_Z: &str = "\x1a";
    pub const LEAVE_RAW: &str = "\x1d";
}

/// A console on targets named `a`, `b` and on, and what they are connected to.
struct Desk {
    screen: Terminal,
    lines: Vec<Connection>,
}

/// The names of the targets of a [`Desk`].
const NAMES: [&str; 4] = ["alpha", "beta", "gamma", "delta"];

impl Desk {
    /// A console of this size on so many targets, all connected and shown so.
    fn new(columns: u16, rows: u16, targets: usize) -> Self {
        Self::with(columns, rows, targets, &[])
    }

    /// The same with more arguments.
    fn with(columns: u16, rows: u16, targets: usize, arguments: &[&str]) -> Self {
        Self::with_variables(columns, rows, targets, arguments, &[])
    }

    /// The same with variables set.
    fn with_variables(
        columns: u16,
        rows: u16,
        targets: usize,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let home = support::home::Home::new();
        Self::in_home(home, columns, rows, targets, arguments, variables)
    }

    /// The same in that home.
    fn in_home(
        home: support::home::Home,
        columns: u16,
        rows: u16,
        targets: usize,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let peers: Vec<Peer> = (0..targets).map(|_| Peer::listen()).collect();
        let strings: Vec<String> = peers
            .iter()
            .zip(NAMES)
            .map(|(peer, name)| peer.raw(name))
            .collect();
        let mut all: Vec<&str> = strings.iter().flat_map(|s| ["-k", s.as_str()]).collect();
        all.extend(arguments);
        let mut environment = vec![("TERM", "xterm-256color")];
        environment.extend(variables);
        let screen = Terminal::start_with(home, columns, rows, &all, &environment);
        let lines = peers.iter().map(Peer::accept).collect();
        screen.wait_text(&format!("R {targets}"));
        Self { screen, lines }
    }

    /// The same with a target's pane in front, and the command line talking to it.
    fn in_pane(columns: u16, rows: u16, targets: usize) -> Self {
        let mut desk = Self::new(columns, rows, targets);
        desk.open("alpha");
        desk
    }

    /// Opens targets in panes.
    fn open(&mut self, names: &str) {
        self.screen.keys(&format!(".open {names}\r"));
        let last = names.split(' ').next_back().unwrap_or_default();
        self.screen.wait_text(&format!("\n@{last}"));
    }

    /// Leaves by the key, and says yes.
    fn quit(mut self) -> support::terminal::Left {
        self.screen.keys(press::CTRL_X);
        self.screen.wait_text("Quit kdeck?");
        self.screen.keys("y");
        self.screen.wait_end()
    }
}

/// A row of the screen as text.
fn row(screen: &vt100::Screen, row: u16) -> String {
    let (_, columns) = screen.size();
    let mut rows = screen.rows(0, columns.get());
    rows.nth(row.into()).unwrap_or_default()
}
