//! The task of one client: what it asks for goes to the host, what happens and what targets print goes to it.
//!
//! Rare things come first and bulk when there is credit for it, so that a client on a slow line sees states before old
//! output. Nothing is queued for a client but what it asked for itself, of which there is a bound ([`super::answers`]):
//! all else is read from where everybody reads it, when there is room on its line. A client that does not read costs one
//! buffer and some five megabytes of answers at most.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, WriteHalf};
use tokio::sync::broadcast::error::TryRecvError;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::allowance::Allowance;
use super::answers::{Answers, Ready, What};
use super::feed::append;
use super::feeds::{Feeds, append_rack};
use super::inbox::{self, said_goodbye};
use super::lobby::Seat;
use crate::command;
use crate::deck::{Deck, Event};
use crate::host::Host;
use crate::proto::session::message::{ToClient, ToServer, Welcome};
use crate::session::people::Eviction;
use crate::target::Request;
use crate::transcript::Watch;

/// Bytes that are gathered before they are written.
const OUT_BYTES: usize = 64 << 10;
/// Requests that wait to be looked at; more wait on the line.
const REQUESTS: usize = 64;
/// A client that says nothing for so long is gone; it asks whether we are there more often than that.
const SILENCE: Duration = Duration::from_secs(60);
/// Output that comes in quick succession is gathered for so long.
const GATHER: Duration = Duration::from_millis(4);
/// How long the last that is said may take to be read.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How long what is being carried out is waited for when somebody has to go.
const LAST_ANSWERS: Duration = Duration::from_millis(250);

/// Serves somebody who has a seat until they leave, are put out, come back on another line, or the host ends.
pub(super) async fn run<S>(host: Arc<Host>, stream: S, warnings: Vec<String>, seat: Seat)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (reader, writer) = tokio::io::split(stream);
    let (requests, mut inbox) = mpsc::channel(REQUESTS);
    let (heard, last_heard) = watch::channel(Instant::now());
    let _reading = AbortOnDropHandle::new(tokio::spawn(inbox::read(reader, requests, heard)));
    let eviction = seat.presence().eviction();
    let mut peer = Peer {
        // Before anything is read, so that nothing is missed between.
        events: host.news().sender().subscribe(),
        watch: host.news().pulse().watch(),
        deck: Deck::Host(host.clone()),
        seat,
        writer,
        out: Vec::with_capacity(OUT_BYTES),
        feeds: Feeds::new(Instant::now()),
        chat: None,
        answers: Answers::new(),
        heard: last_heard,
        allowance: Allowance::new(Instant::now()),
        host: host.clone(),
    };
    peer.welcome(warnings);
    let mut ended = peer.serve(&mut inbox, &eviction).await;
    if matches!(ended, Ended::Lost(_)) && said_goodbye(inbox).await {
        ended = Ended::Left;
    }
    match ended {
        Ended::Left | Ended::Elsewhere => peer.seat.leave(""),
        Ended::PutOut(reason) => peer.seat.leave(&reason),
        Ended::Lost(reason) => {
            let person = peer.seat.presence().person();
            tracing::info!(
                name = person.name,
                origin = person.origin,
                reason,
                "a client's line is lost"
            );
            peer.seat.keep();
        }
    }
}

/// Why it is over.
#[derive(Debug)]
enum Ended {
    /// They left by themselves.
    Left,
    /// They have come back on another line.
    Elsewhere,
    /// They were put out, or the session ended.
    PutOut(String),
    /// The line was lost, and how.
    Lost(String),
}

