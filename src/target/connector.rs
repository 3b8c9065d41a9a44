//! What every actor does that keeps one link: it opens it, waits between two tries, stays closed when told to.
//!
//! It knows no protocol; what is done over the open link is the actor's own.

use std::pin::pin;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::backoff::{Backoff, Pauses};
use super::report::Report;
use super::{Answer, Ask, Holders, Request};
use crate::connect::LocalPort;
use crate::link;
use crate::rack::State;

/// Why a target is closed that somebody disconnected.
pub const DISCONNECTED: &str = "disconnected";

/// The part of an actor that is there when its link is not.
#[derive(Debug)]
pub struct Connector {
    /// Its way to the world.
    pub report: Report,
    /// What people ask.
    pub asks: mpsc::Receiver<Ask>,
    /// When it is to end.
    pub stop: CancellationToken,
    /// When the link is tried again.
    pub backoff: Backoff,
    /// The last size that a screen asked for: columns, rows.
    pub size: Option<(u16, u16)>,
    pauses: watch::Receiver<Pauses>,
    /// The last reason that was noted, so that a target which stays away does not fill its transcript.
    noted: String,
    /// What of this machine the link needs for itself, and who tells which other program has it.
    needs: Option<(LocalPort, Holders)>,
}

/// What to do after a link ended or could not be made.
#[derive(Debug)]
pub enum Next {
    /// Try again after the pause.
    Retry(String),
    /// Try again at once: it is for the other side to come.
    Await(String),
    /// Stay closed until somebody asks. Whoever asked for this waits for the answer.
    Close(String, Option<oneshot::Sender<Answer>>),
    /// The target is to go.
    End,
}

impl Connector {
    /// For an actor that has not begun.
    pub fn new(
        report: Report,
        asks: mpsc::Receiver<Ask>,
        stop: CancellationToken,
        pauses: watch::Receiver<Pauses>,
    ) -> Self {
        Self {
            report,
            asks,
            stop,
            backoff: Backoff::default(),
            size: None,
            pauses,
            noted: String::new(),
            needs: None,
        }
    }

    /// The link needs that of this machine; `holders` knows who may have it already.
    pub fn needs(mut self, local: Option<LocalPort>, holders: Holders) -> Self {
        self.needs = local.map(|local| (local, holders));
        self
    }

    /// Waits for the link that `opening` makes; `state` and `detail` tell people what is being done.
    ///
    /// # Errors
    /// What to do instead, when it cannot be made, somebody does not want it any more, or the target is to go.
    pub async fn open<T>(
        &mut self,
        state: State,
        detail: &str,
        opening: impl Future<Output = Result<T, link::Error>>,
    ) -> Result<T, Next> {
        // A target that is lost stays so on the screen while it is tried again.
        if state == State::Waiting || self.report.target().status.state() != State::Lost {
            self.report.state(state, detail);
        }
        let mut opening = pin!(opening);
        loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Err(Next::End),
                Some(ask) = self.asks.recv() => match ask.request {
                    Request::Disconnect => {
                        return Err(Next::Close(DISCONNECTED.to_owned(), Some(ask.answer)));
                    }
                    Request::Connect => drop(ask.answer.send(Ok(detail.to_owned()))),
                    _ => self.refuse(ask, detail),
                },
                opened = &mut opening => {
                    return opened.map_err(|error| Next::Retry(self.reason(error)));
                }
            }
        }
    }

    /// Why it was not made; who has the port or the device, if that is known.
    fn reason(&self, mut error: link::Error) -> String {
        if let Some((local, holders)) = &self.needs
            && error.is_in_use()
            && let Some(holder) = holders.of(local)
        {
            error.advice = holder;
        }
        error.to_string()
    }

    /// The link is made: what it was tried for is forgotten.
    pub fn opened(&mut self) {
        self.noted.clear();
    }

    /// Does what is next. True when the link is to be made, false when the target is to go.
    pub async fn proceed(&mut self, next: Next) -> bool {
        match next {
            Next::Retry(reason) => self.pause(&reason).await,
            Next::Await(reason) => {
                self.note(&reason);
                true
            }
            Next::Close(reason, asked) => self.stay_closed(&reason, asked).await,
            Next::End => false,
        }
    }

    async fn pause(&mut self, reason: &str) -> bool {
        self.note(reason);
        let pauses = *self.pauses.borrow();
        let pause = self.backoff.pause(pauses, fastrand::f64());
        let detail = format!("{reason}; next try in {}", spoken(pause));
        self.report.state(State::Lost, &detail);
        let mut sleep = pin!(tokio::time::sleep(pause));
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
                    _ => self.refuse(ask, &detail),
                },
                () = &mut sleep => return true,
            }
        }
    }

    /// Waits until somebody asks to connect. False when the target is to go.
    async fn stay_closed(&mut self, reason: &str, asked: Option<oneshot::Sender<Answer>>) -> bool {
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
                    Some(ask) => self.refuse(ask, reason),
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

    /// Answers what needs a connection while there is none.
    fn refuse(&mut self, ask: Ask, detail: &str) {
        let answer = match &ask.request {
            Request::Describe => Ok(String::new()),
            Request::Resize { columns, rows } => {
                self.size = Some((*columns, *rows));
                Ok(String::new())
            }
            _ => Err(format!(
                "{} is not connected: {detail}",
                self.report.target().name
            )),
        };
        if let (Err(reason), true) = (&answer, ask.request.typed().is_some()) {
            self.report.refusal(reason);
        }
        // Whoever asked may be gone.
        ask.answer.send(answer).ok();
    }
}

/// A duration as people say it.
fn spoken(duration: Duration) -> String {
    match duration.as_secs_f64() {
        seconds if seconds < 10.0 => format!("{seconds:.1} s"),
        seconds => format!("{seconds:.0} s"),
    }
}
