//! The loop: signals, keys, answers, events and news of transcripts become messages, effects are carried out, frames are
//! drawn when they are due.
//!
//! It runs on a thread of its own with a runtime of its own, away from the engine, so that a flood of output cannot delay
//! a key. It sleeps unless something visible happens.

mod due;
mod perform;
mod stops;

use std::future::{pending, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use crossterm::event::{Event as TerminalEvent, EventStream, KeyEventKind, MouseEventKind};
use futures_util::StreamExt as _;
use ratatui::layout::Size;
use tokio::runtime::Handle;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc};

use self::due::{at, until};
use self::stops::Stops;
use super::frame::{Fresh, Pacer};
use super::history::{History, Store};
use super::joining::Attempt;
use super::message::{Effect, Message};
use super::model::{Model, Overlay};
use super::options::Options;
use super::picture::Picture;
use super::search::Ticker;
use super::terminal::{self, Error, Screen};
use super::text_box::TextBox;
use super::view;
use crate::deck::{Deck, Event, Seat, Severity};
use crate::rack::TargetId;
use crate::session::Author;
use crate::session::client::Interest;
use crate::transcript::{Time, Watch};

/// Messages that wait for the screen. Senders wait for room; answers are rare.
const MESSAGES: usize = 256;
/// Events of the terminal that are taken before a frame is drawn: what a person can have typed meanwhile.
const EVENTS_BATCH: usize = 256;

/// How a screen ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The person quit, the process was told to end, or the session is over.
    Quit,
    /// Its terminal is gone, or was given back; what is shown on it is to go on.
    Detached,
}

/// Shows the screen until the person quits or the process is told to end, or the terminal of a host is lost.
///
/// # Errors
/// There is no terminal, or it failed. It is given back in any case.
pub fn run(seat: &Seat, options: Options, engine: &Handle) -> Result<End, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::Failed("being set up", error))?;
    terminal::install_panic_hook();
    let screen = Screen::enter(options.settings.mouse)?;
    let result = runtime.block_on(async {
        let mut console = Console::new(seat.clone(), options, engine.clone(), screen)?;
        let ended = console.run().await;
        if ended.is_err() || console.end == End::Detached {
            terminal::abandon();
        }
        match ended {
            // A host goes on, whatever became of its terminal.
            Err(Error::Failed(what, error)) if holds_something(&console.seat.deck()) => {
                tracing::warn!(%error, "the terminal failed while {what}");
                Ok(End::Detached)
            }
            ended => ended.map(|()| console.end),
        }
    });
    // Tasks of this runtime hold nothing worth waiting for.
    runtime.shutdown_background();
    result
}

struct Console {
    seat: Seat,
    /// Whoever sits here, at a host of their own.
    author: Author,
    engine: Handle,
    model: Model,
    picture: Picture,
    pacer: Pacer,
    screen: Screen,
    keys: Option<EventStream>,
    events: broadcast::Receiver<Event>,
    watch: Arc<Watch>,
    sender: mpsc::Sender<Message>,
    inbox: mpsc::Receiver<Message>,
    stops: Stops,
    store: Option<Store>,
    progress: Ticker,
    /// What a client was last told to look at, and in which session.
    looks_at: Option<(u64, Vec<TargetId>)>,
    /// The session that is being joined.
    attempt: Option<Attempt>,
    /// That the session is over was seen; it is being left.
    leaving: bool,
    end: End,
    ended: bool,
}

/// What happened to the loop.
enum Turn {
    Stop,
    /// The terminal is gone.
    Hangup,
    Suspend,
    Resume,
    Terminal(Option<io::Result<TerminalEvent>>),
    Message(Message),
    Event(Result<Event, RecvError>),
    /// A thread of the engine failed.
    Panic(String),
    /// The session is over, and why.
    Over(String),
    News,
    Frame,
    Timer,
    Work,
}

