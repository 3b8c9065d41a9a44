//! The actor of a text target: makes its link, talks over it, and makes it again when it is lost.

use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::backoff::{Backoff, Pauses};
use super::conversation::{Conversation, End};
use super::engine::Engine;
use super::report::Report;
use super::{Answer, Ask, Request};
use crate::connect::{Endpoint, Eol, Exec, Raw, RawLink, Restart, Telnet};
use crate::link::{self, Child, Exit, Listener, Program, Stream};
use crate::proto::telnet::{self, LineSettings};
use crate::rack::State;

/// The screen that a program is told before anybody looks at it: columns, rows.
const PROGRAM_SIZE: (u16, u16) = (80, 24);
/// How long a program has to end when its terminal is gone.
const PROGRAM_GRACE: Duration = Duration::from_secs(1);
/// Why a target is closed that somebody disconnected.
const DISCONNECTED: &str = "disconnected";

/// What kind of text target, and how to reach it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Text {
    /// A byte stream without a protocol.
    Raw(Raw),
    /// A terminal server.
    Telnet(Telnet),
    /// A program on a pseudo-terminal.
    Exec(Exec),
}

impl Text {
    fn eol(&self) -> Eol {
        match self {
            Self::Raw(raw) => raw.eol,
            Self::Telnet(telnet) => telnet.eol,
            Self::Exec(exec) => exec.eol,
        }
    }

    /// The engine for a new connection; `size` is that of the screen that shows the target.
    fn engine(&self, size: Option<(u16, u16)>) -> Engine {
        match self {
            Self::Telnet(telnet) => {
                let line = LineSettings::from(telnet.line.clone());
                Engine::Telnet(Box::new(telnet::Telnet::new(telnet::Options {
                    line,
                    window: size,
                    ..Default::default()
                })))
            }
            Self::Raw(_) | Self::Exec(_) => Engine::Raw,
        }
    }

    /// What is being done while the link is made, and the state that this is.
    fn attempt(&self) -> (State, String) {
        match self {
            Self::Raw(Raw {
                link: RawLink::Dial(endpoint),
                ..
            }) => (State::Connecting, format!("opening {endpoint}")),
            Self::Raw(Raw {
                link: RawLink::Listen { port, .. },
                ..
            }) => (
                State::Waiting,
                format!("waiting for the target to dial in on TCP port {port}"),
            ),
            Self::Telnet(telnet) => (
                State::Connecting,
                format!("opening {}:{}", telnet.host, telnet.port),
            ),
            Self::Exec(exec) => (State::Connecting, format!("starting {}", exec.command)),
        }
    }
}

/// The actor of one text target.
#[derive(Debug)]
pub struct TextActor {
    text: Text,
    report: Report,
    asks: mpsc::Receiver<Ask>,
    stop: CancellationToken,
    pauses: watch::Receiver<Pauses>,
    backoff: Backoff,
    listener: Option<Listener>,
    /// The last size that a screen asked for.
    size: Option<(u16, u16)>,
    /// The last reason that was noted, so that a target which stays away does not fill its transcript.
    noted: String,
}

/// A link that was just made.
struct Opened {
    stream: Stream,
    /// The program behind it, if it is one.
    child: Option<Child>,
    /// Where it leads, for people.
    place: String,
}

/// What to do after a connection ended or could not be made.
enum Next {
    /// Try again after the pause.
    Retry(String),
    /// Stay closed until somebody asks. Whoever asked for this waits for the answer.
    Close(String, Option<oneshot::Sender<Answer>>),
    /// The target is to go.
    End,
}

impl TextActor {
    /// An actor that has not begun.
    pub fn new(
        text: Text,
        report: Report,
        asks: mpsc::Receiver<Ask>,
        stop: CancellationToken,
        pauses: watch::Receiver<Pauses>,
    ) -> Self {
        Self {
            text,
            report,
            asks,
            stop,
            pauses,
            backoff: Backoff::default(),
            listener: None,
            size: None,
            noted: String::new(),
        }
    }

    /// Works until the target is removed.
    pub async fn run(mut self) {
        loop {
            let next = match self.open().await {
                Ok(Some(opened)) => self.talk(opened).await,
                Ok(None) => Next::End,
                Err(next) => next,
            };
            let go_on = match next {
                Next::Retry(reason) => self.pause(&reason).await,
                Next::Close(reason, asked) => self.stay_closed(&reason, asked).await,
                Next::End => false,
            };
            if !go_on {
                return;
            }
        }
    }

