//! The serial line behind a telnet server: its settings and the commands that carry them.
//!
//! Only values and bytes; when they are sent and what happens without an answer is the engine's.
//! Facts: RFC 2217.

use std::fmt;

use crate::connect;

/// What a server adds to a command's number when it answers.
pub(super) const ANSWER: u8 = 100;
pub(super) const SIGNATURE: u8 = 0;
const SET_BAUD: u8 = 1;
const SET_DATA_BITS: u8 = 2;
const SET_PARITY: u8 = 3;
const SET_STOP_BITS: u8 = 4;
const SET_CONTROL: u8 = 5;
pub(super) const LINE_STATE: u8 = 6;
pub(super) const MODEM_STATE: u8 = 7;
pub(super) const SUSPEND: u8 = 8;
pub(super) const RESUME: u8 = 9;

/// Parity of a serial line: what a server may answer, which is more than a connection string can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Parity {
    None,
    Odd,
    Even,
    Mark,
    Space,
}

/// Stop bits of a serial line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum StopBits {
    One,
    OneAndHalf,
    Two,
}

/// Who may stop the stream, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Nobody.
    None,
    /// XON and XOFF bytes within the data.
    XonXoff,
    /// The RTS and CTS wires.
    RtsCts,
}

/// Line settings to ask for. What is `None` is left as the server has it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct LineSettings {
    /// Bits a second.
    pub baud: Option<u32>,
    /// 5 to 8.
    pub data_bits: Option<u8>,
    /// Parity.
    pub parity: Option<Parity>,
    /// Stop bits.
    pub stop_bits: Option<StopBits>,
    /// Flow control.
    pub flow: Option<Flow>,
}

impl LineSettings {
    /// The settings that are given, in the order they are sent.
    pub(super) fn settings(&self) -> impl Iterator<Item = Setting> {
        [
            self.baud.map(Setting::Baud),
            self.data_bits.map(Setting::DataBits),
            self.parity.map(Setting::Parity),
            self.stop_bits.map(Setting::StopBits),
            self.flow.map(Setting::Flow),
        ]
        .into_iter()
        .flatten()
    }
}

impl From<connect::LineSettings> for LineSettings {
    fn from(wish: connect::LineSettings) -> Self {
        Self {
            baud: wish.baud,
            data_bits: wish.bits.map(|bits| match bits {
                connect::DataBits::Seven => 7,
                connect::DataBits::Eight => 8,
            }),
            parity: wish.parity.map(|parity| match parity {
                connect::Parity::None => Parity::None,
                connect::Parity::Odd => Parity::Odd,
                connect::Parity::Even => Parity::Even,
            }),
            stop_bits: wish.stop.map(|stop| match stop {
                connect::StopBits::One => StopBits::One,
                connect::StopBits::Two => StopBits::Two,
            }),
            flow: wish.flow.map(|flow| match flow {
                connect::FlowControl::None => Flow::None,
                connect::FlowControl::RtsCts => Flow::RtsCts,
                connect::FlowControl::XonXoff => Flow::XonXoff,
            }),
        }
    }
}

/// One thing that can be set on the line, and the value it has or shall have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// Bits a second.
    Baud(u32),
    /// 5 to 8.
    DataBits(u8),
    /// Parity.
    Parity(Parity),
    /// Stop bits.
    StopBits(StopBits),
    /// Flow control.
    Flow(Flow),
    /// The break condition.
    Break(bool),
    /// Data terminal ready.
    Dtr(bool),
    /// Request to send.
    Rts(bool),
}

/// How many kinds of [`Setting`] there are.
pub(super) const SETTING_KINDS: usize = 8;

impl Setting {
    /// Position of the kind, the same for every value of it; below [`SETTING_KINDS`].
    pub(super) fn kind(self) -> usize {
        match self {
            Self::Baud(_) => 0,
            Self::DataBits(_) => 1,
            Self::Parity(_) => 2,
            Self::StopBits(_) => 3,
            Self::Flow(_) => 4,
            Self::Break(_) => 5,
            Self::Dtr(_) => 6,
            Self::Rts(_) => 7,
        }
    }

    /// Command and value, as they stand after `IAC SB COM-PORT`.
    pub(super) fn command(self) -> Vec<u8> {
        let (command, value) = match self {
            Self::Baud(baud) => {
                let mut bytes = vec![SET_BAUD];
                bytes.extend_from_slice(&baud.to_be_bytes());
                return bytes;
            }
            Self::DataBits(bits) => (SET_DATA_BITS, bits),
            Self::Parity(parity) => (SET_PARITY, parity_value(parity)),
            Self::StopBits(stop) => (SET_STOP_BITS, stop_value(stop)),
            Self::Flow(flow) => (SET_CONTROL, flow_value(flow)),
            Self::Break(on) => (SET_CONTROL, if on { 5 } else { 6 }),
            Self::Dtr(on) => (SET_CONTROL, if on { 8 } else { 9 }),
            Self::Rts(on) => (SET_CONTROL, if on { 11 } else { 12 }),
        };
        vec![command, value]
    }

