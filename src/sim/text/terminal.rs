//! The serial terminal of a simulated machine: login, echo, and a line at a time.
//!
//! What commands do is in [`super::shell`].

use super::Outgoing;

/// The state of whoever sits at the console.
#[derive(Debug, Default)]
pub(super) struct Terminal {
    state: State,
    line: Vec<u8>,
    user: Vec<u8>,
    /// The last byte was CR: an LF right after it belongs to it.
    after_return: bool,
    escape: Escape,
}

/// What came of a byte.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entered {
    /// A line for the shell, without its end.
    Command(Vec<u8>),
    /// Ctrl-C.
    Interrupt,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum State {
    /// Nobody listens: the machine boots or is dead.
    #[default]
    Closed,
    Name,
    Password,
    Shell,
}

/// How much of an escape sequence (a cursor key) was skipped.
#[derive(Debug, Default, PartialEq, Eq)]
enum Escape {
    #[default]
    None,
    Started,
    Inside,
}

impl Terminal {
    /// Asks for a name.
    pub fn ask(&mut self, host: &str, out: &mut Outgoing) {
        *self = Self {
            state: State::Name,
            ..Self::default()
        };
        out.fresh_line();
        out.line("");
        out.line(format!("Rack Linux 13 {host} ttyS0"));
        out.line("");
        out.part(format!("{host} login: "));
    }

    /// Logs in by itself, as consoles in labs do.
    pub fn log_in(&mut self, host: &str, out: &mut Outgoing) {
        self.ask(host, out);
        out.line("root (automatic login)");
        self.user = b"root".to_vec();
        self.welcome(host, out);
    }

    /// Somebody has been logged in all the time.
    pub fn resume(&mut self) {
        *self = Self {
            state: State::Shell,
            user: b"root".to_vec(),
            ..Self::default()
        };
    }

    /// Nobody is listened to any more.
    pub fn close(&mut self) {
        *self = Self::default();
    }

    /// Who is logged in.
    pub fn user(&self) -> &[u8] {
        &self.user
    }

    pub fn prompt(&self, host: &str, out: &mut Outgoing) {
        if self.state == State::Shell {
            out.fresh_line();
            out.part(&self.user);
            out.part(format!("@{host}:~# "));
        }
    }

    /// Takes one byte typed at the console.
    pub fn handle_byte(&mut self, byte: u8, host: &str, out: &mut Outgoing) -> Option<Entered> {
        if self.state == State::Closed || self.is_escape(byte) {
            return None;
        }
        let after_return = std::mem::replace(&mut self.after_return, byte == b'\r');
        match byte {
            b'\n' if after_return => None,
            b'\r' | b'\n' => self.enter(host, out),
            CTRL_C => {
                out.line("^C");
                self.line.clear();
                self.prompt(host, out);
                Some(Entered::Interrupt)
            }
            CTRL_D if self.line.is_empty() && self.state == State::Shell => {
                Some(Entered::Command(b"exit".to_vec()))
            }
            CTRL_U => {
                while self.rub_out(out) {}
                None
            }
            BACKSPACE | DELETE => {
                self.rub_out(out);
                None
            }
            0x20.. if self.line.len() < LINE_BYTES_MAX => {
                self.line.push(byte);
                if self.state != State::Password {
                    out.part([byte]);
                }
                None
            }
            0x20.. => {
                out.part([BELL]);
                None
            }
            _ => None,
        }
    }

    fn enter(&mut self, host: &str, out: &mut Outgoing) -> Option<Entered> {
        out.line("");
        let line = std::mem::take(&mut self.line);
        match self.state {
            State::Closed => None,
            State::Name if line.is_empty() => {
                out.part(format!("{host} login: "));
                None
            }
            State::Name => {
                self.user = line;
                self.state = State::Password;
                out.part("Password: ");
                None
            }
            State::Password => {
                self.welcome(host, out);
                None
            }
            State::Shell => Some(Entered::Command(line)),
        }
    }

    fn welcome(&mut self, host: &str, out: &mut Outgoing) {
        self.state = State::Shell;
        out.line("");
        out.line("Every password is welcome here. Type 'help' for what this machine can do.");
        self.prompt(host, out);
    }

    /// Takes back one character, of however many bytes.
    fn rub_out(&mut self, out: &mut Outgoing) -> bool {
        let Some(mut last) = self.line.pop() else {
            return false;
        };
        while last & 0xc0 == 0x80 {
            let Some(before) = self.line.pop() else { break };
            last = before;
        }
        if self.state != State::Password {
            out.part("\x08 \x08");
        }
        true
    }

    /// Whether `byte` is part of an escape sequence, which this terminal knows none of.
    fn is_escape(&mut self, byte: u8) -> bool {
        let (next, part) = match (&self.escape, byte) {
            (_, ESCAPE) => (Escape::Started, true),
            (Escape::None, _) => (Escape::None, false),
            (Escape::Started, b'[' | b'O') | (Escape::Inside, b' '..=b'?') => {
                (Escape::Inside, true)
            }
            (Escape::Started | Escape::Inside, b' '..) => (Escape::None, true),
            (Escape::Started | Escape::Inside, _) => (Escape::None, false),
        };
        self.escape = next;
        part
    }
}

/// Longest line that can be typed, as in the line discipline of Unix. Bytes; more rings the bell.
const LINE_BYTES_MAX: usize = 4095;

const CTRL_C: u8 = 0x03;
const CTRL_D: u8 = 0x04;
const BELL: u8 = 0x07;
const BACKSPACE: u8 = 0x08;
const CTRL_U: u8 = 0x15;
const ESCAPE: u8 = 0x1b;
const DELETE: u8 = 0x7f;