    /// Makes the link. `None` when the target is to go.
    async fn open(&mut self) -> Result<Option<Opened>, Next> {
        // A target that is lost stays so on the screen while it is tried again.
        let (state, detail) = self.text.attempt();
        if state == State::Waiting || self.report.target().status.state() != State::Lost {
            self.report.state(state, &detail);
        }
        let text = self.text.clone();
        let size = self.size;
        let mut listener = self.listener.take();
        let opened = {
            let open = open(&text, &mut listener, size);
            tokio::pin!(open);
            loop {
                tokio::select! {
                    biased;
                    () = self.stop.cancelled() => return Ok(None),
                    Some(ask) = self.asks.recv() => match ask.request {
                        Request::Disconnect => {
                            return Err(Next::Close(DISCONNECTED.to_owned(), Some(ask.answer)));
                        }
                        Request::Connect => drop(ask.answer.send(Ok(detail.clone()))),
                        _ => refuse(ask, &self.report, &mut self.size, &detail),
                    },
                    opened = &mut open => break opened,
                }
            }
        };
        if opened.is_ok() {
            self.listener = listener;
        }
        opened
            .map(Some)
            .map_err(|error| Next::Retry(error.to_string()))
    }

    async fn talk(&mut self, opened: Opened) -> Next {
        let Opened {
            stream,
            child,
            place,
        } = opened;
        let connected = match &child {
            Some(_) => format!("started {place}"),
            None => format!("connected to {place}"),
        };
        self.report.notice(&connected);
        self.report.state(State::Running, &connected);
        self.noted.clear();
        let begun = Instant::now();
        let (engine, eol) = (self.text.engine(self.size), self.text.eol());
        let report = self.report.clone();
        let mut conversation = Conversation::new(&report, &place, stream, engine, eol);
        let end = conversation.run(&mut self.asks, &self.stop).await;
        self.size = conversation.size().or(self.size);
        let leaver = conversation.leaver();
        self.backoff.lived(begun.elapsed());
        let exit = match child {
            Some(mut child) => Some(child.stop(PROGRAM_GRACE).await),
            None => None,
        };
        match (end, exit) {
            (End::Removed, _) => Next::End,
            (End::Disconnected, _) => Next::Close(DISCONNECTED.to_owned(), leaver),
            (End::Closed | End::Failed(_), Some(exit)) => self.ended(exit),
            (End::Closed, None) => self.lost("connection closed by the target"),
            (End::Failed(reason), None) => self.lost(&reason),
        }
    }

    /// A program ended.
    fn ended(&self, exit: io::Result<Exit>) -> Next {
        let (reason, failed) = match exit {
            Ok(exit) => (format!("the program ended: {exit}"), !exit.success()),
            Err(error) => (
                format!("the program ended, its status is unknown: {error}"),
                true,
            ),
        };
        let restart = match &self.text {
            Text::Exec(exec) => exec.restart,
            Text::Raw(_) | Text::Telnet(_) => Restart::Always,
        };
        let again = restart == Restart::Always || (restart == Restart::Failure && failed);
        if again {
            Next::Retry(reason)
        } else {
            Next::Close(reason, None)
        }
    }

    fn lost(&self, reason: &str) -> Next {
        let reconnect = match &self.text {
            Text::Raw(raw) => raw.reconnect,
            Text::Telnet(telnet) => telnet.reconnect,
            Text::Exec(_) => true,
        };
        let reason = match self.backoff.thrown_out() {
            Some(times) => {
                format!("{reason}, {times} times at once: somebody else may have this console")
            }
            None => reason.to_owned(),
        };
        if reconnect {
            Next::Retry(reason)
        } else {
            Next::Close(reason, None)
        }
    }

