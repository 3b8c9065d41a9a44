//! What people ask of a debugger: what waits for its turn, what does not, and what ends a command that takes long.

use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::commands;
use super::debugger::{Debugger, End, Phase};
use crate::target::keys::unescape;
use crate::target::{Answer, Ask, CTRL_C, REQUESTS, Request};

/// A command that takes longer is ended by a `.break` or a `.disconnect` that comes after it; those wait for shorter ones,
/// so that lines of a script that are sent at once are carried out one after the other. It is when a command tells how
/// far it is, and how it is ended.
const LONG: Duration = super::progress::EVERY;

/// A request that is being carried out.
#[derive(Debug)]
pub struct UnderWay {
    began: Instant,
    what: What,
    /// It was told to end.
    given_up: bool,
}

/// What is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    /// A command.
    Command,
    /// One that lets the target run: what comes behind it counts on that.
    LettingRun,
    /// A break-in.
    BreakIn,
}

impl UnderWay {
    fn new(request: &Request) -> Self {
        let what = match request {
            Request::Line(line) | Request::Debugger(line) if commands::lets_run(line) => {
                What::LettingRun
            }
            Request::Break => What::BreakIn,
            _ => What::Command,
        };
        Self {
            began: Instant::now(),
            what,
            given_up: false,
        }
    }

    fn takes_long(&self) -> bool {
        self.began.elapsed() >= LONG
    }
}

impl Debugger<'_> {
    /// Takes what somebody asked: most waits for its turn, questions about the link and interrupts do not.
    pub(super) fn take(&mut self, ask: Ask) {
        match &ask.request {
            Request::Interrupt => self.interrupt(ask),
            Request::Keys(keys) if keys.contains(&CTRL_C) => self.interrupt(ask),
            Request::Escaped(text) if unescape(text).is_ok_and(|keys| keys.contains(&CTRL_C)) => {
                self.interrupt(ask);
            }
            Request::Describe => self.answer(ask, Ok(self.describe())),
            Request::Debugger(line) if line == ".diag" => {
                let text = self.diagnosis();
                self.reply(ask, Ok(text));
            }
            Request::Connect => self.answer(ask, Ok("already connected".to_owned())),
            // A step may never end: what ends it does not wait for it.
            Request::Disconnect if self.is_stepping() || self.is_long_under_way() => {
                self.disconnect(ask);
            }
            Request::Resize { .. } => self.answer(ask, Ok(String::new())),
            _ if self.queue.len() >= REQUESTS => {
                let reason = format!("{REQUESTS} commands wait already");
                self.reply(ask, Err(reason));
            }
            _ => {
                if ask.request == Request::Break {
                    if self.is_stepping() {
                        self.break_in();
                    } else if self.is_long_under_way() && !self.is_breaking_in() {
                        self.interrupted = true;
                    }
                }
                self.queue.push_back(ask);
            }
        }
    }

    /// Whether a command waits for a stop that nobody asked the target for.
    fn is_stepping(&self) -> bool {
        self.awaited && self.break_in_again.is_none() && matches!(self.phase, Phase::Running)
    }

    fn is_long_under_way(&self) -> bool {
        self.under_way.as_ref().is_some_and(UnderWay::takes_long)
    }

    fn is_breaking_in(&self) -> bool {
        let under_way = self.under_way.as_ref();
        under_way.is_some_and(|under_way| under_way.what == What::BreakIn)
    }

    /// When the command under way is given up for what waits behind it, if that is to end it.
    pub(super) fn gives_way_at(&self) -> Option<Instant> {
        let under_way = self.under_way.as_ref()?;
        let behind = &self.queue.front()?.request;
        let ends_it = matches!(behind, Request::Break | Request::Disconnect)
            && under_way.what == What::Command
            && !under_way.given_up;
        ends_it.then(|| under_way.began + LONG)
    }

    /// Gives up the command under way for what waits behind it, if it is time.
    pub(super) fn give_way(&mut self) {
        if self.gives_way_at().is_none_or(|at| at > Instant::now()) {
            return;
        }
        if let Some(under_way) = &mut self.under_way {
            under_way.given_up = true;
        }
        match self.queue.pop_front() {
            Some(goodbye) if goodbye.request == Request::Disconnect => self.disconnect(goodbye),
            Some(behind) => {
                self.interrupted = true;
                self.queue.push_front(behind);
            }
            None => {}
        }
    }

    /// Somebody pressed Ctrl-C: what is being done is given up, what waits is dropped, and a running target is stopped.
    fn interrupt(&mut self, ask: Ask) {
        for waiting in self.queue.drain(..) {
            waiting.answer.send(Err("interrupted".to_owned())).ok();
        }
        match self.phase {
            Phase::Stopped(_) | Phase::Asking(_) => self.interrupted = true,
            Phase::Silent | Phase::Running => {
                self.interrupted = self.awaited;
                self.break_in();
            }
        }
        self.answer(ask, Ok(String::new()));
    }

    /// The connection is to end, with whatever is done over it.
    fn disconnect(&mut self, ask: Ask) {
        if let Phase::Stopped(_) | Phase::Asking(_) = self.phase {
            self.connector
                .report
                .notice("the target stays stopped until a debugger lets it go on");
        }
        self.end = Some(End::Disconnected(ask.answer));
    }

    pub(super) async fn carry_out(&mut self, ask: Ask) {
        // What was interrupted is over.
        self.interrupted = false;
        self.under_way = Some(UnderWay::new(&ask.request));
        let result = match &ask.request {
            Request::Debugger(text) if self.is_asking() && !text.starts_with(".prompt ") => Err(
                "it waits for an answer to what it asks; a line, or .prompt ANSWER, is that"
                    .to_owned(),
            ),
            Request::Line(text) | Request::Debugger(text) => {
                let text = text.clone();
                commands::run(self, &text).await
            }
            Request::Break => self.stop_for_break().await,
            Request::Disconnect => return self.disconnect(ask),
            Request::Keys(_) | Request::Escaped(_) => {
                Err("a debugger takes lines, and Ctrl-C".to_owned())
            }
            Request::Baud(_) | Request::Modem { .. } => Err(
                "the line belongs to the debugger; its speed is in the connection string"
                    .to_owned(),
            ),
            // These were answered when they came.
            Request::Interrupt | Request::Describe | Request::Connect | Request::Resize { .. } => {
                Ok(String::new())
            }
        };
        self.under_way = None;
        self.connector.report.prompt(&self.prompt());
        self.reply(ask, result);
    }

    /// Answers what is to be seen by everybody who looks at the target.
    fn reply(&self, ask: Ask, result: Answer) {
        match &result {
            // Who only follows what happens to the target is not to miss what a breakpoint does.
            Ok(text) | Err(text) if ask.answer.is_closed() => {
                if !text.is_empty() {
                    self.connector.report.notice(text);
                }
            }
            Ok(text) => self.connector.report.reply(text),
            Err(reason) => self.connector.report.refusal(reason),
        }
        self.answer(ask, result);
    }

    /// A line to carry out before anything else: what a breakpoint does.
    pub(super) fn do_next(&mut self, line: String) {
        // Nobody waits for the answer; everybody sees it.
        let (answer, _) = oneshot::channel();
        self.queue.push_front(Ask {
            request: Request::Debugger(line),
            answer,
        });
    }

    fn answer(&self, ask: Ask, result: Answer) {
        // Whoever asked may be gone.
        ask.answer.send(result).ok();
    }

    fn is_asking(&self) -> bool {
        matches!(self.phase, Phase::Asking(_))
    }
}
