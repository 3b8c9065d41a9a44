//! Netconsole targets: one UDP socket for each port, shared by the targets that listen on it.
//!
//! A datagram goes to the target that names its source, else to one that takes any. Each source has an engine of its
//! own, since order and fragments are its own matter.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::backoff::{Backoff, Pauses};
use super::report::Report;
use super::{Answer, Ask, Request};
use crate::link::{self, Udp};
use crate::proto::netconsole::{Event, Netconsole};
use crate::rack::{State, TargetId};

/// Sources of one target that are told apart. Of more, the one that was silent longest is forgotten: somebody sends
/// with made-up addresses, or through a translator that changes them.
const SOURCES: usize = 256;
/// Largest datagram that is looked at whole, bytes. Netconsole's are below 1,500.
const DATAGRAM_BYTES: usize = 64 << 10;
/// Datagrams taken in one turn, so that timers and other tasks get theirs.
const DATAGRAMS_PER_TURN: usize = 512;
/// How often the kernel is asked how many datagrams it dropped.
const DROPS_CHECK: Duration = Duration::from_secs(5);

/// The open ports of all netconsole targets of a host.
#[derive(Debug, Clone, Default)]
pub struct Ports(Arc<Mutex<HashMap<u16, Port>>>);

#[derive(Debug)]
struct Port {
    members: Members,
    /// The last member left: the port may be closed.
    left: Arc<Notify>,
}

type Members = Arc<Mutex<Vec<Member>>>;

#[derive(Debug)]
struct Member {
    /// The only address it listens to.
    only: Option<IpAddr>,
    report: Report,
    sources: HashMap<SocketAddr, Source>,
}

#[derive(Debug)]
struct Source {
    engine: Netconsole,
    heard: Instant,
}

/// The actor of one netconsole target.
#[derive(Debug)]
pub struct NetconsoleActor {
    /// The UDP port.
    pub port: u16,
    /// The only source it listens to.
    pub source: Option<IpAddr>,
    /// Its way to the world.
    pub report: Report,
    /// What people ask.
    pub asks: mpsc::Receiver<Ask>,
    /// When it is to end.
    pub stop: CancellationToken,
    /// Between tries to open the port.
    pub pauses: watch::Receiver<Pauses>,
    /// All ports of the host.
    pub ports: Ports,
}

/// What the actor's link is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The port is open.
    Open,
    /// The port cannot be had; it is tried again after this.
    Lost(Duration),
    /// Somebody disconnected it.
    Closed,
}

/// What comes after a stage.
#[derive(Debug)]
enum Next {
    Connect,
    /// Whoever asked for it waits for the answer.
    Disconnect(oneshot::Sender<Answer>),
    /// The target is to go.
    End,
}

impl NetconsoleActor {
    /// Works until the target is removed.
    pub async fn run(mut self) {
        let mut backoff = Backoff::default();
        let mut next = Next::Connect;
        let mut noted = false;
        loop {
            next = match next {
                Next::Connect => match self.join() {
                    Ok(detail) => {
                        (noted, backoff) = (false, Backoff::default());
                        self.report.state(State::Waiting, &detail);
                        let next = self.stay(Stage::Open, &detail).await;
                        self.ports.leave(self.port, self.report.target().id);
                        next
                    }
                    Err(error) => {
                        let detail = error.to_string();
                        if !std::mem::replace(&mut noted, true) {
                            self.report.notice(&detail);
                        }
                        self.report.state(State::Lost, &detail);
                        let pauses = *self.pauses.borrow();
                        let pause = backoff.pause(pauses, fastrand::f64());
                        self.stay(Stage::Lost(pause), &detail).await
                    }
                },
                Next::Disconnect(asked) => {
                    self.report.state(State::Closed, "disconnected");
                    asked.send(Ok(String::new())).ok();
                    self.stay(Stage::Closed, "disconnected").await
                }
                Next::End => return,
            };
        }
    }

