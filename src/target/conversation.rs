//! One connection of a text target, from the first byte to the last: link, engine, transcript, and what people send.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::engine::Engine;
use super::keys::unescape;
use super::outgoing::Outgoing;
use super::report::Report;
use super::{Answer, Ask, ModemLine, Request};
use crate::connect::Eol;
use crate::link::Stream;
use crate::proto::telnet::LineSettings;

/// Memory for one read, bytes; one for each thread, so that a hundred floods share what the processor's cache holds.
const READ_BYTES: usize = 256 << 10;
/// A read shorter than this finds a quiet target: more is worth waiting for.
const SMALL_READ_BYTES: usize = 4 << 10;
/// How long small output is gathered before it is read, so that a hundred targets of a hundred lines a second each do
/// not wake us ten thousand times. Far below what a person notices.
const GATHER: Duration = Duration::from_millis(25);
/// After something was sent, output is read at once for so long: somebody waits for the echo.
const EAGER: Duration = Duration::from_secs(2);
/// How long a disconnect waits for what was sent before it: a target that does not read is left anyway.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Said to those who ask for a serial line's settings where there is none.
const NO_SERIAL_LINE: &str =
    "there is no serial line to set: neither is this one, nor is it behind a telnet server";

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

/// Why a conversation ended.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// The other side closed it.
    Closed,
    /// The link failed.
    Failed(String),
    /// Somebody asked to disconnect.
    Disconnected,
    /// The target is to go.
    Removed,
}

/// A connection being used.
pub struct Conversation<'a> {
    report: &'a Report,
    /// Where the link leads, for people.
    place: &'a str,
    stream: Stream,
    engine: Engine,
    eol: Eol,
    outgoing: Outgoing,
    /// The last size that a screen asked for: columns, rows.
    size: Option<(u16, u16)>,
    /// Somebody asked to disconnect: until when that waits for what was sent before, and whom to tell.
    leaving: Option<(Instant, oneshot::Sender<Answer>)>,
    scratch: Vec<u8>,
    /// No output is read before this.
    next_read: Option<Instant>,
    eager_until: Option<Instant>,
    last_read: Option<Instant>,
    /// No output is read before the log has caught up. What people send goes out meanwhile.
    log_waits: bool,
}

/// What the link did.
enum Moved {
    /// Output was read; true if the log has to follow before more is.
    Read(bool),
    /// A message was written to its end.
    Wrote,
    /// The other side closed the link.
    Closed,
}

impl<'a> Conversation<'a> {
    /// A conversation over a link that was just made.
    pub fn new(
        report: &'a Report,
        place: &'a str,
        stream: Stream,
        engine: Engine,
        eol: Eol,
    ) -> Self {
        Self {
            report,
            place,
            stream,
            engine,
            eol,
            outgoing: Outgoing::default(),
            size: None,
            leaving: None,
            scratch: Vec::new(),
            next_read: None,
            eager_until: None,
            last_read: None,
            log_waits: false,
        }
    }