impl Console {
    fn new(seat: Seat, options: Options, engine: Handle, screen: Screen) -> Result<Self, Error> {
        let (sender, inbox) = mpsc::channel(MESSAGES);
        let (store, history, trouble) = match options.history.as_deref().map(Store::open) {
            Some(Ok((store, history))) => (Some(store), history, None),
            Some(Err(error)) => (
                None,
                History::default(),
                Some(format!("the lines typed before cannot be read: {error}")),
            ),
            None => (None, History::default(), None),
        };
        let pulse = seat.news().pulse();
        let (watch, events) = (pulse.watch(), seat.news().events());
        let mut model = Model::new(
            options.settings,
            seat.deck().rack(),
            history,
            Size::new(80, 24),
            Time::now(),
        );
        if !options.welcome.is_empty() {
            let text = TextBox::new("Servers", &options.welcome);
            model.overlay = Some(Overlay::Text(text));
        }
        if let Some(trouble) = trouble {
            model.tell(Severity::Warning, &trouble);
        }
        Ok(Self {
            seat,
            author: Author::owner(&model.settings.who),
            engine,
            model,
            picture: Picture::default(),
            pacer: Pacer::new(options.pace),
            screen,
            keys: Some(EventStream::new()),
            events,
            watch,
            sender,
            inbox,
            stops: Stops::new().map_err(|error| Error::Failed("being set up", error))?,
            store,
            progress: Ticker::default(),
            looks_at: None,
            attempt: None,
            leaving: false,
            end: End::Quit,
            ended: false,
        })
    }

    async fn run(&mut self) -> Result<(), Error> {
        self.perform(vec![
            Effect::Repaint,
            Effect::Refresh,
            Effect::Chat,
            Effect::Draw(Fresh::All),
        ])?;
        while !self.ended {
            let turn = self.next().await;
            self.take(turn)?;
            self.drain().await?;
            self.look();
            if self.pacer.due().is_some_and(|due| due <= Instant::now()) {
                self.draw()?;
            }
        }
        Ok(())
    }

    /// Waits for what comes next; what people do comes before what targets do.
    async fn next(&mut self) -> Turn {
        let working = self.model.is_working();
        let deck = self.seat.deck();
        let frame = pin!(at(self.pacer.due()));
        let timer = pin!(until(self.model.timer()));
        let keys = async {
            match &mut self.keys {
                Some(keys) => keys.next().await,
                None => pending().await,
            }
        };
        tokio::select! {
            biased;
            turn = self.stops.next() => turn,
            event = keys => Turn::Terminal(event),
            Some(message) = self.inbox.recv() => Turn::Message(message),
            event = self.events.recv() => Turn::Event(event),
            text = self.screen.panicked() => Turn::Panic(text),
            reason = deck.over(), if !self.leaving => Turn::Over(reason),
            () = frame => Turn::Frame,
            () = self.watch.rung() => Turn::News,
            () = timer => Turn::Timer,
            () = std::future::ready(()), if working => Turn::Work,
        }
    }

    fn take(&mut self, turn: Turn) -> Result<(), Error> {
        match turn {
            Turn::Stop => self.ended = true,
            Turn::Hangup => self.lose_terminal(),
            Turn::Suspend => self.suspend()?,
            Turn::Resume => self.resume()?,
            Turn::Terminal(Some(Ok(event))) => return self.terminal_event(event),
            // Without keys nobody can steer it any more: the terminal is gone.
            Turn::Terminal(Some(Err(_)) | None) => self.lose_terminal(),
            Turn::Message(message) => return self.update(message),
            Turn::Event(Ok(event)) => {
                if matches!(event, Event::Role { .. }) {
                    self.leaving = self.leaving && matches!(self.seat.deck(), Deck::Client(_));
                }
                return self.update(Message::Event(event));
            }
            Turn::Event(Err(RecvError::Lagged(count))) => {
                let text =
                    format!("{count} events were too many to show; the states are as they are now");
                self.update(Message::Tell(Severity::Warning, text))?;
                return self.perform(vec![Effect::Refresh, Effect::Chat]);
            }
            Turn::Event(Err(RecvError::Closed)) => self.ended = true,
            Turn::Panic(text) => {
                let text = format!("a part of kdeck failed, the rest goes on: {text}");
                return self.update(Message::Tell(Severity::Error, text));
            }
            Turn::Over(reason) => return self.over(&reason),
            Turn::News => self.pacer.change(Instant::now()),
            Turn::Frame => {}
            Turn::Timer => return self.update(Message::Timer),
            Turn::Work => {
                self.update(Message::Work)?;
                if self.progress.tick(Instant::now()) {
                    self.pacer.touch(Fresh::Known);
                }
            }
        }
        Ok(())
    }

    /// Takes what the terminal has sent meanwhile, so that a paste without brackets costs one frame.
    async fn drain(&mut self) -> Result<(), Error> {
        for _ in 0..EVENTS_BATCH {
            let Some(keys) = &mut self.keys else { break };
            // Asked with this task's own waker: the stream keeps the first one it is given until it has rung, and a
            // waker that wakes nobody would lose the next key.
            let event = poll_fn(|context| Poll::Ready(keys.poll_next_unpin(context))).await;
            let Poll::Ready(event) = event else { break };
            self.take(Turn::Terminal(event))?;
            if self.ended {
                break;
            }
        }
        Ok(())
    }