    /// Reads a server's answer.
    pub(super) fn from_answer(command: u8, value: &[u8]) -> Answer {
        let Some(command) = command.checked_sub(ANSWER) else {
            return Answer::Other;
        };
        let setting = match (command, value) {
            (SET_BAUD, &[a, b, c, d]) => match u32::from_be_bytes([a, b, c, d]) {
                0 => None,
                baud => Some(Self::Baud(baud)),
            },
            (SET_DATA_BITS, &[bits @ 5..=8]) => Some(Self::DataBits(bits)),
            (SET_PARITY, &[value]) => PARITIES
                .into_iter()
                .find(|&parity| parity_value(parity) == value)
                .map(Self::Parity),
            (SET_STOP_BITS, &[value]) => STOPS
                .into_iter()
                .find(|&stop| stop_value(stop) == value)
                .map(Self::StopBits),
            (SET_CONTROL, &[value]) => match value {
                1 => Some(Self::Flow(Flow::None)),
                2 => Some(Self::Flow(Flow::XonXoff)),
                3 => Some(Self::Flow(Flow::RtsCts)),
                5 | 6 => Some(Self::Break(value == 5)),
                8 | 9 => Some(Self::Dtr(value == 8)),
                11 | 12 => Some(Self::Rts(value == 11)),
                // Inbound flow control and the like, which nobody here asks for.
                _ => return Answer::Other,
            },
            _ => None,
        };
        match (setting, command) {
            (Some(setting), _) => Answer::Set(setting),
            (None, SET_BAUD) => Answer::Refused(0),
            (None, SET_DATA_BITS) => Answer::Refused(1),
            (None, SET_PARITY) => Answer::Refused(2),
            (None, SET_STOP_BITS) => Answer::Refused(3),
            (None, _) => Answer::Other,
        }
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Baud(baud) => write!(f, "{baud} baud"),
            Self::DataBits(bits) => write!(f, "{bits} data bits"),
            Self::Parity(parity) => {
                let name = match parity {
                    Parity::None => "no",
                    Parity::Odd => "odd",
                    Parity::Even => "even",
                    Parity::Mark => "mark",
                    Parity::Space => "space",
                };
                write!(f, "{name} parity")
            }
            Self::StopBits(StopBits::One) => f.write_str("1 stop bit"),
            Self::StopBits(StopBits::OneAndHalf) => f.write_str("1.5 stop bits"),
            Self::StopBits(StopBits::Two) => f.write_str("2 stop bits"),
            Self::Flow(Flow::None) => f.write_str("no flow control"),
            Self::Flow(Flow::XonXoff) => f.write_str("XON/XOFF flow control"),
            Self::Flow(Flow::RtsCts) => f.write_str("RTS/CTS flow control"),
            Self::Break(on) => write!(f, "break {}", on_off(on)),
            Self::Dtr(on) => write!(f, "DTR {}", on_off(on)),
            Self::Rts(on) => write!(f, "RTS {}", on_off(on)),
        }
    }
}

/// What a server's message says about a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// This is how the line is now.
    Set(Setting),
    /// The kind with this number was answered with a value that means nothing.
    Refused(usize),
    /// Not about a setting.
    Other,
}

/// State of the modem wires, as the server last told it. A bit set means the wire is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModemState(pub u8);

#[expect(missing_docs, reason = "the names of the wires")]
impl ModemState {
    pub fn clear_to_send(self) -> bool {
        self.0 & 0x10 != 0
    }
    pub fn data_set_ready(self) -> bool {
        self.0 & 0x20 != 0
    }
    pub fn ring(self) -> bool {
        self.0 & 0x40 != 0
    }
    pub fn carrier(self) -> bool {
        self.0 & 0x80 != 0
    }
}

/// What the server's receiver noticed on the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineState(pub u8);

#[expect(missing_docs, reason = "the names of the conditions")]
impl LineState {
    pub fn overrun(self) -> bool {
        self.0 & 0x02 != 0
    }
    pub fn parity_error(self) -> bool {
        self.0 & 0x04 != 0
    }
    pub fn framing_error(self) -> bool {
        self.0 & 0x08 != 0
    }
    pub fn break_seen(self) -> bool {
        self.0 & 0x10 != 0
    }
}

const PARITIES: [Parity; 5] = [
    Parity::None,
    Parity::Odd,
    Parity::Even,
    Parity::Mark,
    Parity::Space,
];
const STOPS: [StopBits; 3] = [StopBits::One, StopBits::OneAndHalf, StopBits::Two];

fn parity_value(parity: Parity) -> u8 {
    match parity {
        Parity::None => 1,
        Parity::Odd => 2,
        Parity::Even => 3,
        Parity::Mark => 4,
        Parity::Space => 5,
    }
}

fn stop_value(stop: StopBits) -> u8 {
    match stop {
        StopBits::One => 1,
        StopBits::Two => 2,
        StopBits::OneAndHalf => 3,
    }
}

fn flow_value(flow: Flow) -> u8 {
    match flow {
        Flow::None => 1,
        Flow::XonXoff => 2,
        Flow::RtsCts => 3,
    }
}

fn on_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}
