//! Waiting for a stop, and asking for one.

use std::time::{Duration, Instant};

use super::debugger::{Debugger, Phase};
use super::fault::Fault;
use super::link::Engine;
use super::resume::Go;
use crate::rack::State;
use crate::target::Answer;

/// A break-in that brought no stop is repeated after this: a byte may be lost, and a busy machine looks seldom.
const BREAK_IN_AGAIN: Duration = Duration::from_secs(1);
/// A step that takes no longer is not seen to run.
const STEP_UNSEEN: Duration = Duration::from_millis(300);
/// How often a target on a byte stream is reset until something is heard of it, unless the connection string says.
const RESETS: u32 = 10;
/// A reset that nothing came of is repeated after this: a target takes one that follows another for the same.
const RESET_AGAIN: Duration = Duration::from_secs(2);
/// How long a stop is waited for in all.
const BREAK_IN: Duration = Duration::from_secs(30);

impl Debugger<'_> {
    /// Waits until the target is stopped, having asked for it if `asked`.
    ///
    /// # Errors
    /// [`Fault::Interrupted`], [`Fault::Lost`], or [`Fault::NoStop`] if it was asked and does not stop.
    pub(super) async fn wait_for_stop(&mut self, asked: bool) -> Result<(), Fault> {
        let deadline = asked.then(|| Instant::now() + BREAK_IN);
        let mut shown_running = Some(Instant::now() + STEP_UNSEEN).filter(|_| !asked);
        if asked {
            self.break_in();
        }
        loop {
            if asked && std::mem::take(&mut self.restarted) {
                // It is the same to whoever wants a stop.
                self.forget_machine();
                self.break_in();
            }
            if let Some(change) = self.change.take() {
                self.handle_change(*change).await;
            }
            if let Phase::Stopped(_) | Phase::Asking(_) = self.phase {
                return Ok(());
            }
            if deadline.is_some_and(|at| Instant::now() >= at) {
                self.break_in_again = None;
                return Err(self.no_stop());
            }
            // An interrupt has sent a break-in already: what it wants comes as a stop.
            if let Err(fault) = self.check_interrupt()
                && (asked || !matches!(fault, Fault::Interrupted))
            {
                self.break_in_again = None;
                return Err(fault);
            }
            if shown_running.take_if(|at| Instant::now() >= *at).is_some() {
                let detail = "runs until the step is done; Ctrl+C or .break stops it";
                self.connector.report.state(State::Running, detail);
                self.connector.report.prompt("");
            }
            self.step(deadline.or(shown_running)).await;
        }
    }

    /// Lets the target go on and waits for its next stop, which is told as the answer to a command.
    ///
    /// # Errors
    /// Those of [`Debugger::go`] and [`Debugger::wait_for_stop`].
    pub(super) async fn go_and_wait(&mut self, go: Go) -> Result<(), Fault> {
        self.awaited = true;
        self.stop_text.clear();
        let mut stopped = self.go(go).await;
        if stopped.is_ok() {
            stopped = self.wait_for_stop(false).await;
        }
        self.awaited = false;
        stopped
    }

    pub(super) fn break_in(&mut self) {
        self.link.break_in();
        let now = Instant::now();
        self.break_in_again = Some((now + BREAK_IN_AGAIN, now + BREAK_IN));
    }

    /// Begins to look for a target on a byte stream: one that waits for a lost debugger tells again what it waits with.
    /// `times` is how often it is reset at most, 0 without end.
    pub(super) fn look_for_target(&mut self, times: Option<u32>) {
        let times = match times {
            Some(0) => u32::MAX,
            times => times.unwrap_or(RESETS),
        };
        self.link.reset();
        self.reset_again = Some((Instant::now() + RESET_AGAIN, times.saturating_sub(1)));
    }

    pub(super) fn repeat_reset(&mut self) {
        let Some((again, left)) = self.reset_again else {
            return;
        };
        if left == 0 || !matches!(self.phase, Phase::Silent) {
            self.reset_again = None;
        } else if Instant::now() >= again {
            self.link.reset();
            self.reset_again = Some((Instant::now() + RESET_AGAIN, left - 1));
        }
    }

    pub(super) fn repeat_break_in(&mut self) {
        let now = Instant::now();
        match self.break_in_again {
            Some((_, until)) if until <= now => {
                self.break_in_again = None;
                if !self.awaited {
                    let fault = self.no_stop();
                    self.connector.report.notice(&fault.to_string());
                }
            }
            Some((again, until)) if again <= now => {
                // It is stopped for a moment and goes on by itself, perhaps: then it is asked again.
                if let Phase::Silent | Phase::Running = self.phase {
                    self.link.repeat_break_in();
                }
                self.break_in_again = Some((now + BREAK_IN_AGAIN, until));
            }
            _ => {}
        }
    }

    /// Why a break-in brought no stop.
    fn no_stop(&self) -> Fault {
        if self.never_called() {
            Fault::NoCall(BREAK_IN)
        } else {
            Fault::NoStop(BREAK_IN)
        }
    }

    /// Whether it is a target that calls, and has not done so yet.
    pub(super) fn never_called(&self) -> bool {
        matches!(self.link.engine(), Engine::Net(net) if net.peer().is_none())
            && self.known.peer.is_none()
    }

    pub(super) async fn stop_for_break(&mut self) -> Answer {
        match self.phase {
            Phase::Stopped(_) => return Ok("it is stopped already".to_owned()),
            Phase::Asking(_) => return Err("it waits for an answer to what it asks".to_owned()),
            Phase::Silent if self.never_called() => {
                self.connector.report.notice(
                    "it has not called yet: it is stopped when it does; .diag tells what came",
                );
            }
            Phase::Silent | Phase::Running => {}
        }
        self.awaited = true;
        let stopped = self.wait_for_stop(true).await;
        self.awaited = false;
        match stopped {
            Ok(()) => Ok(std::mem::take(&mut self.stop_text)),
            Err(fault) => Err(fault.to_string()),
        }
    }
}