    /// Waits before the next try. False when the target is to go.
    async fn pause(&mut self, reason: &str) -> bool {
        self.note(reason);
        if self.listener.is_some() {
            return true;
        }
        let pauses = *self.pauses.borrow();
        let pause = self.backoff.pause(pauses, fastrand::f64());
        let detail = format!("{reason}; next try in {}", spoken(pause));
        self.report.state(State::Lost, &detail);
        let sleep = tokio::time::sleep(pause);
        tokio::pin!(sleep);
        loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return false,
                Some(ask) = self.asks.recv() => match ask.request {
                    Request::Connect => {
                        self.backoff.restart();
                        ask.answer.send(Ok("trying now".to_owned())).ok();
                        return true;
                    }
                    Request::Disconnect => {
                        return self.stay_closed(DISCONNECTED, Some(ask.answer)).await;
                    }
                    _ => refuse(ask, &self.report, &mut self.size, &detail),
                },
                () = &mut sleep => return true,
            }
        }
    }

    /// Waits until somebody asks to connect. False when the target is to go.
    async fn stay_closed(&mut self, reason: &str, asked: Option<oneshot::Sender<Answer>>) -> bool {
        self.listener = None;
        self.note(reason);
        self.report.state(State::Closed, reason);
        if let Some(asked) = asked {
            // Whoever asked may be gone.
            asked.send(Ok(String::new())).ok();
        }
        loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return false,
                ask = self.asks.recv() => match ask {
                    None => return false,
                    Some(Ask { request: Request::Connect, answer }) => {
                        self.backoff.restart();
                        answer.send(Ok("connecting".to_owned())).ok();
                        return true;
                    }
                    Some(Ask { request: Request::Disconnect, answer }) => drop(answer.send(Ok("it is".to_owned()))),
                    Some(ask) => refuse(ask, &self.report, &mut self.size, reason),
                },
            }
        }
    }

    /// Notes a reason in the transcript, unless it is the one noted last.
    fn note(&mut self, reason: &str) {
        if self.noted != reason {
            self.report.notice(reason);
            reason.clone_into(&mut self.noted);
        }
    }
}

/// Answers what needs a connection while there is none.
fn refuse(ask: Ask, report: &Report, size: &mut Option<(u16, u16)>, detail: &str) {
    let answer = match &ask.request {
        Request::Describe => Ok(String::new()),
        Request::Resize { columns, rows } => {
            *size = Some((*columns, *rows));
            Ok(String::new())
        }
        _ => Err(format!(
            "{} is not connected: {detail}",
            report.target().name
        )),
    };
    if let (Err(reason), true) = (&answer, ask.request.typed().is_some()) {
        report.refusal(reason);
    }
    // Whoever asked may be gone.
    ask.answer.send(answer).ok();
}

async fn open(
    text: &Text,
    listener: &mut Option<Listener>,
    size: Option<(u16, u16)>,
) -> Result<Opened, link::Error> {
    let linked = |stream, place: String| Opened {
        stream,
        child: None,
        place,
    };
    match text {
        Text::Raw(Raw {
            link: RawLink::Dial(endpoint),
            ..
        }) => {
            let stream = match endpoint {
                Endpoint::Tcp { host, port } => link::dial_tcp(host, *port).await?,
                Endpoint::Unix { path } => link::dial_unix(path).await?,
                Endpoint::Serial(line) => Stream::Serial(link::open_serial(line)?),
            };
            Ok(linked(stream, endpoint.to_string()))
        }
        Text::Raw(Raw {
            link: RawLink::Listen { port, bind },
            ..
        }) => {
            if listener.is_none() {
                let any = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
                *listener = Some(link::listen_tcp(bind.unwrap_or(any), *port).await?);
            }
            match listener {
                Some(listener) => listener
                    .accept()
                    .await
                    .map(|(stream, peer)| linked(stream, peer.to_string())),
                None => std::future::pending().await,
            }
        }
        Text::Telnet(telnet) => {
            let stream = link::dial_tcp(&telnet.host, telnet.port).await?;
            Ok(linked(stream, format!("{}:{}", telnet.host, telnet.port)))
        }
        Text::Exec(exec) => {
            let program = Program::Shell(exec.command.clone().into());
            let (stream, child) = link::spawn_pty(&program, size.unwrap_or(PROGRAM_SIZE), None)?;
            Ok(Opened {
                stream,
                child: Some(child),
                place: exec.command.clone(),
            })
        }
    }
}

/// A duration as people say it.
fn spoken(duration: Duration) -> String {
    match duration.as_secs_f64() {
        seconds if seconds < 10.0 => format!("{seconds:.1} s"),
        seconds => format!("{seconds:.0} s"),
    }
}
