//! Why a link could not be had, in words that say what to do about it.

use std::fmt;
use std::io::{self, ErrorKind};

use rustix::io::Errno;

/// A failed operation on a link.
///
/// Reads as `cannot connect to lab1 (10.0.0.1:5000): connection refused; nothing listens there: …`.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation} {place}: {reason}{}{advice}", if .advice.is_empty() { "" } else { "; " })]
pub struct Error {
    /// What was attempted.
    pub operation: Operation,
    /// Address, path or command it was attempted on.
    pub place: String,
    /// Why it failed.
    pub reason: String,
    /// What helps; empty if nobody knows.
    pub advice: String,
    /// What the system said, if it was asked.
    #[source]
    pub source: Option<io::Error>,
}

/// What can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Finding the addresses of a host.
    Resolve,
    /// Connecting a TCP stream.
    ConnectTcp,
    /// Connecting a Unix socket.
    ConnectUnix,
    /// Listening on a TCP port.
    Listen,
    /// Taking a connection.
    Accept,
    /// Binding a UDP port.
    BindUdp,
    /// Opening a serial device.
    OpenSerial,
    /// Setting rate and format of a serial device.
    SetSerial,
    /// Sending a break.
    Break,
    /// Switching a control line.
    SetControl,
    /// Starting a program.
    Start,
    /// Telling a program its window's size.
    Resize,
}

impl Error {
    /// Whether something else has the port or the device.
    pub fn is_in_use(&self) -> bool {
        let kind = self.source.as_ref().map(io::Error::kind);
        matches!(
            (self.operation, kind),
            (
                Operation::Listen | Operation::BindUdp,
                Some(ErrorKind::AddrInUse)
            ) | (
                Operation::OpenSerial,
                Some(ErrorKind::ResourceBusy | ErrorKind::WouldBlock)
            )
        )
    }

    /// The error for what the system said.
    pub(super) fn io(operation: Operation, place: impl Into<String>, source: io::Error) -> Self {
        let (reason, advice) = words(operation, &source);
        Self {
            operation,
            place: place.into(),
            reason: reason.map_or_else(|| system_words(&source), str::to_owned),
            advice: advice.to_owned(),
            source: Some(source),
        }
    }

    /// An error the system was not asked about.
    pub(super) fn new(
        operation: Operation,
        place: impl Into<String>,
        reason: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            operation,
            place: place.into(),
            reason: reason.into(),
            advice: advice.into(),
            source: None,
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolve => "find the address of",
            Self::ConnectTcp | Self::ConnectUnix => "connect to",
            Self::Listen => "listen on",
            Self::Accept => "take a connection on",
            Self::BindUdp => "receive on",
            Self::OpenSerial => "open",
            Self::SetSerial => "set",
            Self::Break => "send a break to",
            Self::SetControl => "switch DTR or RTS of",
            Self::Start => "start",
            Self::Resize => "resize the terminal of",
        })
    }
}

/// The reason in our words, if they are better than the system's, and what helps.
fn words(operation: Operation, error: &io::Error) -> (Option<&'static str>, &'static str) {
    use Operation as Op;
    match (operation, error.kind()) {
        (Op::Resolve, _) => (None, "check the name, or give the address itself"),
        (Op::ConnectTcp, ErrorKind::ConnectionRefused) => (
            Some("connection refused"),
            "nothing listens there: check the port, and that the other side is started",
        ),
        (Op::ConnectTcp, ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable) => (
            Some("no way to this address"),
            "check the address, and that the host is up",
        ),
        (Op::ConnectUnix, ErrorKind::NotFound) => (
            Some("no such socket"),
            "check the path, and that the program that makes it is started",
        ),
        (Op::ConnectUnix, ErrorKind::ConnectionRefused) => (
            Some("nobody listens on this socket"),
            "the program that made it has ended: start it again",
        ),
        (Op::ConnectUnix, ErrorKind::WouldBlock) => (
            Some("the socket is taken and its queue is full"),
            "another program is connected to it: close that one",
        ),
        (Op::ConnectUnix, ErrorKind::PermissionDenied) => (
            Some("permission denied"),
            "the socket belongs to another user: give yourself write permission on it",
        ),
        (Op::Listen | Op::BindUdp, ErrorKind::AddrInUse) => (
            Some("the port is in use"),
            "another program or target holds it: choose another port, or find the program with `ss -tulpn`",
        ),
        (Op::Listen | Op::BindUdp, ErrorKind::AddrNotAvailable) => (
            Some("this machine has no such address"),
            "`ip address` lists those it has",
        ),
        (Op::Listen | Op::BindUdp, ErrorKind::PermissionDenied) => (
            Some("permission denied"),
            "ports below 1024 are root's: choose a higher one",
        ),
        (Op::OpenSerial, ErrorKind::NotFound) => (
            Some("no such device"),
            "is it plugged in? /dev/serial/by-id lists adapters by name",
        ),
        (Op::OpenSerial, ErrorKind::PermissionDenied) => (
            Some("permission denied"),
            "join the group that owns it, `sudo usermod -aG dialout $USER`, and log in again",
        ),
        (Op::OpenSerial, ErrorKind::ResourceBusy | ErrorKind::WouldBlock) => (
            Some("the device is in use"),
            "another program or target holds it: close that one (`fuser -v` with the path names it)",
        ),
        (Op::OpenSerial, _) if is(error, &[Errno::NXIO, Errno::NODEV, Errno::IO]) => (
            Some("no hardware behind this device"),
            "the adapter was unplugged, or the machine has no such port",
        ),
        (Op::Break | Op::SetControl, _) if is(error, &[Errno::NOTTY, Errno::INVAL]) => (
            Some("the device has no such thing"),
            "pseudo-terminals have neither breaks nor control lines",
        ),
        (Op::Start, ErrorKind::NotFound) => (
            Some("no such program"),
            "check its name, and that it is in PATH",
        ),
        (Op::Start, ErrorKind::PermissionDenied) => (
            Some("permission denied"),
            "is it a program, and may you run it?",
        ),
        _ => (None, ""),
    }
}

/// The system's words without the error number, which helps nobody who reads a screen.
fn system_words(error: &io::Error) -> String {
    let words = error.to_string();
    match words.split_once(" (os error ") {
        Some((words, _)) => {
            let mut letters = words.chars();
            letters.next().map_or_else(String::new, |first| {
                first.to_lowercase().chain(letters).collect()
            })
        }
        None => words,
    }
}

fn is(error: &io::Error, numbers: &[Errno]) -> bool {
    Errno::from_io_error(error).is_some_and(|number| numbers.contains(&number))
}
