//! One connection to a Windows kernel: what it sends is sorted, what people ask waits its turn, and requests to the
//! target are made one at a time.
//!
//! Everything happens in [`Debugger::step`], one thing at a time: a packet, a question, a timer. Commands are plain
//! asynchronous functions that ask the target with [`Debugger::call`] and wait by making further steps, so that prints
//! go on to be shown and a person can interrupt. What people ask is in `asks.rs`, requests in `calls.rs`,
//! what a stop means in `stop.rs`, going on in `resume.rs`.

use std::collections::VecDeque;
use std::time::Instant;

use tokio::sync::oneshot;

use super::asks::UnderWay;
use super::fault::Fault;
use super::files;
use super::knowledge::Knowledge;
use super::link::{Engine, Link, News};
use super::stop::Stop;
use crate::proto::kd::{FromHost, FromTarget, PacketType, Prompt, Reply, StateChange};
use crate::rack::State;
use crate::target::connector::Connector;
use crate::target::debugger::ANSWER_PROMPT;
use crate::target::{Answer, Ask};

/// The longest line that a target may leave open before the next print; only its beginning is searched for a bug check.
const LAST_PRINTS_BYTES: usize = 512;

/// What the target does, as far as is known.
#[derive(Debug)]
pub enum Phase {
    /// Nothing was heard of it since the link was made.
    Silent,
    /// It runs.
    Running,
    /// It is stopped, and answers.
    Stopped(Box<Stop>),
    /// It waits for an answer to what it asks, and does nothing else.
    Asking(Prompt),
}

/// Why a connection ended.
#[derive(Debug)]
pub enum End {
    /// The link failed.
    Failed(String),
    /// Somebody asked to disconnect, and waits for the answer.
    Disconnected(oneshot::Sender<Answer>),
    /// The target is to go.
    Removed,
}

/// A connection being debugged over.
pub struct Debugger<'a> {
    pub(super) connector: &'a mut Connector,
    pub(super) link: Link,
    /// What is known of the machine and wanted of it; outlives the connection.
    pub(super) known: &'a mut Knowledge,
    pub(super) phase: Phase,
    pub(super) end: Option<End>,
    pub(super) queue: VecDeque<Ask>,
    /// The command that is being carried out.
    pub(super) under_way: Option<UnderWay>,
    /// A state change that nobody has looked at yet.
    pub(super) change: Option<Box<StateChange>>,
    /// The state change being looked at, to know its repeats.
    pub(super) current: Option<Box<StateChange>>,
    pub(super) reply: Option<Reply>,
    /// The stop that is known was told again.
    pub(super) told_again: bool,
    /// Somebody wants what is being done to be given up.
    pub(super) interrupted: bool,
    /// The machine restarted since this was last looked at.
    pub(super) restarted: bool,
    /// A command waits for the next stop and tells about it itself.
    pub(super) awaited: bool,
    /// It makes many steps, and tells of the state by itself.
    pub(super) makes_steps: bool,
    /// What the last stop looked like.
    pub(super) stop_text: String,
    /// When the break-in is repeated, while one is under way, and until when.
    pub(super) break_in_again: Option<(Instant, Instant)>,
    /// When a target on a byte stream that was not heard of yet is reset again, and how often at most.
    pub(super) reset_again: Option<(Instant, u32)>,
    log_waits: bool,
    /// The end of what was printed last: a bug check announces itself there.
    pub(super) last_prints: Vec<u8>,
}

impl<'a> Debugger<'a> {
    /// A debugger over a link that was just made.
    pub fn new(connector: &'a mut Connector, known: &'a mut Knowledge, link: Link) -> Self {
        Self {
            connector,
            link,
            known,
            phase: Phase::Silent,
            end: None,
            queue: VecDeque::new(),
            under_way: None,
            change: None,
            current: None,
            reply: None,
            told_again: false,
            interrupted: false,
            restarted: false,
            awaited: false,
            makes_steps: false,
            stop_text: String::new(),
            break_in_again: None,
            reset_again: None,
            log_waits: false,
            last_prints: Vec::new(),
        }
    }

