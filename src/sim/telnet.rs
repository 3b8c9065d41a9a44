//! The serving side of telnet, as far as a simulated console needs it.
//!
//! Sans-IO. The server echoes and suppresses go-ahead, does eight bits both ways, and refuses
//! everything else; a client that offers nothing is served all the same. Commands and options: RFC
//! 854, 855, 856, 857, 858. The console's own, dialling side is in `proto`.

/// One connection's decoder.
#[derive(Debug, Default)]
pub(super) struct Server {
    state: State,
    after_return: bool,
}

/// What the client sent, decoded.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Received {
    /// What was typed, up to the break if there was one.
    pub before_break: Vec<u8>,
    /// What was typed after a break (the last, of several), if there was one.
    pub after_break: Option<Vec<u8>>,
    /// What has to be sent back.
    pub answer: Vec<u8>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    Command,
    /// WILL, WON'T, DO or DON'T, then the option.
    Option(u8),
    Subnegotiation,
    SubnegotiationCommand,
}

impl Server {
    /// What to send first.
    pub const GREETING: &[u8] = &[
        IAC, WILL, ECHO, IAC, WILL, GO_AHEAD, IAC, WILL, BINARY, IAC, DO, BINARY,
    ];

    /// Takes what came from the client.
    pub fn handle_bytes(&mut self, bytes: &[u8]) -> Received {
        let mut received = Received::default();
        for &byte in bytes {
            self.state = match (self.state, byte) {
                (State::Text, IAC) => State::Command,
                (State::Text, byte) => {
                    // CR NUL is how telnet writes a lone CR.
                    if !(std::mem::replace(&mut self.after_return, byte == b'\r') && byte == 0) {
                        received.text().push(byte);
                    }
                    State::Text
                }
                (State::Command, IAC) => {
                    received.text().push(IAC);
                    State::Text
                }
                (State::Command, BREAK) => {
                    received.after_break = Some(Vec::new());
                    State::Text
                }
                (State::Command, INTERRUPT) => {
                    received.text().push(0x03);
                    State::Text
                }
                (State::Command, WILL | WONT | DO | DONT) => State::Option(byte),
                (State::Command, SUBNEGOTIATION) => State::Subnegotiation,
                (State::Command, _) => State::Text,
                (State::Option(verb), option) => {
                    answer(verb, option, &mut received.answer);
                    State::Text
                }
                (State::Subnegotiation, IAC) => State::SubnegotiationCommand,
                (State::SubnegotiationCommand, SUBNEGOTIATION_END) => State::Text,
                (State::Subnegotiation | State::SubnegotiationCommand, _) => State::Subnegotiation,
            };
        }
        received
    }
}

/// Answers an offer or a request. What we do was agreed to in the greeting, and saying so again
/// would be a new offer; a refusal gets no answer, so this cannot go round in circles.
fn answer(verb: u8, option: u8, answer: &mut Vec<u8>) {
    let reply = match (verb, option) {
        (DO, ECHO | GO_AHEAD | BINARY) | (WILL, BINARY) => return,
        (DO, _) => WONT,
        (WILL, GO_AHEAD) => DO,
        (WILL, _) => DONT,
        _ => return,
    };
    answer.extend_from_slice(&[IAC, reply, option]);
}

impl Received {
    fn text(&mut self) -> &mut Vec<u8> {
        self.after_break.as_mut().unwrap_or(&mut self.before_break)
    }
}

/// Appends `text` as it has to be on the wire.
pub(super) fn escape(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(at) = memchr::memchr(IAC, rest) {
        let (before, after) = rest.split_at(at + 1);
        out.extend_from_slice(before);
        out.push(IAC);
        rest = after;
    }
    out.extend_from_slice(rest);
}

const IAC: u8 = 255;
const DONT: u8 = 254;
const DO: u8 = 253;
const WONT: u8 = 252;
const WILL: u8 = 251;
const SUBNEGOTIATION: u8 = 250;
const INTERRUPT: u8 = 244;
const BREAK: u8 = 243;
const SUBNEGOTIATION_END: u8 = 240;

const BINARY: u8 = 0;
const ECHO: u8 = 1;
const GO_AHEAD: u8 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_taken_out_of_what_was_typed_wherever_it_was_cut() {
        let wire = b"ls\r\0\xff\xff\xff\xfa\x18\x00x\xff\xf0\xff\xfd\x01d\xff\xf3b";
        for cut in 0..wire.len() {
            let (mut server, mut typed, mut after) = (Server::default(), Vec::new(), None);
            for part in [&wire[..cut], &wire[cut..]] {
                let received = server.handle_bytes(part);
                match &mut after {
                    None => typed.extend(received.before_break),
                    Some(after) => Vec::extend(after, received.before_break),
                }
                after = received.after_break.or(after);
                assert_eq!(received.answer, b"");
            }
            assert_eq!(
                (&typed[..], after.as_deref()),
                (&b"ls\r\xffd"[..], Some(&b"b"[..]))
            );
        }
    }

    #[test]
    fn unknown_options_are_refused_and_refusals_left_alone() {
        let asked = [
            IAC, DO, 99, IAC, WILL, 31, IAC, DONT, 99, IAC, WONT, 5, IAC, DO, ECHO,
        ];
        let received = Server::default().handle_bytes(&asked);
        assert_eq!(received.answer, [IAC, WONT, 99, IAC, DONT, 31]);
    }

    #[test]
    fn the_escape_byte_is_doubled_on_the_wire() {
        let mut out = Vec::new();
        escape(b"\xffa\xff\xffb", &mut out);
        assert_eq!(out, b"\xff\xffa\xff\xff\xff\xffb");
    }
}
