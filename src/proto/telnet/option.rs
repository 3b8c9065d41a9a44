//! Agreeing on options without ever looping: one state for each option and side.
//!
//! What an agreed option does is decided by the engine. Facts: RFC 1143 (the Q method), reduced to what a
//! client needs that never takes an agreed option back by itself.

/// 8-bit clean data, RFC 856.
pub const BINARY: u8 = 0;
/// The peer echoes what is typed, RFC 857.
pub const ECHO: u8 = 1;
/// No go-aheads, RFC 858.
pub const SUPPRESS_GO_AHEAD: u8 = 3;
/// Name of the terminal, RFC 1091.
pub const TERMINAL_TYPE: u8 = 24;
/// Size of the window, RFC 1073.
pub const WINDOW_SIZE: u8 = 31;
/// The serial line behind the server, RFC 2217.
pub const COM_PORT: u8 = 44;

/// Where one option stands on one side.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    #[default]
    No,
    /// The peer asked and was told no. Said once: asked again it gets no second answer.
    Refused,
    /// We asked and wait.
    Wanted,
    Yes,
}

/// What follows from one word of the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Nothing changed, nothing to send.
    Nothing,
    /// Now on. `answer`: we have to say so (an answer is never answered).
    On { answer: bool },
    /// Now off, or our wish was refused.
    Off { answer: bool },
    /// Not with us.
    Refuse,
}

/// All options of one side.
#[derive(Debug)]
pub(super) struct Side([State; 256]);

impl Default for Side {
    fn default() -> Self {
        Self([State::No; 256])
    }
}

impl Side {
    pub(super) fn state(&self, option: u8) -> State {
        self.0[usize::from(option)]
    }

    pub(super) fn is_on(&self, option: u8) -> bool {
        self.state(option) == State::Yes
    }

    /// The peer said DO (our side) or WILL (its own).
    pub(super) fn asked(&mut self, option: u8, acceptable: bool) -> Outcome {
        let state = &mut self.0[usize::from(option)];
        match *state {
            State::Yes | State::Refused => Outcome::Nothing,
            State::Wanted => {
                *state = State::Yes;
                Outcome::On { answer: false }
            }
            State::No if acceptable => {
                *state = State::Yes;
                Outcome::On { answer: true }
            }
            State::No => {
                *state = State::Refused;
                Outcome::Refuse
            }
        }
    }

    /// The peer said DONT (our side) or WONT (its own). This can't be refused.
    pub(super) fn denied(&mut self, option: u8) -> Outcome {
        let state = &mut self.0[usize::from(option)];
        match std::mem::replace(state, State::No) {
            State::No | State::Refused => Outcome::Nothing,
            State::Wanted => Outcome::Off { answer: false },
            State::Yes => Outcome::Off { answer: true },
        }
    }

    /// We want it on. True: say so to the peer.
    pub(super) fn want(&mut self, option: u8) -> bool {
        let state = &mut self.0[usize::from(option)];
        match *state {
            State::No | State::Refused => {
                *state = State::Wanted;
                true
            }
            State::Wanted | State::Yes => false,
        }
    }
}