    /// Talks until the link ends or somebody ends it.
    pub async fn run(&mut self, asks: &mut mpsc::Receiver<Ask>, stop: &CancellationToken) -> End {
        let transcript = &self.report.target().transcript;
        let mut end = loop {
            self.pump();
            while let Some(ask) = self.outgoing.take_order() {
                self.obey(ask).await;
                self.pump();
            }
            if self.may_leave() {
                break End::Disconnected;
            }
            let wake = self.wake();
            let sleep = async {
                match wake {
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => break End::Removed,
                Some(ask) = asks.recv(), if self.leaving.is_none() => self.take(ask).await,
                () = transcript.log_follows(), if self.log_waits => self.log_waits = false,
                moved = poll_fn(|context| self.poll_link(context)) => match moved {
                    Ok(Moved::Read(log_waits)) => self.log_waits = log_waits,
                    Ok(Moved::Wrote) => {}
                    Ok(Moved::Closed) => break End::Closed,
                    Err(error) => break End::Failed(error.to_string()),
                },
                () = sleep => self.engine.handle_timeout(Instant::now()),
            }
        };
        transcript.end_line();
        let reason = "the connection ended before it was sent";
        self.outgoing
            .refuse_all(reason, || self.report.refusal(reason));
        if self.leaving.is_some() && end != End::Removed {
            end = End::Disconnected;
        }
        end
    }

    /// Whoever asked to disconnect and waits for that to be done.
    pub fn leaver(self) -> Option<oneshot::Sender<Answer>> {
        self.leaving.map(|(_, answer)| answer)
    }

    /// The size that a screen asked for, if one did: columns, rows.
    pub fn size(&self) -> Option<(u16, u16)> {
        self.size
    }

    /// Moves what the engine has to send and say.
    fn pump(&mut self) {
        while self.outgoing.takes_own()
            && let Some(bytes) = self.engine.poll_transmit()
        {
            self.outgoing.push_own(bytes);
        }
        if let Some(line) = self.engine.poll_line() {
            self.report.notice(&format!("sent {line}"));
            let bytes = [line.as_bytes(), self.eol.bytes()].concat();
            self.outgoing.push_line(bytes, None);
        }
        while let Some(text) = self.engine.poll_notice() {
            self.report.notice(&text);
        }
    }

    /// Whether a disconnect that was asked for has waited long enough.
    fn may_leave(&self) -> bool {
        self.leaving
            .as_ref()
            .is_some_and(|(until, _)| self.outgoing.is_empty() || Instant::now() >= *until)
    }

    /// The next time at which something is due.
    fn wake(&self) -> Option<Instant> {
        let gap = self.outgoing.due(Instant::now(), self.engine.suspended());
        let leave = self.leaving.as_ref().map(|(until, _)| *until);
        let read = self.next_read.filter(|_| !self.log_waits);
        [gap, leave, read, self.engine.poll_timeout()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Takes what somebody asked: what is sent waits for its turn, questions about the link do not.
    async fn take(&mut self, ask: Ask) {
        let now = Instant::now();
        self.eager_until = Some(now + EAGER);
        self.next_read = None;
        let Ask { request, answer } = ask;
        let sends = !matches!(
            request,
            Request::Disconnect
                | Request::Connect
                | Request::Describe
                | Request::Debugger(_)
                | Request::Resize { .. }
        );
        if sends && let Some(reason) = self.outgoing.refusal() {
            return self.reply(&request, answer, Err(reason));
        }
        if let Request::Line(text) = &request
            && let Some(reason) = self.engine.refusal(text)
        {
            return self.reply(&request, answer, Err(reason.to_owned()));
        }
        match request {
            Request::Line(text) => {
                let mut bytes = Vec::new();
                let line = [text.as_bytes(), self.eol.bytes()].concat();
                self.engine.encode(&line, &mut bytes);
                self.outgoing.push_line(bytes, Some(answer));
            }
            Request::Interrupt => self.outgoing.push_keys(vec![super::CTRL_C], answer),
            Request::Keys(keys) => {
                let mut bytes = Vec::new();
                self.engine.encode(&keys, &mut bytes);
                self.outgoing.push_keys(bytes, answer);
            }
            Request::Escaped(ref text) => match unescape(text) {
                Ok(keys) => {
                    let mut bytes = Vec::new();
                    self.engine.encode(&keys, &mut bytes);
                    self.outgoing.push_keys(bytes, answer);
                }
                Err(reason) => self.reply(&request, answer, Err(reason)),
            },
            Request::Disconnect => self.leaving = Some((now + LAST_WORDS, answer)),
            Request::Break | Request::Baud(_) | Request::Modem { .. }
                if !self.outgoing.is_empty() =>
            {
                self.outgoing.push_order(Ask { request, answer });
            }
            _ => self.obey(Ask { request, answer }).await,
        }
    }

    /// Does something with the link, at once.
    async fn obey(&mut self, ask: Ask) {
        let now = Instant::now();
        let result = match &ask.request {
            Request::Break => self.send_break(now).await,
            Request::Resize { columns, rows } => self.resize(*columns, *rows),
            Request::Baud(rate) => self.set_baud(now, *rate),
            Request::Modem { line, on } => self.set_modem(now, *line, *on),
            Request::Connect => Ok("already connected".to_owned()),
            Request::Describe => Ok(self.describe()),
            Request::Debugger(_) => Err(super::NO_DEBUGGER.to_owned()),
            // These have ways of their own.
            Request::Line(_)
            | Request::Keys(_)
            | Request::Escaped(_)
            | Request::Interrupt
            | Request::Disconnect => Ok(String::new()),
        };
        self.reply(&ask.request, ask.answer, result);
    }

    fn reply(&self, request: &Request, asked: oneshot::Sender<Answer>, result: Answer) {
        if let (Err(reason), true) = (&result, request.typed().is_some()) {
            self.report.refusal(reason);
        }
        // Whoever asked may be gone.
        asked.send(result).ok();
    }

    async fn send_break(&mut self, now: Instant) -> Answer {
        if let Engine::Telnet(telnet) = &mut self.engine {
            telnet.send_break(now);
            return Ok(String::new());
        }
        match &self.stream {
            Stream::Serial(serial) => serial
                .send_break()
                .await
                .map(|()| String::new())
                .map_err(|error| error.to_string()),
            _ => Err("a plain byte stream has no break; telnet and serial lines have".to_owned()),
        }
    }

    fn resize(&mut self, columns: u16, rows: u16) -> Answer {
        self.size = Some((columns, rows));
        if let Engine::Telnet(telnet) = &mut self.engine {
            telnet.resize(columns, rows);
        }
        self.stream
            .resize(columns, rows)
            .map(|()| String::new())
            .map_err(|error| error.to_string())
    }

    fn set_baud(&mut self, now: Instant, rate: u32) -> Answer {
        let settings = LineSettings {
            baud: Some(rate),
            ..LineSettings::default()
        };
        if self.engine.set_line(now, &settings) {
            return Ok("asked the server; its answer follows".to_owned());
        }
        match &mut self.stream {
            Stream::Serial(serial) => serial
                .set_baud(rate)
                .map(|()| format!("{rate} baud"))
                .map_err(|error| error.to_string()),
            _ => Err(NO_SERIAL_LINE.to_owned()),
        }
    }

    fn set_modem(&mut self, now: Instant, line: ModemLine, on: bool) -> Answer {
        let (dtr, rts) = match line {
            ModemLine::Dtr => (Some(on), None),
            ModemLine::Rts => (None, Some(on)),
        };
        if let Engine::Telnet(telnet) = &mut self.engine {
            telnet.set_control(now, dtr, rts);
            return Ok("asked the server; its answer follows".to_owned());
        }
        match &self.stream {
            Stream::Serial(serial) => serial
                .set_control(dtr, rts)
                .map(|()| String::new())
                .map_err(|error| error.to_string()),
            _ => Err(NO_SERIAL_LINE.to_owned()),
        }
    }

    fn describe(&self) -> String {
        let mut text = format!("link    {}", self.place);
        if let Engine::Telnet(telnet) = &self.engine {
            let speaks = if telnet.heard() {
                "speaks telnet"
            } else {
                "has not spoken telnet"
            };
            let line = if telnet.com_port() {
                ", lets its serial line be set"
            } else {
                ""
            };
            text.push_str(&format!("\nserver  {speaks}{line}"));
        }
        if !self.outgoing.is_empty() {
            text.push_str(&format!(
                "\nwaiting {} messages to be sent",
                self.outgoing.len()
            ));
        }
        text
    }

    /// Writes what may be written, else reads what may be read.
    fn poll_link(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Moved>> {
        let now = Instant::now();
        let suspended = self.engine.suspended();
        let stream = &mut self.stream;
        if let Poll::Ready(wrote) = self.outgoing.poll_write(context, now, suspended, stream) {
            return Poll::Ready(wrote.map(|()| Moved::Wrote));
        }
        if self.log_waits || self.next_read.is_some_and(|at| now < at) {
            return Poll::Pending;
        }
        self.next_read = None;
        self.poll_read(context, now)
    }

    fn poll_read(&mut self, context: &mut Context<'_>, now: Instant) -> Poll<io::Result<Moved>> {
        BUFFER.with_borrow_mut(|memory| {
            let most = self.report.target().transcript.piece_bytes();
            let (memory, _) = memory.split_at_mut(READ_BYTES.min(most));
            let mut buffer = ReadBuf::new(memory);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
            let bytes = buffer.filled();
            if bytes.is_empty() {
                return Poll::Ready(Ok(Moved::Closed));
            }
            let report = self.report;
            let log_waits = self
                .engine
                .handle_bytes(now, bytes, &mut self.scratch, |text| report.output(text));
            let quiet = self.last_read.is_none_or(|last| now - last > 4 * GATHER);
            let eager = self.eager_until.is_some_and(|until| now < until);
            self.next_read =
                (bytes.len() < SMALL_READ_BYTES && !quiet && !eager).then(|| now + GATHER);
            self.last_read = Some(now);
            Poll::Ready(Ok(Moved::Read(log_waits)))
        })
    }
}