    /// Debugs until the link ends or somebody ends it.
    pub async fn run(mut self) -> End {
        self.begin();
        let end = loop {
            if let Some(end) = self.end.take() {
                break end;
            }
            if std::mem::take(&mut self.restarted) {
                self.forget_machine();
            }
            if let Some(change) = self.change.take() {
                self.handle_change(*change).await;
            } else if let Some(ask) = self.queue.pop_front() {
                self.carry_out(ask).await;
            } else if self.has_leftovers() {
                self.clear_when_idle().await;
            } else {
                self.step(None).await;
            }
        };
        let transcript = &self.connector.report.target().transcript;
        transcript.end_line();
        for ask in self.queue.drain(..) {
            ask.answer
                .send(Err("the connection ended before it was done".to_owned()))
                .ok();
        }
        self.connector.report.prompt("");
        self.connector.report.alert("");
        end
    }

    /// Nobody wants anything of the stopped target: time to clear away what an earlier debugger left in it.
    async fn clear_when_idle(&mut self) {
        match self.clear_leftover().await {
            Ok(()) | Err(Fault::Interrupted | Fault::Lost) => {}
            Err(fault) => {
                let text = format!(
                    "breakpoints that an earlier debugger may have left could not be cleared: {fault}"
                );
                self.connector.report.notice(&text);
                self.known.leftovers = 0..0;
            }
        }
    }

