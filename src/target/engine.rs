//! The protocol that a text target speaks over its byte stream.

use std::time::Instant;

use crate::proto::rawchat::Guest;
use crate::proto::telnet::{Event, LineSettings, Telnet};

/// Text as it is, or telnet.
#[derive(Debug)]
pub enum Engine {
    /// Every byte is the target's.
    Raw,
    /// The same, on a debug-and-chat port under a name of ours.
    Guest(Guest),
    /// Data, options and the serial line behind a terminal server.
    Telnet(Box<Telnet>),
}

impl Engine {
    /// Takes what came over the link; hands the target's text to `output`. `scratch` is memory to work in.
    pub fn handle_bytes<T>(
        &mut self,
        now: Instant,
        bytes: &[u8],
        scratch: &mut Vec<u8>,
        output: impl FnOnce(&[u8]) -> T,
    ) -> T {
        match self {
            Self::Raw => output(bytes),
            Self::Guest(guest) => {
                guest.handle_bytes(bytes);
                output(bytes)
            }
            Self::Telnet(telnet) => {
                scratch.clear();
                telnet.handle_bytes(now, bytes, scratch);
                output(scratch)
            }
        }
    }

    /// Appends `bytes` to `out` as they go over the link.
    pub fn encode(&self, bytes: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Raw | Self::Guest(_) => out.extend_from_slice(bytes),
            Self::Telnet(telnet) => telnet.encode(bytes, out),
        }
    }

    /// What the engine itself has to send.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        match self {
            Self::Raw | Self::Guest(_) => None,
            Self::Telnet(telnet) => telnet.poll_transmit(),
        }
    }

    /// A line that the engine itself has to send, without its end.
    pub fn poll_line(&mut self) -> Option<String> {
        match self {
            Self::Guest(guest) => guest.poll_line(),
            Self::Raw | Self::Telnet(_) => None,
        }
    }

    /// Why a line is not to be sent, if so.
    pub fn refusal(&self, line: &str) -> Option<&'static str> {
        match self {
            Self::Guest(guest) => guest.refusal(line),
            Self::Raw | Self::Telnet(_) => None,
        }
    }

    /// When [`Engine::handle_timeout`] wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Raw | Self::Guest(_) => None,
            Self::Telnet(telnet) => telnet.poll_timeout(),
        }
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        if let Self::Telnet(telnet) = self {
            telnet.handle_timeout(now);
        }
    }

    /// What people should read of the next thing that the engine noticed.
    pub fn poll_notice(&mut self) -> Option<String> {
        let Self::Telnet(telnet) = self else {
            return None;
        };
        loop {
            let text = match telnet.poll_event()? {
                Event::ComPort(true) => {
                    "the server lets the serial line be set (RFC 2217)".to_owned()
                }
                Event::ComPort(false) => {
                    "the server does not let the serial line be set (RFC 2217)".to_owned()
                }
                Event::Signature(name) => {
                    format!("the server is {}", String::from_utf8_lossy(&name))
                }
                Event::Set {
                    setting,
                    asked: Some(asked),
                } if setting != asked => {
                    format!("asked for {asked}, the server set {setting}")
                }
                Event::Set {
                    setting,
                    asked: Some(_),
                } => format!("the line is set: {setting}"),
                Event::Refused(setting) => format!("the server cannot set {setting}"),
                Event::NoAnswer(setting) => {
                    format!("the server did not answer when asked for {setting}")
                }
                Event::NoComPort => {
                    "the server does not know RFC 2217: the serial line stays as it is".to_owned()
                }
                Event::BreakAcknowledged => "break sent".to_owned(),
                Event::Line(state) if state.break_seen() => "the line is in break".to_owned(),
                Event::Overlong => "an over-long telnet option was given up".to_owned(),
                Event::Missed(count) => format!("{count} telnet events were dropped"),
                _ => continue,
            };
            return Some(text);
        }
    }

    /// Whether the server wants nothing more for now.
    pub fn suspended(&self) -> bool {
        matches!(self, Self::Telnet(telnet) if telnet.suspended())
    }

    /// Asks a terminal server for a line setting. False if this engine has no server to ask.
    pub fn set_line(&mut self, now: Instant, settings: &LineSettings) -> bool {
        let Self::Telnet(telnet) = self else {
            return false;
        };
        telnet.set_line(now, settings);
        true
    }
}