struct Peer<S> {
    host: Arc<Host>,
    deck: Deck,
    seat: Seat,
    events: broadcast::Receiver<Event>,
    watch: Arc<Watch>,
    writer: WriteHalf<S>,
    /// Frames that wait to be written.
    out: Vec<u8>,
    feeds: Feeds,
    /// The last line of chat that was sent; `None` until the client has said what it knows.
    chat: Option<u64>,
    answers: Answers,
    /// When something came last, whatever it was.
    heard: watch::Receiver<Instant>,
    allowance: Allowance,
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Peer<S> {
    fn welcome(&mut self, warnings: Vec<String>) {
        self.send(&ToClient::Welcome(Welcome {
            me: self.seat.presence().person(),
            token: self.seat.token(),
            run: self.host.run(),
            host: crate::session::machine_name(),
            warnings,
        }));
        self.take_rack();
        self.send(&ToClient::People(self.host.people().all()));
        self.send(&ToClient::Servers(self.host.servers()));
    }

    async fn serve(
        &mut self,
        inbox: &mut mpsc::Receiver<Result<ToServer, String>>,
        eviction: &Eviction,
    ) -> Ended {
        let (ending, taken) = (self.host.ending(), self.seat.taken().clone());
        let mut taken_up = Instant::now();
        loop {
            self.watch.arm();
            let looked = Instant::now();
            while self.out.len() < OUT_BYTES
                && let Some(ready) = self.answers.next_ready()
            {
                self.answer(ready);
            }
            self.drain_events();
            self.feeds.append_statuses(&mut self.out);
            self.feeds.append_bulk(OUT_BYTES, &mut self.out);
            if !self.out.is_empty()
                && let Err(ended) = self.write(inbox, eviction).await
            {
                return ended;
            }
            let bulk = self.feeds.next_bulk(looked);
            let glance = self.feeds.next_glance();
            let can_take = self.answers.has_room();
            // While it cannot be heard, it is not said to be silent.
            let is_heard = inbox.len() < REQUESTS;
            let heard = (*self.heard.borrow()).max(taken_up);
            let rung = async {
                self.watch.rung().await;
                tokio::time::sleep_until(looked + GATHER).await;
            };
            tokio::select! {
                biased;
                // Nobody is at the other end, or nobody who still listens.
                () = taken.cancelled() => return Ended::Elsewhere,
                reason = eviction.out() => return self.bye(reason, true).await,
                () = ending.cancelled() => {
                    return self.bye(self.host.why_over().to_owned(), false).await;
                }
                request = inbox.recv(), if can_take => match request {
                    Some(Ok(request)) => {
                        taken_up = Instant::now();
                        if let Some(ended) = self.request(request).await {
                            return ended;
                        }
                    }
                    Some(Err(reason)) => return Ended::Lost(reason),
                    None => return Ended::Lost("its line was closed".to_owned()),
                },
                ready = self.answers.next() => self.answer(ready),
                event = self.events.recv() => match event {
                    Ok(event) => self.event(event),
                    Err(broadcast::error::RecvError::Lagged(_)) => self.start_over(),
                    Err(broadcast::error::RecvError::Closed) => return Ended::PutOut(self.host.why_over().to_owned()),
                },
                () = until(bulk) => {}
                () = until(glance) => {}
                () = rung => {}
                () = tokio::time::sleep_until(heard + SILENCE), if is_heard => {
                    if self.heard.borrow().elapsed() < SILENCE {
                        continue;
                    }
                    return Ended::Lost(format!("it said nothing for {} s", SILENCE.as_secs()));
                }
            }
        }
    }

    /// Writes what was gathered, for as long as the client reads or at least says something.
    async fn write(
        &mut self,
        inbox: &mpsc::Receiver<Result<ToServer, String>>,
        eviction: &Eviction,
    ) -> Result<(), Ended> {
        let (ending, taken) = (self.host.ending(), self.seat.taken());
        // Who has to go is told why, if they read what is before that.
        let too_late = async {
            let reason = tokio::select! {
                reason = eviction.out() => reason,
                () = ending.cancelled() => self.host.why_over().to_owned(),
            };
            tokio::time::sleep(LAST_WORDS).await;
            reason
        };
        let silent = async {
            let mut said = inbox.len();
            loop {
                tokio::time::sleep(SILENCE).await;
                if inbox.len() <= std::mem::replace(&mut said, inbox.len()) {
                    return;
                }
            }
        };
        let writing = async {
            self.writer.write_all(&self.out).await?;
            self.writer.flush().await
        };
        let written = tokio::select! {
            biased;
            () = taken.cancelled() => return Err(Ended::Elsewhere),
            written = writing => written,
            reason = too_late => return Err(Ended::PutOut(reason)),
            () = silent => return Err(Ended::Lost("it does not read".to_owned())),
        };
        written.map_err(|error| Ended::Lost(error.to_string()))?;
        self.out.clear();
        self.out.shrink_to(4 * OUT_BYTES);
        Ok(())
    }

    async fn bye(&mut self, reason: String, goes_on: bool) -> Ended {
        let rest = async {
            while self.answers.is_waited_for() {
                let ready = self.answers.next().await;
                self.answer(ready);
            }
        };
        tokio::time::timeout(LAST_ANSWERS, rest).await.ok();
        self.drain_events();
        self.send(&ToClient::Bye {
            reason: reason.clone(),
            goes_on,
        });
        let last_words = async {
            self.writer.write_all(&self.out).await?;
            self.writer.shutdown().await
        };
        // It may not be reading any more.
        tokio::time::timeout(LAST_WORDS, last_words).await.ok();
        Ended::PutOut(reason)
    }

    async fn request(&mut self, request: ToServer) -> Option<Ended> {
        match request {
            ToServer::Start { chat } => {
                self.chat = Some(chat);
                self.send_chat();
            }
            ToServer::Submit { call, focus, line } => {
                tokio::time::sleep(self.allowance.take(Instant::now())).await;
                let author = self.seat.presence().person().author();
                let replies = command::submit(&self.deck, &author, focus, &line);
                self.answers.of_line(call, replies);
            }
            ToServer::Ask {
                call,
                target,
                request,
            } => {
                // A screen that is resized by hand has many sizes, and the last one must come soon.
                if !matches!(request, Request::Resize { .. }) {
                    tokio::time::sleep(self.allowance.take(Instant::now())).await;
                }
                let author = self.seat.presence().person().author();
                let asked = self.host.ask(target, &author, request);
                self.answers.of_target(call, asked.answer);
            }
            ToServer::Follow { target, from } => self.feeds.follow(target, from),
            ToServer::Unfollow { target } => self.feeds.unfollow(target),
            ToServer::Credit(bytes) => self.feeds.grant(bytes),
            ToServer::Ping => self.send(&ToClient::Pong),
            ToServer::Leave => return Some(Ended::Left),
        }
        None
    }

    fn answer(&mut self, ready: Ready) {
        let call = ready.call;
        match ready.what {
            What::Replies(replies) => self.send(&ToClient::Replies { call, replies }),
            What::Answer(answer) => self.send(&ToClient::Answer { call, answer }),
        }
    }

    fn drain_events(&mut self) {
        loop {
            match self.events.try_recv() {
                Ok(event) => self.event(event),
                Err(TryRecvError::Lagged(_)) => self.start_over(),
                Err(TryRecvError::Empty | TryRecvError::Closed) => return,
            }
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Target {
                time,
                id,
                state,
                detail,
            } => self.send(&ToClient::Target {
                time,
                id,
                state,
                detail,
            }),
            Event::Rack => self.take_rack(),
            Event::Notice {
                time,
                severity,
                target,
                text,
            } => self.send(&ToClient::Notice {
                time,
                severity,
                target,
                text,
            }),
            Event::Chat(_) => self.send_chat(),
            Event::Person {
                time,
                person,
                change,
            } => {
                self.send(&ToClient::Person {
                    time,
                    person,
                    change,
                });
            }
            Event::Role { .. } => self.send(&ToClient::Servers(self.host.servers())),
        }
    }

    /// Events were lost: everything is told as it is now.
    fn start_over(&mut self) {
        self.take_rack();
        self.send(&ToClient::People(self.host.people().all()));
        self.send(&ToClient::Servers(self.host.servers()));
        self.send_chat();
    }

    fn send_chat(&mut self) {
        let Some(sent) = self.chat else { return };
        let name = self.seat.presence().person().name;
        for said in self.host.chat().since(sent, &name) {
            self.chat = Some(said.id);
            self.send(&ToClient::Chat(said));
        }
    }

    fn take_rack(&mut self) {
        let rack = self.host.rack();
        self.feeds.take_rack(&rack);
        append_rack(&rack, &mut self.out);
    }

    fn send(&mut self, message: &ToClient<'_>) {
        append(message, &mut self.out);
    }
}

async fn until(time: Option<Instant>) {
    match time {
        // A timer that is due fires with the next tick only, a millisecond later.
        Some(time) if time <= Instant::now() => {}
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}
