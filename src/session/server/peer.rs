//! The task of one client: what it asks for goes to the host, what happens and what targets print goes to it.
//!
//! Rare things come first and bulk when there is credit for it, so that a client on a slow line sees states before old
//! output. Nothing is queued for a client but what it asked for itself: it is read from where everybody reads it, when
//! there is room on its line. A client that does not read costs one buffer.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, WriteHalf};
use tokio::sync::broadcast::error::TryRecvError;
use tokio::sync::{broadcast, mpsc};
use tokio::time::Instant;

use super::feed::{Feed, append};
use super::guest::Guest;
use crate::command;
use crate::deck::{Deck, Event};
use crate::host::Host;
use crate::proto::session::frame::{CLIENT_BYTES_MAX, Decoder};
use crate::proto::session::message::{TargetInfo, ToClient, ToServer, Token, Welcome};
use crate::rack::{Rack, Target, TargetId};
use crate::session::people::{Arrival, Eviction, Presence, Seated};
use crate::target::Request;
use crate::transcript::Watch;

/// Bytes that are gathered before they are written.
const OUT_BYTES: usize = 64 << 10;
/// Bytes of text in one frame of bulk.
const BULK_BYTES: usize = 32 << 10;
/// Bytes of one target before the next one has its turn, at least: on a slow line about a second.
const SHARE_BYTES: usize = 1 << 10;
/// Requests that wait to be looked at; more wait on the line.
const REQUESTS: usize = 64;
/// Requests that are being carried out; more wait on the line.
const PENDING: usize = 256;
/// Bytes a client may let us owe it.
const CREDIT_MAX: u64 = 16 << 20;
/// A client that says nothing for so long is gone; it asks whether we are there more often than that.
const SILENCE: Duration = Duration::from_secs(60);
/// How often the newest line of targets that are not followed is sent.
const GLANCE_EVERY: Duration = Duration::from_millis(250);
/// Output that comes in quick succession is gathered for so long.
const GATHER: Duration = Duration::from_millis(4);
/// How long what somebody sent before their line ended is read.
const GOODBYE: Duration = Duration::from_millis(500);
/// How long the last that is said may take to be read.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Why everybody leaves in the end.
const HOST_ENDED: &str = "the host ended";
/// Bytes read at once.
const READ_BYTES: usize = 16 << 10;
/// Lines a client may send at once, and how many a second after that; more are taken up later.
const SUBMITS_BURST: f64 = 200.0;
const SUBMITS_PER_SECOND: f64 = 50.0;

/// Bytes of text in the answers to one line, so that a frame holds them and what waits for a client is bounded; the rest
/// is cut.
const REPLIES_BYTES: usize = 256 << 10;
/// Stands where an answer was cut.
const CUT: &str = "... cut";

/// Serves somebody who was let in until they leave, are put out, or the host ends.
pub async fn run<S>(host: Arc<Host>, guest: Guest<S>)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (reader, writer) = tokio::io::split(guest.stream);
    let (requests, mut inbox) = mpsc::channel(REQUESTS);
    let reading = tokio::spawn(read(reader, requests));
    let resumed = guest
        .resume
        .and_then(|token| Some((token, host.lobby().back(&token, guest.permission)?)));
    let (token, presence) = match resumed {
        Some((token, presence)) => {
            presence.moved(guest.origin, guest.server);
            (token, presence)
        }
        None => {
            let presence = host.people().join(Arrival {
                name: guest.name,
                permission: guest.permission,
                seated: Seated::Client,
                account: guest.account,
                origin: guest.origin,
                server: guest.server,
            });
            (new_token(), presence)
        }
    };
    let eviction = presence.eviction();
    let (outbox, answers) = mpsc::channel(PENDING);
    let mut peer = Peer {
        // Before anything is read, so that nothing is missed between.
        events: host.news().sender().subscribe(),
        watch: host.news().pulse().watch(),
        deck: Deck::Host(host.clone()),
        presence,
        writer,
        out: Vec::with_capacity(OUT_BYTES),
        rack: Arc::default(),
        feeds: Vec::new(),
        turn: 0,
        share: 0,
        credit: 0,
        next_glance: Instant::now(),
        chat: None,
        outbox,
        answers,
        pending: 0,
        last_write: Instant::now(),
        allowance: Allowance::new(Instant::now()),
        host: host.clone(),
    };
    peer.welcome(token, guest.warnings);
    let mut ended = peer.serve(&mut inbox, &eviction).await;
    if matches!(ended, Ended::Lost(_)) && said_goodbye(inbox).await {
        ended = Ended::Left;
    }
    reading.abort();
    let person = peer.presence.person();
    match ended {
        Ended::Left => peer.presence.leave(""),
        Ended::PutOut(reason) => peer.presence.leave(&reason),
        Ended::Lost(reason) => {
            tracing::info!(
                name = person.name,
                origin = person.origin,
                reason,
                "a client's line is lost"
            );
            host.lobby().keep(token, peer.presence);
        }
    }
}

