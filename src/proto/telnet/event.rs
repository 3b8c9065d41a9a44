//! What a telnet connection tells its driver.

use super::com_port::{LineState, ModemState, Setting};
#[cfg(doc)]
use super::{ANSWER_WAIT_MS, BREAK_MS, SUBNEGOTIATION_BYTES_MAX};

/// What the driver should know about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The peer speaks telnet: its first command came.
    Telnet,
    /// The peer echoes what is typed from now on, or no longer does.
    Echo(bool),
    /// The server lets the serial line be set and asked from now on, or does not (any more).
    ComPort(bool),
    /// The server says what its program is. Text of the peer: not safe to show as it is.
    Signature(Vec<u8>),
    /// The line now is so. `asked` is what was asked for, if it was asked; the device may choose otherwise.
    Set {
        /// What is.
        setting: Setting,
        /// What was asked for.
        asked: Option<Setting>,
    },
    /// The server answered the request with a value that means nothing: it can't do that.
    Refused(Setting),
    /// The server did not answer the request within [`ANSWER_WAIT_MS`].
    NoAnswer(Setting),
    /// The server did not say within [`ANSWER_WAIT_MS`] whether it knows COM-PORT.
    NoComPort,
    /// The server says that it started the break. (A plain telnet break is never acknowledged.)
    BreakAcknowledged,
    /// The wires of the modem changed.
    Modem(ModemState),
    /// Errors or a break on the line.
    Line(LineState),
    /// The server can't take more data for now: stop sending.
    Suspend,
    /// The server takes data again.
    Resume,
    /// A subnegotiation longer than [`SUBNEGOTIATION_BYTES_MAX`] was given up; its rest shows as text.
    Overlong,
    /// The peer asks faster than it takes answers; some were not given.
    Unanswered,
    /// So many events were not kept because nobody looked.
    Missed(u64),
}

/// How a break was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Break {
    /// As telnet's BRK. Never acknowledged.
    Telnet,
    /// As RFC 2217's break on, [`BREAK_MS`], break off.
    ComPort,
}