    /// Opens the port, or joins those who have it open. In words what it waits for then.
    fn join(&self) -> Result<String, link::Error> {
        let member = Member {
            only: self.source,
            report: self.report.clone(),
            sources: HashMap::new(),
        };
        self.ports.join(self.port, member)?;
        let from = self
            .source
            .map(|source| format!(" from {source}"))
            .unwrap_or_default();
        Ok(format!(
            "UDP port {} is open; nothing came{from} yet",
            self.port
        ))
    }

    /// Answers people until something else is to be done.
    async fn stay(&mut self, stage: Stage, detail: &str) -> Next {
        let over = async {
            match stage {
                Stage::Lost(pause) => tokio::time::sleep(pause).await,
                Stage::Open | Stage::Closed => std::future::pending().await,
            }
        };
        tokio::pin!(over);
        loop {
            let ask = tokio::select! {
                biased;
                () = self.stop.cancelled() => return Next::End,
                Some(ask) = self.asks.recv() => ask,
                () = &mut over => return Next::Connect,
            };
            let mut connect = false;
            let answer = match (&ask.request, stage) {
                (Request::Describe, _) => Ok(format!("link    UDP port {}", self.port)),
                (Request::Resize { .. }, _) => Ok(String::new()),
                (Request::Connect, Stage::Open) => Ok(detail.to_owned()),
                (Request::Connect, _) => {
                    connect = true;
                    Ok("trying now".to_owned())
                }
                (Request::Disconnect, Stage::Closed) => Ok("it is".to_owned()),
                (Request::Disconnect, _) => return Next::Disconnect(ask.answer),
                _ => Err("netconsole goes one way: the target cannot be written to".to_owned()),
            };
            if let (Err(reason), true) = (&answer, ask.request.typed().is_some()) {
                self.report.refusal(reason);
            }
            // Whoever asked may be gone.
            ask.answer.send(answer).ok();
            if connect {
                return Next::Connect;
            }
        }
    }
}

impl Ports {
    /// Listens on `port` for `member`, which opens the port if nobody did.
    fn join(&self, port: u16, member: Member) -> Result<(), link::Error> {
        let mut ports = self.lock();
        if let Some(open) = ports.get(&port) {
            lock(&open.members).push(member);
            return Ok(());
        }
        let socket = link::bind_udp(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port)?;
        if let Some(warning) = socket.buffer_warning() {
            member.report.notice(&warning);
        }
        let members: Members = Arc::new(Mutex::new(vec![member]));
        let left = Arc::new(Notify::new());
        let open = Port { members, left };
        tokio::spawn(receive(
            self.clone(),
            port,
            socket,
            open.members.clone(),
            open.left.clone(),
        ));
        ports.insert(port, open);
        Ok(())
    }

