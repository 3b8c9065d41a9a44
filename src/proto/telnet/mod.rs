//! Telnet for a client: options, escaping, break and, where the server offers it, the serial line behind it.
//!
//! Opens no connection and keeps no clock: bytes and time come in, data, bytes to send and events come out.
//! It stays silent until the peer has spoken telnet or the user asked for something: to a server that does not
//! know telnet, an option request is garbage typed into somebody's shell.
//! Facts: RFC 854, RFC 855, RFC 1143 (negotiation), RFC 2217 (COM-PORT), RFC 1073 (window size), RFC 1091 (terminal type).

mod com_port;
mod event;
mod option;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
mod wire;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

pub use com_port::{Flow, LineSettings, LineState, ModemState, Parity, Setting, StopBits};
pub use event::{Break, Event};
pub use wire::SUBNEGOTIATION_BYTES_MAX;

use com_port::{ANSWER, Answer, SETTING_KINDS};
use option::{
    BINARY, COM_PORT, ECHO, Outcome, SUPPRESS_GO_AHEAD, Side, State, TERMINAL_TYPE, WINDOW_SIZE,
};
use wire::{BRK, DO, DONT, Decoder, IAC, Item, WILL, WONT};

/// How long a COM-PORT server has to answer before it is reported. Milliseconds.
pub const ANSWER_WAIT_MS: u64 = 3000;
/// How long the line is held in the break condition. Milliseconds; a UART takes anything longer than one
/// character for a break, some terminal servers need a quarter of a second.
pub const BREAK_MS: u64 = 300;
/// Commands and answers that may wait to be sent, in bytes. A peer that asks more without reading what it is
/// told gets no more answers.
pub const OUTGOING_BYTES_MAX: usize = 16 * 1024;
/// Option requests answered within one second. An opening has some ten; more is a peer that answers our answers,
/// and silence is what ends that.
pub const ANSWERS_PER_SECOND_MAX: u32 = 64;
/// Events that may wait to be looked at. What comes on top is counted in [`Event::Missed`].
pub const EVENTS_MAX: usize = 256;
/// Longest server signature that is kept, in bytes.
pub const SIGNATURE_BYTES_MAX: usize = 128;

/// What a connection is made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Name told to a server that asks for the terminal type. `None` refuses the option.
    pub terminal: Option<String>,
    /// Columns and rows told to a server that asks. `None` refuses the option until [`Telnet::resize`].
    pub window: Option<(u16, u16)>,
    /// Line settings to make once the server has agreed to COM-PORT. Empty leaves the line alone: connecting
    /// must not disturb a console that works.
    pub line: LineSettings,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            terminal: Some("XTERM-256COLOR".to_owned()),
            window: None,
            line: LineSettings::default(),
        }
    }
}

/// The client's end of one telnet connection.
#[derive(Debug)]
pub struct Telnet {
    options: Options,
    decoder: Decoder,
    /// Options of ours: the peer's DO and DONT.
    ours: Side,
    /// Options of the peer: its WILL and WONT.
    theirs: Side,
    heard: bool,
    suspended: bool,
    signed: bool,
    /// Settings to make once COM-PORT is agreed, by kind.
    wanted: [Option<Setting>; SETTING_KINDS],
    /// Settings asked for and not yet answered, by kind.
    asked: [Option<(Setting, Instant)>; SETTING_KINDS],
    com_port_deadline: Option<Instant>,
    break_end: Option<Instant>,
    outgoing: Vec<u8>,
    /// Option requests answered in the second that began then.
    answers: (u32, Option<Instant>),
    unanswered: bool,
    events: VecDeque<Event>,
    missed: u64,
}

impl Telnet {
    /// A connection that has just been made.
    pub fn new(options: Options) -> Self {
        let mut wanted = [None; SETTING_KINDS];
        for setting in options.line.settings() {
            wanted[setting.kind()] = Some(setting);
        }
        Self {
            options,
            decoder: Decoder::default(),
            ours: Side::default(),
            theirs: Side::default(),
            heard: false,
            suspended: false,
            signed: false,
            wanted,
            asked: [None; SETTING_KINDS],
            com_port_deadline: None,
            break_end: None,
            outgoing: Vec::new(),
            answers: (0, None),
            unanswered: false,
            events: VecDeque::new(),
            missed: 0,
        }
    }

