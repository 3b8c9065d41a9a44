//! One actor per target: it owns the link, drives the protocol engine and appends to the transcript.

pub mod backoff;
mod connector;
mod conversation;
pub mod debugger;
mod engine;
mod holder;
mod kd;
pub mod keys;
pub mod netconsole;
mod outgoing;
pub mod report;
#[cfg(test)]
mod tests;
mod text;

use std::borrow::Cow;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use self::backoff::Pauses;
use self::connector::Connector;
use self::kd::{KdActor, Place};
use self::netconsole::{NetconsoleActor, Ports};
use self::report::Report;
use self::text::{Text, TextActor};
use crate::connect::{TargetLink, TargetString};
use crate::rack::State;

pub use self::holder::Holders;

/// Requests that may wait for one target. More are refused: somebody pastes faster than the target reads.
pub const REQUESTS: usize = 4096;

/// The key that interrupts.
pub const CTRL_C: u8 = 3;
/// Said to debuggers' commands where there is no debugger.
const NO_DEBUGGER: &str = "that is a debugger's command, and this target is a text console; ..TEXT sends a line that begins with a dot";

/// What somebody asks a target's actor to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// Send this line, with the target's line ending.
    Line(String),
    /// Carry out a debugger's command that can be nothing else: one that begins with a dot, such as `.bugcheck`, or that a
    /// key stands for. Never taken for an answer to what a target asks.
    Debugger(String),
    /// Send these bytes as they are: keys of raw mode. A debugger takes Ctrl-C out of them.
    Keys(Vec<u8>),
    /// Send a break (serial, telnet, RFC 2217), or stop a debug target, when all that was asked before is done.
    Break,
    /// Interrupt what goes on, at once: Ctrl-C. Text targets get it as a key; a debugger gives up what it does and stops
    /// its target.
    Interrupt,
    /// Connect now, without waiting for the next try, or again after a disconnect.
    Connect,
    /// Disconnect, and stay so until asked to connect.
    Disconnect,
    /// Tell the target the size of the screen that shows it.
    Resize {
        /// Columns.
        columns: u16,
        /// Rows.
        rows: u16,
    },
    /// Change the baud rate of the serial line, here or behind an RFC 2217 server.
    Baud(u32),
    /// Set or clear a modem line.
    Modem {
        /// Which.
        line: ModemLine,
        /// On or off.
        on: bool,
    },
    /// Tell all that is known about the link, for people.
    Describe,
    /// Send the keys that this text stands for, see [`keys::unescape`]. Unlike keys of raw mode they are one command.
    Escaped(String),
}

impl Request {
    /// How it is spelled at the command line, for the transcript. `None` for questions, and for keys of raw mode: each of
    /// them is no command, the host puts them together.
    pub fn typed(&self) -> Option<Cow<'_, str>> {
        Some(match self {
            Self::Line(text) | Self::Debugger(text) => Cow::Borrowed(text.as_str()),
            Self::Escaped(text) => Cow::Owned(format!(".keys {text}")),
            Self::Break => Cow::Borrowed(".break"),
            Self::Interrupt => Cow::Borrowed("^C"),
            Self::Connect => Cow::Borrowed(".connect"),
            Self::Disconnect => Cow::Borrowed(".disconnect"),
            Self::Baud(rate) => Cow::Owned(format!(".baud {rate}")),
            Self::Modem { line, on } => {
                let line = match line {
                    ModemLine::Dtr => "dtr",
                    ModemLine::Rts => "rts",
                };
                Cow::Owned(format!(".{line} {}", if *on { "on" } else { "off" }))
            }
            Self::Keys(_) | Self::Resize { .. } | Self::Describe => return None,
        })
    }
}

/// An output line of a serial port's modem control.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ModemLine {
    /// Data terminal ready.
    Dtr,
    /// Request to send.
    Rts,
}

/// What came of a request: text for people, often empty, or why it could not be done.
pub type Answer = Result<String, String>;