/// Why it is over.
#[derive(Debug)]
enum Ended {
    /// They left by themselves.
    Left,
    /// They were put out, or the session ended.
    PutOut(String),
    /// The line was lost, and how.
    Lost(String),
}

/// An answer that is ready.
enum Ready {
    Replies {
        call: u64,
        replies: Vec<command::Reply>,
    },
    Answer {
        call: u64,
        answer: crate::target::Answer,
    },
}

struct Peer<S> {
    host: Arc<Host>,
    deck: Deck,
    presence: Presence,
    events: broadcast::Receiver<Event>,
    watch: Arc<Watch>,
    writer: WriteHalf<S>,
    /// Frames that wait to be written.
    out: Vec<u8>,
    rack: Arc<Rack>,
    /// One for each target of the rack, in its order.
    feeds: Vec<Feed>,
    /// The feed that is read next.
    turn: usize,
    /// Bytes that are left of its turn; 0 if the turn is to begin.
    share: usize,
    /// Bytes of bulk the client can take.
    credit: u64,
    next_glance: Instant,
    /// The last line of chat that was sent; `None` until the client has said what it knows.
    chat: Option<u64>,
    outbox: mpsc::Sender<Ready>,
    answers: mpsc::Receiver<Ready>,
    pending: usize,
    last_write: Instant,
    allowance: Allowance,
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Peer<S> {
    fn welcome(&mut self, token: Token, warnings: Vec<String>) {
        self.send(&ToClient::Welcome(Welcome {
            me: self.presence.person(),
            token,
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
        let ending = self.host.ending();
        let mut heard = Instant::now();
        loop {
            self.watch.arm();
            while let Ok(ready) = self.answers.try_recv() {
                self.answer(ready);
            }
            self.drain_events();
            self.send_statuses();
            self.send_bulk();
            if !self.out.is_empty()
                && let Err(ended) = self.write(inbox, eviction).await
            {
                return ended;
            }
            let more = self.credit > 0 && self.feeds.iter().any(Feed::is_wanted);
            let glances = self.credit > 0
                && self
                    .feeds
                    .iter()
                    .any(|feed| !feed.is_followed() && feed.is_behind());
            let can_take = self.pending < PENDING;
            let quick = self.last_write.elapsed() < 2 * GATHER;
            let rung = async {
                self.watch.rung().await;
                if quick {
                    tokio::time::sleep(GATHER).await;
                }
            };
            tokio::select! {
                biased;
                reason = eviction.out() => return self.bye(reason).await,
                () = ending.cancelled() => {
                    return self.bye(HOST_ENDED.to_owned()).await;
                }
                request = inbox.recv(), if can_take => match request {
                    Some(Ok(request)) => {
                        heard = Instant::now();
                        if let Some(ended) = self.request(request).await {
                            return ended;
                        }
                    }
                    Some(Err(reason)) => return Ended::Lost(reason),
                    None => return Ended::Lost("its line was closed".to_owned()),
                },
                Some(ready) = self.answers.recv() => self.answer(ready),
                event = self.events.recv() => match event {
                    Ok(event) => self.event(event),
                    Err(broadcast::error::RecvError::Lagged(_)) => self.start_over(),
                    Err(broadcast::error::RecvError::Closed) => return Ended::PutOut(HOST_ENDED.to_owned()),
                },
                () = std::future::ready(()), if more => {}
                () = tokio::time::sleep_until(self.next_glance), if glances => {}
                () = rung => {}
                () = tokio::time::sleep_until(heard + SILENCE) => {
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
        let ending = self.host.ending();
        let too_late = async {
            ending.cancelled().await;
            tokio::time::sleep(LAST_WORDS).await;
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
            reason = eviction.out() => return Err(Ended::PutOut(reason)),
            written = writing => written,
            () = too_late => return Err(Ended::PutOut(HOST_ENDED.to_owned())),
            () = silent => return Err(Ended::Lost("it does not read".to_owned())),
        };
        written.map_err(|error| Ended::Lost(error.to_string()))?;
        self.out.clear();
        self.out.shrink_to(4 * OUT_BYTES);
        self.last_write = Instant::now();
        Ok(())
    }

    async fn bye(&mut self, reason: String) -> Ended {
        while let Ok(ready) = self.answers.try_recv() {
            self.answer(ready);
        }
        self.drain_events();
        self.send(&ToClient::Bye {
            reason: reason.clone(),
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
                self.presence.active();
                tokio::time::sleep(self.allowance.take(Instant::now())).await;
                let author = self.presence.person().author();
                let replies = command::submit(&self.deck, &author, focus, &line);
                self.pending += 1;
                let outbox = self.outbox.clone();
                tokio::spawn(async move {
                    let replies = fitting(replies.await);
                    // The client may be gone.
                    outbox.send(Ready::Replies { call, replies }).await.ok();
                });
            }
            ToServer::Ask {
                call,
                target,
                request,
            } => {
                self.presence.active();
                // Keys are neither recorded nor kept: as many come as the target takes.
                if !matches!(request, Request::Keys(_) | Request::Resize { .. }) {
                    tokio::time::sleep(self.allowance.take(Instant::now())).await;
                }
                let author = self.presence.person().author();
                let asked = self.host.ask(target, &author, request);
                self.pending += 1;
                let outbox = self.outbox.clone();
                tokio::spawn(async move {
                    let gone = || Err("the target was removed".to_owned());
                    let answer = asked.answer.await.unwrap_or_else(|_| gone());
                    outbox.send(Ready::Answer { call, answer }).await.ok();
                });
            }
            ToServer::Follow { target, from } => {
                if let Some(feed) = self.feed(target) {
                    feed.follow(from);
                }
            }
            ToServer::Unfollow { target } => {
                if let Some(feed) = self.feed(target) {
                    feed.unfollow();
                }
            }
            ToServer::Credit(bytes) => {
                self.credit = (self.credit + u64::from(bytes)).min(CREDIT_MAX);
            }
            ToServer::Ping => self.send(&ToClient::Pong),
            ToServer::Leave => return Some(Ended::Left),
        }
        None
    }

    fn answer(&mut self, ready: Ready) {
        self.pending = self.pending.saturating_sub(1);
        match ready {
            Ready::Replies { call, replies } => {
                self.send(&ToClient::Replies { call, replies });
            }
            Ready::Answer { call, answer } => self.send(&ToClient::Answer { call, answer }),
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
                text,
            } => self.send(&ToClient::Notice {
                time,
                severity,
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
        let name = self.presence.person().name;
        for said in self.host.chat().since(sent, &name) {
            self.chat = Some(said.id);
            self.send(&ToClient::Chat(said));
        }
    }

    fn take_rack(&mut self) {
        self.rack = self.host.rack();
        let mut old: HashMap<TargetId, Feed> = std::mem::take(&mut self.feeds)
            .into_iter()
            .map(|feed| (feed.target.id, feed))
            .collect();
        let feed = |target: &Arc<Target>| match old.remove(&target.id) {
            Some(mut feed) => {
                feed.relabel(target.clone());
                feed
            }
            None => Feed::new(target.clone()),
        };
        self.feeds = self.rack.targets().iter().map(feed).collect();
        let infos = self.rack.targets().iter().map(|target| TargetInfo {
            id: target.id,
            name: target.name.clone(),
            address: target.address.clone(),
            groups: target.groups.clone(),
            debugger: target.debugger,
            tags: target.tags.clone(),
        });
        let infos = infos.collect();
        self.send(&ToClient::Rack(infos));
    }

    fn send_statuses(&mut self) {
        let changed = self
            .feeds
            .iter_mut()
            .filter_map(|feed| Some((feed.target.id, feed.changed_status()?)));
        let changed: Vec<_> = changed.collect();
        if !changed.is_empty() {
            self.send(&ToClient::Status(changed));
        }
    }

    /// Appends what was printed, as far as the client can take it: what it follows, each target in turn, then the newest
    /// of the others.
    fn send_bulk(&mut self) {
        let count = self.feeds.len();
        let behind = self.feeds.iter().filter(|feed| feed.is_wanted()).count();
        let mut idle = 0;
        while behind > 0 && idle < count && self.credit > 0 && self.out.len() < OUT_BYTES {
            let at = self.turn % count;
            let Some(feed) = self.feeds.get_mut(at).filter(|feed| feed.is_wanted()) else {
                (self.turn, self.share) = (at + 1, 0);
                idle += 1;
                continue;
            };
            idle = 0;
            if self.share == 0 {
                // A turn goes on when there is credit again: else who happens to come first gets all of it.
                let share = usize::try_from(self.credit).unwrap_or(BULK_BYTES) / behind;
                self.share = share.clamp(SHARE_BYTES, BULK_BYTES);
            }
            let budget = usize::try_from(self.credit).unwrap_or(BULK_BYTES);
            let sent = feed.read(budget.min(self.share), &mut self.out);
            self.credit = self.credit.saturating_sub(sent as u64);
            self.share = self.share.saturating_sub(sent);
            if self.share == 0 || !feed.is_behind() {
                (self.turn, self.share) = (at + 1, 0);
            }
        }
        let now = Instant::now();
        if now >= self.next_glance {
            self.next_glance = now + GLANCE_EVERY;
            self.send_glances();
        }
    }

    fn send_glances(&mut self) {
        for feed in &mut self.feeds {
            if self.credit == 0 || self.out.len() >= OUT_BYTES {
                return;
            }
            if feed.is_followed() || !feed.is_behind() {
                continue;
            }
            let before = self.out.len();
            feed.glance(|glance| append(&ToClient::Glances(vec![glance]), &mut self.out));
            let sent = self.out.len() - before;
            self.credit = self.credit.saturating_sub(sent as u64);
        }
    }

    fn feed(&mut self, id: TargetId) -> Option<&mut Feed> {
        self.feeds.iter_mut().find(|feed| feed.target.id == id)
    }

    fn send(&mut self, message: &ToClient<'_>) {
        append(message, &mut self.out);
    }
}

/// The answers, as far as they fit.
fn fitting(mut replies: Vec<command::Reply>) -> Vec<command::Reply> {
    let mut left = REPLIES_BYTES;
    for reply in &mut replies {
        if reply.text.len() > left {
            reply.text.truncate(reply.text.floor_char_boundary(left));
            reply.text.push_str(CUT);
            reply.text.shrink_to_fit();
        }
        left = left.saturating_sub(reply.text.len());
    }
    replies
}

/// Whether the last that came was that they leave: writing to somebody who left fails before that was read.
async fn said_goodbye(mut inbox: mpsc::Receiver<Result<ToServer, String>>) -> bool {
    let mut left = false;
    let rest = async {
        while let Some(Ok(request)) = inbox.recv().await {
            left |= request == ToServer::Leave;
        }
    };
    tokio::time::timeout(GOODBYE, rest).await.ok();
    left
}

/// Reads requests until the line ends. The reason is the last that is sent.
async fn read(
    mut reader: impl AsyncRead + Unpin,
    requests: mpsc::Sender<Result<ToServer, String>>,
) {
    let mut decoder = Decoder::new(CLIENT_BYTES_MAX);
    let mut buffer = vec![0; READ_BYTES];
    let reason = loop {
        let count = match reader.read(&mut buffer).await {
            Ok(0) => break "its line was closed".to_owned(),
            Ok(count) => count,
            Err(error) => break error.to_string(),
        };
        let mut bytes = buffer.get(..count).unwrap_or_default();
        loop {
            let request = match decoder.next(&mut bytes) {
                Ok(None) => break,
                Ok(Some(body)) => ToServer::decode(body).map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            let request = match request {
                // Of a newer client.
                Ok(None) => continue,
                Ok(Some(request)) => Ok(request),
                Err(reason) => Err(reason),
            };
            let is_last = request.is_err();
            if requests.send(request).await.is_err() || is_last {
                return;
            }
        }
    };
    requests.send(Err(reason)).await.ok();
}

/// How many lines somebody may send now.
#[derive(Debug)]
struct Allowance {
    left: f64,
    at: Instant,
}

impl Allowance {
    fn new(now: Instant) -> Self {
        Self {
            left: SUBMITS_BURST,
            at: now,
        }
    }

    /// One more line: how long it has to wait.
    fn take(&mut self, now: Instant) -> Duration {
        let gained = now.duration_since(self.at).as_secs_f64() * SUBMITS_PER_SECOND;
        self.left = (self.left + gained).min(SUBMITS_BURST) - 1.0;
        self.at = now;
        if self.left >= 0.0 {
            Duration::ZERO
        } else {
            Duration::from_secs_f64((-self.left / SUBMITS_PER_SECOND).min(1.0))
        }
    }
}

fn new_token() -> Token {
    let mut token = Token::default();
    // A system without random numbers has no TLS either: nobody gets here.
    getrandom::fill(&mut token).ok();
    token
}