    /// One thing happens: a packet, a question, a timer, or `deadline` is reached.
    pub(super) async fn step(&mut self, deadline: Option<Instant>) {
        let again = self.break_in_again.map(|(again, _)| again);
        let reset = self.reset_again.map(|(again, _)| again);
        let gives_way = self.gives_way_at();
        let wake = deadline
            .into_iter()
            .chain(again)
            .chain(reset)
            .chain(gives_way)
            .min();
        let sleep = async {
            match wake {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        let log_waits = self.log_waits;
        let target = self.connector.report.target().transcript.clone();
        tokio::select! {
            biased;
            () = self.connector.stop.cancelled() => self.end = Some(End::Removed),
            Some(ask) = self.connector.asks.recv() => self.take(ask),
            () = target.log_follows(), if log_waits => self.log_waits = false,
            news = self.link.next(), if !log_waits => self.handle(news),
            () = sleep => {
                self.repeat_break_in();
                self.repeat_reset();
                self.give_way();
            }
        }
    }

    fn handle(&mut self, news: News) {
        match news {
            News::Packet(kind, payload) => self.handle_packet(kind, &payload),
            News::Met(place) => {
                self.known.peer = Some(place.clone());
                let text = format!("connected to {place}");
                self.connector.report.notice(&text);
                self.heard(&format!("{text}, runs; .break stops it"));
            }
            News::Silent(silence) => {
                let detail = format!(
                    "lost: nothing heard for {} s; waiting for it to call again",
                    silence.as_secs()
                );
                self.connector.report.state(State::Lost, &detail);
            }
            News::Heard => self.show_phase(),
            News::Restarted(why) => {
                // The first packet of a target that was not known says so, too.
                let was_known = self.known.version.is_some()
                    || matches!(self.phase, Phase::Stopped(_) | Phase::Asking(_));
                if was_known {
                    self.restarted = true;
                    if let (Phase::Stopped(_) | Phase::Asking(_), Engine::Net(_)) =
                        (&self.phase, self.link.engine())
                    {
                        // If it is stopped still, it tells so again only if it is asked.
                        self.link.reset();
                    }
                    self.connector.report.target().transcript.end_line();
                    self.connector.report.notice(why);
                } else if self.connector.report.target().status.state() == State::Lost {
                    self.show_phase();
                }
                self.change = None;
                self.reply = None;
            }
            News::Moved(place) => {
                self.connector
                    .report
                    .notice(&format!("the target calls from {place} now"));
                self.known.peer = Some(place);
            }
            News::Unanswered(what) => self.connector.report.notice(&what),
            News::Failed(reason) => self.end = Some(End::Failed(reason)),
        }
    }

    fn handle_packet(&mut self, kind: PacketType, payload: &[u8]) {
        let message = match FromTarget::decode(kind, payload) {
            Ok(message) => message,
            Err(error) => {
                let text = format!("a packet that makes no sense was passed over: {error}");
                return self.connector.report.notice(&text);
            }
        };
        match message {
            FromTarget::Print(print) => {
                self.heard("runs; .break stops it");
                self.remember_print(&print.text);
                self.log_waits = self.connector.report.output(&print.text);
            }
            FromTarget::StateChange(change) => {
                let change = Box::new(change);
                // A repeat of the stop that is known, after a reset or a lost acknowledgement.
                if self.current.as_deref() == Some(&*change) {
                    self.told_again = true;
                    // A target takes registers only from who read them since it told its stop.
                    self.known.contexts.clear();
                } else {
                    self.change = Some(change);
                }
            }
            FromTarget::Reply(reply) => self.reply = Some(reply),
            FromTarget::Prompt(prompt) => self.ask_person(prompt),
            FromTarget::File(request) => {
                let answer = files::answer(&mut self.known.files, &request, self.link.data_bytes());
                if let Some(text) = &answer.notice {
                    self.connector.report.notice(text);
                }
                self.link.send(&FromHost::File(answer.message));
            }
            // Acknowledged by the link; nobody wants to know.
            FromTarget::Trace(_) | FromTarget::Control(_) | FromTarget::Unknown { .. } => {}
        }
    }

    /// The target asks something of a person: everybody sees it, and the next line is the answer.
    fn ask_person(&mut self, prompt: Prompt) {
        self.connector.report.output(&prompt.text);
        let text = String::from_utf8_lossy(&prompt.text).trim().to_owned();
        let question = text.lines().next_back().unwrap_or_default().to_owned();
        let detail = format!("asks: {question}");
        self.phase = Phase::Asking(prompt);
        self.break_in_again = None;
        self.connector.report.state(State::Broken, &detail);
        self.connector.report.prompt(&self.prompt());
    }

    /// Answers what the target asks; true if it asks something.
    pub(super) fn answer_prompt(&mut self, text: &str) -> bool {
        let Phase::Asking(prompt) = &self.phase else {
            return false;
        };
        let answer = prompt.answer(text.as_bytes());
        self.connector.report.target().transcript.end_line();
        self.link.send(&FromHost::Prompt(answer));
        self.phase = Phase::Running;
        self.connector
            .report
            .state(State::Running, "answered; runs");
        true
    }

    /// The target was heard of: it is there and runs, unless it is known to be stopped.
    fn heard(&mut self, detail: &str) {
        if let Phase::Silent = self.phase {
            self.phase = Phase::Running;
            self.connector.report.state(State::Running, detail);
            self.connector.report.prompt(&self.prompt());
        }
    }

    /// What the target does is told again, after it was not heard of for a while.
    fn show_phase(&self) {
        let (state, detail) = match &self.phase {
            Phase::Silent => return,
            Phase::Running => (State::Running, "heard again; runs".to_owned()),
            Phase::Stopped(stop) => (State::Broken, format!("heard again; {}", stop.detail)),
            Phase::Asking(_) => (State::Broken, "heard again; waits for an answer".to_owned()),
        };
        self.connector.report.state(state, &detail);
    }

    fn remember_print(&mut self, text: &[u8]) {
        self.last_prints.extend_from_slice(text);
        let excess = self.last_prints.len().saturating_sub(LAST_PRINTS_BYTES);
        self.last_prints.drain(..excess);
    }

    /// The machine that was known goes away: it is waited for, and nothing was heard yet of what comes next.
    pub(super) fn gone(&mut self, detail: &str) {
        self.known.restarted();
        self.phase = Phase::Silent;
        let report = &self.connector.report;
        report.alert("");
        report.state(State::Lost, detail);
        report.prompt(&self.prompt());
    }

    /// The machine that was known is gone; another, or the same after a restart, takes its place.
    pub(super) fn forget_machine(&mut self) {
        self.known.restarted();
        self.current = None;
        self.change = None;
        self.break_in_again = None;
        self.phase = Phase::Running;
        let report = &self.connector.report;
        report.alert("");
        report.state(State::Running, "began anew; runs");
        report.prompt(&self.prompt());
    }

    /// What people type behind.
    pub(super) fn prompt(&self) -> String {
        match &self.phase {
            Phase::Silent | Phase::Running => String::new(),
            Phase::Stopped(_) if self.known.processors > 1 => {
                format!("{}: kd>", self.known.processor)
            }
            Phase::Stopped(_) => "kd>".to_owned(),
            Phase::Asking(_) => ANSWER_PROMPT.to_owned(),
        }
    }
}