/// A request with the way its answer goes back.
#[derive(Debug)]
pub struct Ask {
    /// What to do.
    pub request: Request,
    /// Where the answer goes; nobody may be waiting any more.
    pub answer: oneshot::Sender<Answer>,
}

/// The way to a target's actor.
#[derive(Debug, Clone)]
pub struct Control(mpsc::Sender<Ask>);

impl Control {
    /// A way and the actor's end of it.
    pub fn new() -> (Self, mpsc::Receiver<Ask>) {
        let (sender, receiver) = mpsc::channel(REQUESTS);
        (Self(sender), receiver)
    }

    /// Queues a request, in the order of the calls. The answer comes when it was carried out.
    pub fn ask(&self, request: Request) -> oneshot::Receiver<Answer> {
        let (answer, receiver) = oneshot::channel();
        if let Err(refused) = self.0.try_send(Ask { request, answer }) {
            let (reason, ask) = match refused {
                mpsc::error::TrySendError::Full(ask) => {
                    (format!("{REQUESTS} requests wait already"), ask)
                }
                mpsc::error::TrySendError::Closed(ask) => {
                    ("the target was removed".to_owned(), ask)
                }
            };
            // The receiver is ours and still there.
            ask.answer.send(Err(reason)).ok();
        }
        receiver
    }
}

/// What an actor works with.
#[derive(Debug)]
pub struct Work {
    /// Its way to the world.
    pub report: Report,
    /// What people ask.
    pub asks: mpsc::Receiver<Ask>,
    /// When it is to end.
    pub stop: CancellationToken,
    /// Between tries to connect; may change.
    pub pauses: watch::Receiver<Pauses>,
    /// The UDP ports of netconsole targets.
    pub ports: Ports,
    /// Who else may have its port or device.
    pub holders: Holders,
}

/// Runs the actor of a target until it is stopped. One that fails inside takes nothing else with it: its target is
/// closed, and says so.
pub async fn run(connect: TargetString, work: Work) {
    let report = work.report.clone();
    let actor = AssertUnwindSafe(drive(connect, work));
    if actor.catch_unwind().await.is_err() {
        const FAILED: &str =
            "a part of kdeck failed, and this target with it; .remove and .add bring it back";
        report.target().transcript.end_line();
        report.notice(FAILED);
        report.state(State::Closed, FAILED);
    }
}

async fn drive(connect: TargetString, work: Work) {
    let Work {
        report,
        asks,
        stop,
        pauses,
        ports,
        holders,
    } = work;
    let local = connect.local_port();
    let connector = |report, asks, stop, pauses| {
        Connector::new(report, asks, stop, pauses).needs(local, holders)
    };
    let refusal = connect.not_served();
    let text = match connect.link {
        TargetLink::Raw(raw) => Text::Raw(raw),
        TargetLink::Telnet(telnet) => Text::Telnet(telnet),
        TargetLink::Exec(exec) => Text::Exec(exec),
        TargetLink::Netconsole { port, source } => {
            return NetconsoleActor {
                port,
                source,
                report,
                asks,
                stop,
                pauses,
                ports,
            }
            .run()
            .await;
        }
        TargetLink::Net(net) => {
            let connector = connector(report, asks, stop, pauses);
            return KdActor::new(Place::Net(net), connector).run().await;
        }
        TargetLink::Kd(line) => {
            let connector = connector(report, asks, stop, pauses);
            return KdActor::new(Place::Line(line), connector).run().await;
        }
        TargetLink::Gdb(_) | TargetLink::Ieee1394 { .. } | TargetLink::Usb { .. } => {
            return refuse_all(refusal.unwrap_or_default(), &report, asks, &stop).await;
        }
    };
    TextActor::new(text, connector(report, asks, stop, pauses))
        .run()
        .await;
}

/// Stands for a target of a kind that is understood but not driven.
async fn refuse_all(
    reason: &str,
    report: &Report,
    mut asks: mpsc::Receiver<Ask>,
    stop: &CancellationToken,
) {
    report.notice(reason);
    report.state(State::Closed, reason);
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            Some(ask) = asks.recv() => drop(ask.answer.send(Err(reason.to_owned()))),
        }
    }
}
