//! Telnet's bytes: commands told apart from data, and both written.
//!
//! What an option means or how one is agreed on is not known here. Facts: RFC 854, RFC 855, RFC 856.

use memchr::{memchr, memchr2};

/// Longest subnegotiation, in bytes. The longest one anybody sends a client is a signature of some
/// dozen bytes; without a limit a lost `IAC SE` would swallow the console for ever.
pub const SUBNEGOTIATION_BYTES_MAX: usize = 4096;

/// Interpret as command: starts every command; doubled, it is the data byte 0xFF.
pub const IAC: u8 = 255;
pub(super) const DONT: u8 = 254;
pub(super) const DO: u8 = 253;
pub(super) const WONT: u8 = 252;
pub(super) const WILL: u8 = 251;
pub(super) const SB: u8 = 250;
pub(super) const BRK: u8 = 243;
pub(super) const SE: u8 = 240;

/// The lowest byte that is a command after IAC: end of file, RFC 1184. What is below is no telnet
/// command at all and most likely line noise, so it stays data.
const COMMAND_MIN: u8 = 236;

const CR: u8 = b'\r';
const LF: u8 = b'\n';
const NUL: u8 = 0;

/// Something that was not data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Item {
    /// `IAC x`; nothing here asks for an answer.
    Command,
    /// `IAC verb option`, verb being WILL, WONT, DO or DONT.
    Negotiation { verb: u8, option: u8 },
    /// A whole one is in [`Decoder::subnegotiation`].
    Subnegotiation,
    /// One grew past [`SUBNEGOTIATION_BYTES_MAX`]; what follows is taken as data again.
    Overlong,
}

/// Splits a stream into data and commands; a command may be cut anywhere.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    state: State,
    /// The last data byte was CR: without BINARY a NUL after it is no data.
    after_cr: bool,
    subnegotiation: Vec<u8>,
}

impl Decoder {
    /// Appends data to `text` up to the next command, which is returned. `None`: `bytes` is used up.
    ///
    /// `binary`: the peer sends with BINARY, so that CR NUL is two bytes of data.
    pub(super) fn next_item(
        &mut self,
        bytes: &mut &[u8],
        binary: bool,
        text: &mut Vec<u8>,
    ) -> Option<Item> {
        loop {
            if self.state == State::Data {
                self.copy_data(bytes, binary, text);
            }
            let (&byte, rest) = bytes.split_first()?;
            *bytes = rest;
            if let Some(item) = self.step(byte, text) {
                return Some(item);
            }
        }
    }

    /// The last subnegotiation: option first, IACs no longer doubled.
    pub(super) fn subnegotiation(&self) -> &[u8] {
        &self.subnegotiation
    }

    /// Copies up to the next IAC, which is left in `bytes`.
    fn copy_data(&mut self, bytes: &mut &[u8], binary: bool, text: &mut Vec<u8>) {
        while let Some(&first) = bytes.first() {
            if first == NUL && self.after_cr && !binary {
                self.after_cr = false;
                *bytes = bytes.get(1..).unwrap_or_default();
                continue;
            }
            let stop = if binary {
                memchr(IAC, bytes)
            } else {
                memchr2(IAC, NUL, bytes)
            };
            let stop = stop.unwrap_or(bytes.len());
            let (data, rest) = bytes.split_at(stop);
            if let Some(&last) = data.last() {
                text.extend_from_slice(data);
                self.after_cr = last == CR;
            }
            *bytes = rest;
            match rest.first() {
                Some(&NUL) if !self.after_cr => {
                    text.push(NUL);
                    *bytes = rest.get(1..).unwrap_or_default();
                }
                Some(&NUL) => {}
                _ => return,
            }
        }
    }

    fn step(&mut self, byte: u8, text: &mut Vec<u8>) -> Option<Item> {
        match self.state {
            State::Data => {
                // Only an IAC stops the copying.
                self.state = State::Command;
                None
            }
            State::Command => self.command(byte, text),
            State::Negotiation { verb } => {
                self.state = State::Data;
                Some(Item::Negotiation { verb, option: byte })
            }
            State::Subnegotiation if byte == IAC => {
                self.state = State::SubnegotiationCommand;
                None
            }
            State::Subnegotiation => self.collect(byte),
            State::SubnegotiationCommand => match byte {
                IAC => {
                    self.state = State::Subnegotiation;
                    self.collect(IAC)
                }
                SE => {
                    self.state = State::Data;
                    Some(Item::Subnegotiation)
                }
                // The end was lost: what stands here is a command of its own.
                other => self.command(other, text),
            },
        }
    }

    fn command(&mut self, byte: u8, text: &mut Vec<u8>) -> Option<Item> {
        self.state = State::Data;
        match byte {
            IAC => {
                text.push(IAC);
                self.after_cr = false;
                None
            }
            WILL | WONT | DO | DONT => {
                self.state = State::Negotiation { verb: byte };
                None
            }
            SB => {
                self.subnegotiation.clear();
                self.state = State::Subnegotiation;
                None
            }
            COMMAND_MIN.. => Some(Item::Command),
            _ => {
                text.extend_from_slice(&[IAC, byte]);
                self.after_cr = byte == CR;
                None
            }
        }
    }

    fn collect(&mut self, byte: u8) -> Option<Item> {
        if self.subnegotiation.len() < SUBNEGOTIATION_BYTES_MAX {
            self.subnegotiation.push(byte);
            return None;
        }
        self.subnegotiation = Vec::new();
        self.state = State::Data;
        Some(Item::Overlong)
    }
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Data,
    Command,
    Negotiation {
        verb: u8,
    },
    Subnegotiation,
    SubnegotiationCommand,
}

/// Appends user data as it goes on the wire: IAC doubled and, without BINARY, a lone CR as CR NUL.
pub(super) fn write_data(bytes: &[u8], binary: bool, out: &mut Vec<u8>) {
    out.reserve(bytes.len());
    let mut rest = bytes;
    loop {
        let stop = if binary {
            memchr(IAC, rest)
        } else {
            memchr2(IAC, CR, rest)
        };
        let Some(stop) = stop else {
            out.extend_from_slice(rest);
            return;
        };
        let (plain, special) = rest.split_at(stop);
        out.extend_from_slice(plain);
        let Some((&byte, after)) = special.split_first() else {
            return;
        };
        out.push(byte);
        if byte == IAC {
            out.push(IAC);
        } else if after.first() != Some(&LF) {
            out.push(NUL);
        }
        rest = after;
    }
}

/// Appends `IAC SB option value IAC SE`, IACs within doubled.
pub(super) fn write_subnegotiation(option: u8, value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&[IAC, SB]);
    write_data(&[option], true, out);
    write_data(value, true, out);
    out.extend_from_slice(&[IAC, SE]);
}