    fn terminal_event(&mut self, event: TerminalEvent) -> Result<(), Error> {
        match event {
            TerminalEvent::Key(key) if key.kind != KeyEventKind::Release => {
                self.update(Message::Key(key))
            }
            TerminalEvent::Paste(text) => self.update(Message::Paste(text)),
            TerminalEvent::Mouse(mouse) if mouse.kind != MouseEventKind::Moved => {
                self.update(Message::Mouse(mouse))
            }
            TerminalEvent::Resize(..) => {
                self.perform(vec![Effect::Repaint])?;
                self.pacer.touch(Fresh::All);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn update(&mut self, message: Message) -> Result<(), Error> {
        let effects = self.model.update(Time::now(), message);
        self.perform(effects)
    }

    /// Who does what is done here, by the name that everybody sees.
    fn author(&self) -> Author {
        let me = self.model.company.me.as_ref();
        me.map_or_else(|| self.author.clone(), |me| me.author())
    }

    /// Tells a client which targets are on the screen, when others are.
    fn look(&mut self) {
        if !self.model.company.is_client() {
            self.looks_at = None;
            return;
        }
        let now = Some((self.model.session, self.model.looks_at()));
        if now == self.looks_at {
            return;
        }
        if let (Deck::Client(client), Some((_, ids))) = (self.seat.deck(), &now) {
            client.look(Interest::These(ids.clone()));
        }
        self.looks_at = now;
    }

    /// A host goes on without its terminal, if it holds something.
    fn lose_terminal(&mut self) {
        self.ended = true;
        if holds_something(&self.seat.deck()) {
            self.end = End::Detached;
        }
    }

    /// The session is over: a host ends, a client goes home, if it has one.
    fn over(&mut self, reason: &str) -> Result<(), Error> {
        self.leaving = true;
        if matches!(self.seat.deck(), Deck::Host(_)) {
            self.ended = true;
            return Ok(());
        }
        let text = format!("the session is over here: {reason}");
        self.leave(Severity::Warning, text.clone());
        self.update(Message::Tell(Severity::Warning, text))
    }

    /// Leaves the session that was joined: to a host of our own, which says that, or for good.
    fn leave(&mut self, severity: Severity, text: String) {
        let (seat, sender) = (self.seat.clone(), self.sender.clone());
        self.engine.spawn(async move {
            let told = match seat.leave().await {
                Ok(true) => Message::Tell(severity, text),
                Ok(false) => Message::Left,
                Err(reason) => Message::Tell(Severity::Error, reason),
            };
            sender.send(told).await.ok();
        });
    }

    /// Draws what is due.
    fn draw(&mut self) -> Result<(), Error> {
        let now = Instant::now();
        let touched = self.pacer.is_touched();
        let fresh = self.pacer.fresh(now);
        if fresh != Fresh::Known {
            // Whatever changes from here on rings again.
            self.watch.arm();
        }
        let collected = self.picture.collect(&mut self.model, fresh, now);
        let mut bytes = 0;
        if touched || collected.changed {
            bytes = self
                .screen
                .draw(|frame| view::draw(frame, &self.model, &self.picture))?;
        }
        self.pacer.drew(now, fresh, bytes);
        if let Some(again) = collected.again {
            self.pacer.change(again);
        }
        // A smaller screen may have been told to targets, and questions answered.
        self.perform(collected.effects)
    }

    /// Gives the terminal back and stops, until somebody lets it go on.
    fn suspend(&mut self) -> Result<(), Error> {
        // The reader of keys must not take what is typed to the shell.
        self.keys = None;
        self.screen.lend();
        // Stops here, all threads: the engine too.
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP)
            .map_err(|error| Error::Failed("being suspended", error.into()))?;
        self.resume()
    }

    fn resume(&mut self) -> Result<(), Error> {
        self.screen.take()?;
        self.keys.get_or_insert_with(EventStream::new);
        self.perform(vec![Effect::Repaint, Effect::Draw(Fresh::All)])
    }
}

/// Whether it is a host with targets or servers, for which it is worth to go on.
fn holds_something(deck: &Deck) -> bool {
    matches!(deck, Deck::Host(_)) && deck.obstacle_to_joining().is_some()
}