    /// The target listens no more; the last one closes the port, unless another joins in that moment.
    fn leave(&self, port: u16, id: TargetId) {
        let ports = self.lock();
        let Some(open) = ports.get(&port) else { return };
        let left = {
            let mut members = lock(&open.members);
            for mut member in members.extract_if(.., |member| member.report.target().id == id) {
                member.finish();
            }
            members.len()
        };
        if left == 0 {
            open.left.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u16, Port>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn lock(members: &Mutex<Vec<Member>>) -> MutexGuard<'_, Vec<Member>> {
    members.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes datagrams and hands each to its member.
async fn receive(ports: Ports, port: u16, socket: Udp, members: Members, left: Arc<Notify>) {
    let mut datagram = vec![0; DATAGRAM_BYTES];
    let mut dropped = 0;
    let mut drops_check = tokio::time::interval(DROPS_CHECK);
    loop {
        let wake = lock(&members).iter().filter_map(Member::timeout).min();
        let due = async {
            match wake {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = left.notified() => {
                // Under the lock of those who join, who find the port either open or free.
                let mut ports = ports.lock();
                if lock(&members).is_empty() {
                    ports.remove(&port);
                    drop(socket);
                    return;
                }
            }
            received = socket.receive(&mut datagram) => {
                let (now, mut members) = (Instant::now(), lock(&members));
                let mut next = received;
                for _ in 0..DATAGRAMS_PER_TURN {
                    // No error of a UDP socket is final; the next turn waits for the next datagram.
                    let Ok((length, from)) = next else { break };
                    let from = SocketAddr::new(from.ip().to_canonical(), from.port());
                    let bytes = datagram.get(..length).unwrap_or_default();
                    let named = members.iter().position(|member| member.only == Some(from.ip()));
                    let member = named.or_else(|| members.iter().position(|member| member.only.is_none()));
                    if let Some(member) = member.and_then(|at| members.get_mut(at)) {
                        member.take(now, from, bytes);
                    }
                    next = socket.try_receive(&mut datagram);
                }
            }
            () = due => {
                let now = Instant::now();
                for member in &mut *lock(&members) {
                    member.pass_time(now);
                }
            }
            _ = drops_check.tick() => {
                let total = socket.kernel_drops().unwrap_or(dropped);
                if total > dropped {
                    for member in &*lock(&members) {
                        member.report.notice(&format!("{} datagrams were dropped by this machine's kernel", total - dropped));
                    }
                    dropped = total;
                }
            }
        }
    }
}

impl Member {
    fn take(&mut self, now: Instant, from: SocketAddr, bytes: &[u8]) {
        if self.sources.len() >= SOURCES && !self.sources.contains_key(&from) {
            self.forget_one();
        }
        let source = self.sources.entry(from).or_insert_with(|| {
            self.report.notice(&format!("first datagram from {from}"));
            Source {
                engine: Netconsole::new(),
                heard: now,
            }
        });
        source.heard = now;
        source.engine.handle_datagram(now, bytes);
        if self.report.target().status.state() != State::Running {
            self.report
                .state(State::Running, &format!("receiving from {from}"));
        }
        tell(&self.report, &mut source.engine);
    }

    /// Gives what the source that was silent longest still holds, and forgets it.
    fn forget_one(&mut self) {
        let oldest = self.sources.iter().min_by_key(|(_, source)| source.heard);
        let oldest = oldest.map(|(address, _)| *address);
        if let Some(mut source) = oldest.and_then(|address| self.sources.remove(&address)) {
            source.engine.finish();
            tell(&self.report, &mut source.engine);
        }
    }

    fn pass_time(&mut self, now: Instant) {
        for source in self.sources.values_mut() {
            source.engine.handle_timeout(now);
            tell(&self.report, &mut source.engine);
        }
    }

    /// Gives what is still held.
    fn finish(&mut self) {
        for source in self.sources.values_mut() {
            source.engine.finish();
            tell(&self.report, &mut source.engine);
        }
    }

    fn timeout(&self) -> Option<Instant> {
        self.sources
            .values()
            .filter_map(|source| source.engine.poll_timeout())
            .min()
    }
}

/// Moves what an engine has to say into the transcript.
fn tell(report: &Report, engine: &mut Netconsole) {
    let mut text = Vec::new();
    while let Some(event) = engine.poll_event() {
        let notice = match event {
            Event::Line(line) => {
                line.render(&mut text);
                continue;
            }
            Event::Late(line) => {
                line.render(&mut text);
                "the line before came late and out of order".to_owned()
            }
            Event::Gap(count) => format!(
                "{count} records were not received: lost, or left out by the target's console log level"
            ),
            Event::Reboot => "the target's kernel started anew".to_owned(),
            Event::Refused(count) => format!("{count} datagrams made no sense"),
            Event::Missed(count) => {
                format!("{count} lines were lost here: they came faster than they were taken")
            }
        };
        report.output(&std::mem::take(&mut text));
        report.notice(&notice);
    }
    if !text.is_empty() {
        report.output(&text);
    }
}
