//! Programs on a pseudo-terminal of their own.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use pty_process::{Command, Size};
use rustix::process::{Pid, Signal, kill_process_group};

use super::error::{Error, Operation};
use super::stream::Stream;

/// What to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Program {
    /// A program and its arguments, as they are.
    Arguments(Vec<OsString>),
    /// A command line for `/bin/sh`.
    Shell(OsString),
}

/// Starts a program on a new pseudo-terminal, in a session and process group of its own.
///
/// # Errors
/// [`Operation::Start`].
pub fn spawn_pty(
    program: &Program,
    (columns, rows): (u16, u16),
    folder: Option<&PathBuf>,
) -> Result<(Stream, Child), Error> {
    let failed = |error: pty_process::Error| {
        Error::io(Operation::Start, program.to_string(), system_error(error))
    };
    let mut command = match program {
        Program::Shell(line) => Command::new("/bin/sh").arg("-c").arg(line),
        Program::Arguments(words) => {
            let Some((name, arguments)) = words.split_first() else {
                return Err(Error::new(
                    Operation::Start,
                    "a program",
                    "there is no command",
                    "name one",
                ));
            };
            Command::new(name).args(arguments)
        }
    };
    command = command
        .env("TERM", TERM)
        .env_remove("COLUMNS")
        .env_remove("LINES");
    if let Some(folder) = folder {
        command = command.current_dir(folder);
    }
    let (pty, terminal) = pty_process::open().map_err(failed)?;
    pty.resize(Size::new(rows, columns)).map_err(failed)?;
    let child = command.spawn(terminal).map_err(failed)?;
    Ok((Stream::Pty(pty), Child { child }))
}

/// A started program. Dropped before its end, it is hung up.
#[derive(Debug)]
pub struct Child {
    child: tokio::process::Child,
}

impl Child {
    /// Its process id; `None` once its end was noticed.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits for its end. Safe to cancel and to repeat.
    ///
    /// # Errors
    /// The system's, which means that the end can't be known.
    pub async fn wait(&mut self) -> io::Result<Exit> {
        self.child.wait().await.map(Exit)
    }

    /// Ends it and its process group: asks by SIGHUP, as a closed terminal does, and kills what is left of them
    /// after `grace`.
    ///
    /// # Errors
    /// As [`Self::wait`].
    pub async fn stop(&mut self, grace: Duration) -> io::Result<Exit> {
        self.signal(Signal::HUP);
        if let Ok(exit) = tokio::time::timeout(grace, self.wait()).await {
            return exit;
        }
        self.signal(Signal::KILL);
        self.wait().await
    }

    fn signal(&self, signal: Signal) {
        // Once its end is noticed the number may be somebody else's.
        let group = self.child.id().and_then(|id| id.try_into().ok());
        if let Some(group) = group.and_then(Pid::from_raw) {
            // Fails only if the group has just ended.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.signal(Signal::HUP);
    }
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit(ExitStatus);

impl Exit {
    /// Whether it ended by itself with status 0.
    pub fn success(self) -> bool {
        self.0.success()
    }

    /// Its exit status, unless a signal ended it.
    pub fn code(self) -> Option<i32> {
        self.0.code()
    }

    /// The signal that ended it.
    pub fn signal(self) -> Option<i32> {
        self.0.signal()
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code(), self.signal()) {
            (Some(code), _) => write!(f, "exit status {code}"),
            (None, Some(signal)) => match Signal::from_named_raw(signal).map(name) {
                Some(Some(name)) => write!(f, "killed by signal {signal} ({name})"),
                _ => write!(f, "killed by signal {signal}"),
            },
            (None, None) => f.write_str("ended"),
        }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shell(line) => write!(f, "{}", line.display()),
            Self::Arguments(words) => {
                for (index, word) in words.iter().enumerate() {
                    let blank = if index == 0 { "" } else { " " };
                    write!(f, "{blank}{}", word.display())?;
                }
                Ok(())
            }
        }
    }
}

/// What the panes emulate.
const TERM: &str = "xterm-256color";

fn name(signal: Signal) -> Option<&'static str> {
    Some(match signal {
        Signal::HUP => "SIGHUP",
        Signal::INT => "SIGINT",
        Signal::QUIT => "SIGQUIT",
        Signal::ILL => "SIGILL",
        Signal::ABORT => "SIGABRT",
        Signal::BUS => "SIGBUS",
        Signal::FPE => "SIGFPE",
        Signal::KILL => "SIGKILL",
        Signal::SEGV => "SIGSEGV",
        Signal::PIPE => "SIGPIPE",
        Signal::TERM => "SIGTERM",
        _ => return None,
    })
}

fn system_error(error: pty_process::Error) -> io::Error {
    match error {
        pty_process::Error::Io(error) => error,
        pty_process::Error::Rustix(number) => number.into(),
        other => io::Error::other(other),
    }
}
