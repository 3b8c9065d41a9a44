//! Signals: what ends, stops and resumes the screen from outside.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Turn;

/// Signals that end the screen, and the one that says it goes on.
pub(super) struct Stops {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
    stop: Signal,
    resume: Signal,
}

impl Stops {
    /// Listens to them from now on.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            stop: signal(SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw()))?,
            resume: signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?,
        })
    }

    /// The next that comes.
    pub(super) async fn next(&mut self) -> Turn {
        tokio::select! {
            _ = self.hangup.recv() => Turn::Hangup,
            _ = self.terminate.recv() => Turn::Stop,
            _ = self.interrupt.recv() => Turn::Stop,
            _ = self.stop.recv() => Turn::Suspend,
            _ = self.resume.recv() => Turn::Resume,
        }
    }
}
