//! The actor of a text target: makes its link, talks over it, and makes it again when it is lost.

use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use super::connector::{Connector, DISCONNECTED, Next};
use super::conversation::{Conversation, End};
use super::engine::Engine;
use crate::connect::{Endpoint, Eol, Exec, Raw, RawLink, Restart, Telnet};
use crate::link::{self, Child, Exit, Listener, Program, Stream};
use crate::proto::rawchat::Guest;
use crate::proto::telnet::{self, LineSettings};
use crate::rack::State;

/// The screen that a program is told before anybody looks at it: columns, rows.
const PROGRAM_SIZE: (u16, u16) = (80, 24);
/// How long a program has to end when its terminal is gone.
const PROGRAM_GRACE: Duration = Duration::from_secs(1);

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
            Self::Raw(Raw {
                register: Some(name),
                ..
            }) => Engine::Guest(Guest::new(name)),
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
    connector: Connector,
    listener: Option<Listener>,
}

/// A link that was just made.
struct Opened {
    stream: Stream,
    /// The program behind it, if it is one.
    child: Option<Child>,
    /// Where it leads, for people.
    place: String,
}

impl TextActor {
    /// An actor that has not begun.
    pub fn new(text: Text, connector: Connector) -> Self {
        Self {
            text,
            connector,
            listener: None,
        }
    }

    /// Works until the target is removed.
    pub async fn run(mut self) {
        loop {
            let next = match self.open().await {
                Ok(opened) => self.talk(opened).await,
                Err(next) => next,
            };
            let next = match next {
                // Whoever dialled in dials in again.
                Next::Retry(reason) if self.listener.is_some() => Next::Await(reason),
                next => next,
            };
            if matches!(next, Next::Close(..)) {
                self.listener = None;
            }
            if !self.connector.proceed(next).await {
                return;
            }
        }
    }

    async fn open(&mut self) -> Result<Opened, Next> {
        let (state, detail) = self.text.attempt();
        let mut listener = self.listener.take();
        let opening = open(&self.text, &mut listener, self.connector.size);
        let opened = self.connector.open(state, &detail, opening).await?;
        self.listener = listener;
        Ok(opened)
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
        self.connector.report.notice(&connected);
        self.connector.report.state(State::Running, &connected);
        self.connector.opened();
        let begun = Instant::now();
        let (engine, eol) = (self.text.engine(self.connector.size), self.text.eol());
        let report = self.connector.report.clone();
        let mut conversation = Conversation::new(&report, &place, stream, engine, eol);
        let end = conversation
            .run(&mut self.connector.asks, &self.connector.stop)
            .await;
        self.connector.size = conversation.size().or(self.connector.size);
        let leaver = conversation.leaver();
        self.connector.backoff.lived(begun.elapsed());
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
        let reason = match self.connector.backoff.thrown_out() {
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