    /// Takes what the peer sent, cut anywhere, and appends the data in it to `text`.
    pub fn handle_bytes(&mut self, now: Instant, bytes: &[u8], text: &mut Vec<u8>) {
        text.reserve(bytes.len());
        let mut bytes = bytes;
        loop {
            let binary = self.theirs.is_on(BINARY);
            let Some(item) = self.decoder.next_item(&mut bytes, binary, text) else {
                return;
            };
            if item == Item::Overlong {
                self.event(Event::Overlong);
                continue;
            }
            if !self.heard {
                self.heard = true;
                self.event(Event::Telnet);
                if self.wanted.iter().any(Option::is_some) {
                    self.offer_com_port(now);
                }
            }
            match item {
                Item::Command | Item::Overlong => {}
                Item::Negotiation { verb, option } => self.negotiate(now, verb, option),
                Item::Subnegotiation => self.subnegotiation(),
            }
        }
    }

    /// Lets time pass: ends a break, reports requests nobody answered.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.break_end.is_some_and(|end| end <= now) {
            self.break_end = None;
            self.ask(now, Setting::Break(false));
        }
        if self.com_port_deadline.is_some_and(|at| at <= now) {
            self.com_port_deadline = None;
            self.event(Event::NoComPort);
        }
        for kind in 0..SETTING_KINDS {
            if let Some((setting, at)) = self.asked[kind]
                && at <= now
            {
                self.asked[kind] = None;
                self.event(Event::NoAnswer(setting));
            }
        }
    }

    /// When [`Self::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.asked
            .iter()
            .flatten()
            .map(|&(_, at)| at)
            .chain(self.break_end)
            .chain(self.com_port_deadline)
            .min()
    }

    /// Bytes to send, whole commands: nothing may be written between them, everything before or after.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.unanswered = false;
        (!self.outgoing.is_empty()).then(|| std::mem::take(&mut self.outgoing))
    }

    /// The next thing to know.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front().or_else(|| {
            let missed = std::mem::take(&mut self.missed);
            (missed > 0).then_some(Event::Missed(missed))
        })
    }

    /// Appends user data to `out` as it goes on the wire.
    ///
    /// 0xFF is doubled. While BINARY is not agreed, CR goes as CR NUL, and CR LF in one call as it is; Enter is
    /// a lone CR. Send what [`Self::poll_transmit`] holds first to keep the order in which things were asked for.
    pub fn encode(&self, bytes: &[u8], out: &mut Vec<u8>) {
        wire::write_data(bytes, self.ours.is_on(BINARY), out);
    }

    /// Sends a break: by COM-PORT where agreed, else as telnet's own. A break under way is not started again.
    pub fn send_break(&mut self, now: Instant) -> Break {
        if !self.com_port() {
            self.command(&[IAC, BRK]);
            return Break::Telnet;
        }
        if self.break_end.is_none() {
            self.break_end = Some(now + Duration::from_millis(BREAK_MS));
            self.ask(now, Setting::Break(true));
        }
        Break::ComPort
    }

    /// Asks the server to set the line. Offers COM-PORT first where that is not agreed on yet.
    pub fn set_line(&mut self, now: Instant, line: &LineSettings) {
        for setting in line.settings() {
            self.want(now, setting);
        }
    }

    /// Asks the server to switch DTR or RTS; `None` leaves a wire alone.
    pub fn set_control(&mut self, now: Instant, dtr: Option<bool>, rts: Option<bool>) {
        let settings = [dtr.map(Setting::Dtr), rts.map(Setting::Rts)];
        for setting in settings.into_iter().flatten() {
            self.want(now, setting);
        }
    }

    /// The window has this size now. Told to a server that asked.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        if self.options.window == Some((columns, rows)) {
            return;
        }
        self.options.window = Some((columns, rows));
        match self.ours.state(WINDOW_SIZE) {
            State::Yes => self.tell_window(),
            // It asked before there was a size to tell.
            State::Refused => {
                if self.ours.want(WINDOW_SIZE) {
                    self.command(&[IAC, WILL, WINDOW_SIZE]);
                }
            }
            State::No | State::Wanted => {}
        }
    }

    /// Whether the peer has spoken telnet at all.
    pub fn heard(&self) -> bool {
        self.heard
    }

    /// Whether the peer echoes what is typed.
    pub fn peer_echoes(&self) -> bool {
        self.theirs.is_on(ECHO)
    }

    /// Whether COM-PORT is agreed.
    pub fn com_port(&self) -> bool {
        self.ours.is_on(COM_PORT)
    }

    /// Whether the server asked to stop sending data.
    pub fn suspended(&self) -> bool {
        self.suspended
    }

    fn negotiate(&mut self, now: Instant, verb: u8, option: u8) {
        // Our side and theirs differ in nothing but who says which word.
        let (our_side, yes, no) = match verb {
            DO | DONT => (true, WILL, WONT),
            _ => (false, DO, DONT),
        };
        let acceptable = if our_side {
            match option {
                BINARY | SUPPRESS_GO_AHEAD | COM_PORT => true,
                TERMINAL_TYPE => self.options.terminal.is_some(),
                WINDOW_SIZE => self.options.window.is_some(),
                _ => false,
            }
        } else {
            matches!(option, BINARY | ECHO | SUPPRESS_GO_AHEAD)
        };
        let side = if our_side {
            &mut self.ours
        } else {
            &mut self.theirs
        };
        let outcome = match verb {
            DO | WILL => side.asked(option, acceptable),
            _ => side.denied(option),
        };
        match outcome {
            Outcome::Nothing => return,
            Outcome::Refuse | Outcome::Off { answer: true } => self.answer(now, no, option),
            Outcome::On { answer: true } => self.answer(now, yes, option),
            Outcome::On { answer: false } | Outcome::Off { answer: false } => {}
        }
        let on = match outcome {
            Outcome::On { .. } => true,
            Outcome::Off { .. } => false,
            Outcome::Nothing | Outcome::Refuse => return,
        };
        match (our_side, option) {
            (false, ECHO) => self.event(Event::Echo(on)),
            (true, WINDOW_SIZE) if on => self.tell_window(),
            (true, COM_PORT) => self.com_port_changed(now, on),
            _ => {}
        }
    }

    fn com_port_changed(&mut self, now: Instant, on: bool) {
        self.com_port_deadline = None;
        self.event(Event::ComPort(on));
        if !on {
            self.break_end = None;
            if std::mem::take(&mut self.suspended) {
                self.event(Event::Resume);
            }
            return;
        }
        // An empty signature asks for the peer's; it touches nothing.
        self.com_port_command(&[com_port::SIGNATURE]);
        for kind in 0..SETTING_KINDS {
            if let Some(setting) = self.wanted[kind].take() {
                self.ask(now, setting);
            }
        }
    }

    fn subnegotiation(&mut self) {
        let message = self.decoder.subnegotiation();
        match message {
            [TERMINAL_TYPE, TERMINAL_TYPE_SEND, ..] if self.ours.is_on(TERMINAL_TYPE) => {
                let name = self.options.terminal.as_deref().unwrap_or_default();
                let value = [&[TERMINAL_TYPE_IS], name.as_bytes()].concat();
                self.send_subnegotiation(TERMINAL_TYPE, &value);
            }
            [COM_PORT, command, value @ ..] if self.com_port() => {
                let (command, value) = (*command, value.to_vec());
                self.com_port_message(command, &value);
            }
            _ => {}
        }
    }

    fn com_port_message(&mut self, command: u8, value: &[u8]) {
        // Some servers forget to add the 100 to what they tell unasked.
        let notice = command.checked_sub(ANSWER).unwrap_or(command);
        match (notice, value) {
            (com_port::SIGNATURE, []) => {
                if !std::mem::replace(&mut self.signed, true) {
                    self.com_port_command(&[&[com_port::SIGNATURE], SIGNATURE].concat());
                }
            }
            (com_port::SIGNATURE, text) => {
                let kept = text.get(..SIGNATURE_BYTES_MAX).unwrap_or(text);
                self.event(Event::Signature(kept.to_vec()));
            }
            (com_port::LINE_STATE, &[bits]) => self.event(Event::Line(LineState(bits))),
            (com_port::MODEM_STATE, &[bits]) => self.event(Event::Modem(ModemState(bits))),
            (com_port::SUSPEND, _) => {
                if !std::mem::replace(&mut self.suspended, true) {
                    self.event(Event::Suspend);
                }
            }
            (com_port::RESUME, _) => {
                if std::mem::take(&mut self.suspended) {
                    self.event(Event::Resume);
                }
            }
            _ => self.setting_message(Setting::from_answer(command, value)),
        }
    }

    fn setting_message(&mut self, answer: Answer) {
        match answer {
            Answer::Set(setting) => {
                let asked = self.asked[setting.kind()].take();
                let asked = asked.map(|(asked, _)| asked);
                match (setting, asked) {
                    (Setting::Break(true), Some(_)) => self.event(Event::BreakAcknowledged),
                    (Setting::Break(_), _) => {}
                    _ => self.event(Event::Set { setting, asked }),
                }
            }
            Answer::Refused(kind) => {
                if let Some((asked, _)) = self.asked[kind].take() {
                    self.event(Event::Refused(asked));
                }
            }
            Answer::Other => {}
        }
    }

    fn want(&mut self, now: Instant, setting: Setting) {
        if self.com_port() {
            self.ask(now, setting);
        } else {
            self.wanted[setting.kind()] = Some(setting);
            self.offer_com_port(now);
        }
    }

    fn offer_com_port(&mut self, now: Instant) {
        if self.ours.want(COM_PORT) {
            self.command(&[IAC, WILL, COM_PORT]);
            self.com_port_deadline = Some(now + Duration::from_millis(ANSWER_WAIT_MS));
        }
    }

    fn ask(&mut self, now: Instant, setting: Setting) {
        let deadline = now + Duration::from_millis(ANSWER_WAIT_MS);
        self.asked[setting.kind()] = Some((setting, deadline));
        self.com_port_command(&setting.command());
    }

    fn tell_window(&mut self) {
        let (columns, rows) = self.options.window.unwrap_or_default();
        let value = [columns.to_be_bytes(), rows.to_be_bytes()].concat();
        self.send_subnegotiation(WINDOW_SIZE, &value);
    }

    fn com_port_command(&mut self, bytes: &[u8]) {
        self.send_subnegotiation(COM_PORT, bytes);
    }

    fn send_subnegotiation(&mut self, option: u8, value: &[u8]) {
        let mut bytes = Vec::with_capacity(value.len() + 8);
        wire::write_subnegotiation(option, value, &mut bytes);
        self.command(&bytes);
    }

    fn answer(&mut self, now: Instant, verb: u8, option: u8) {
        let fresh = |start| now.saturating_duration_since(start) < Duration::from_secs(1);
        if !self.answers.1.is_some_and(fresh) {
            self.answers = (0, Some(now));
        }
        if self.answers.0 < ANSWERS_PER_SECOND_MAX {
            self.answers.0 += 1;
            self.command(&[IAC, verb, option]);
        } else {
            self.say_unanswered();
        }
    }

    fn command(&mut self, bytes: &[u8]) {
        if self.outgoing.len() + bytes.len() <= OUTGOING_BYTES_MAX {
            self.outgoing.extend_from_slice(bytes);
        } else {
            self.say_unanswered();
        }
    }

    /// Once for everything that is not said until the next look at what is to be sent.
    fn say_unanswered(&mut self) {
        if !std::mem::replace(&mut self.unanswered, true) {
            self.event(Event::Unanswered);
        }
    }

    fn event(&mut self, event: Event) {
        if self.events.len() < EVENTS_MAX {
            self.events.push_back(event);
        } else {
            self.missed += 1;
        }
    }
}

const TERMINAL_TYPE_IS: u8 = 0;
const TERMINAL_TYPE_SEND: u8 = 1;
/// What we call ourselves to a server that asks.
const SIGNATURE: &[u8] = b"kdeck";
