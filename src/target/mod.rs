//! One actor per target: it owns the link, drives the protocol engine and appends to the transcript.

use tokio::sync::{mpsc, oneshot};

/// Requests that may wait for one target. More are refused: somebody pastes faster than the target reads.
pub const REQUESTS: usize = 4096;

/// What somebody asks a target's actor to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Send this line, with the target's line ending.
    Line(String),
    /// Send these bytes as they are: keys of raw mode.
    Keys(Vec<u8>),
    /// Send a break (serial, telnet, RFC 2217).
    Break,
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
}

/// An output line of a serial port's modem control.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
