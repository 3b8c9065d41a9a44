//! Netconsole targets: one UDP socket for each port, shared by the targets that listen on it.
//!
//! A datagram goes to the target that names its source, else to one that takes any. Each source has an engine of its
//! own, since order and fragments are its own matter.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::backoff::{Backoff, Pauses};
use super::report::Report;
use super::{Ask, Request};
use crate::link::{self, Udp};
use crate::proto::netconsole::{Event, Netconsole};
use crate::rack::{State, TargetId};

/// Sources of one target that are told apart. More are only counted: somebody sends with made-up addresses.
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
    stop: CancellationToken,
}

type Members = Arc<Mutex<Vec<Member>>>;

#[derive(Debug)]
struct Member {
    /// The only source it listens to.
    source: Option<IpAddr>,
    report: Report,
    engines: HashMap<SocketAddr, Netconsole>,
    refused_sources: u64,
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
    pub pauses: Pauses,
    /// All ports of the host.
    pub ports: Ports,
}

impl NetconsoleActor {
    /// Works until the target is removed.
    pub async fn run(mut self) {
        let mut backoff = Backoff::new(self.pauses);
        let mut noted = false;
        loop {
            let member = Member {
                source: self.source,
                report: self.report.clone(),
                engines: HashMap::new(),
                refused_sources: 0,
            };
            let detail = match self.ports.join(self.port, member) {
                Ok(()) => {
                    noted = false;
                    let from = self
                        .source
                        .map(|source| format!(" from {source}"))
                        .unwrap_or_default();
                    let detail = format!("UDP port {} is open; nothing came{from} yet", self.port);
                    self.report.state(State::Waiting, &detail);
                    let go_on = self.serve(&detail, None).await;
                    self.ports.leave(self.port, self.report.target().id);
                    if !go_on {
                        return;
                    }
                    continue;
                }
                Err(error) => error.to_string(),
            };
            if !std::mem::replace(&mut noted, true) {
                self.report.notice(&detail);
            }
            self.report.state(State::Lost, &detail);
            let pause = backoff.pause(fastrand::f64());
            if !self.serve(&detail, Some(pause)).await {
                return;
            }
        }
    }

    /// Answers people, for as long as the pause lasts or for ever. False when the target is to go.
    async fn serve(&mut self, detail: &str, pause: Option<Duration>) -> bool {
        let over = async {
            match pause {
                Some(pause) => tokio::time::sleep(pause).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(over);
        loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return false,
                Some(ask) = self.asks.recv() => {
                    let answer = match &ask.request {
                        Request::Describe => Ok(format!("link    UDP port {}", self.port)),
                        Request::Resize { .. } => Ok(String::new()),
                        Request::Connect if pause.is_some() => {
                            ask.answer.send(Ok("trying now".to_owned())).ok();
                            return true;
                        }
                        Request::Connect => Ok(detail.to_owned()),
                        Request::Disconnect if pause.is_none() => {
                            self.ports.leave(self.port, self.report.target().id);
                            self.report.state(State::Closed, "disconnected");
                            ask.answer.send(Ok(String::new())).ok();
                            if !self.stay_closed().await {
                                return false;
                            }
                            return true;
                        }
                        _ => Err("netconsole goes one way: the target cannot be written to".to_owned()),
                    };
                    if let (Err(reason), true) = (&answer, ask.request.typed().is_some()) {
                        self.report.refusal(reason);
                    }
                    ask.answer.send(answer).ok();
                }
                () = &mut over => return true,
            }
        }
    }

    async fn stay_closed(&mut self) -> bool {
        loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return false,
                ask = self.asks.recv() => match ask {
                    None => return false,
                    Some(Ask { request: Request::Connect, answer }) => {
                        answer.send(Ok(String::new())).ok();
                        return true;
                    }
                    Some(ask) => drop(ask.answer.send(Err("disconnected; .connect opens the port again".to_owned()))),
                },
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
        let stop = CancellationToken::new();
        tokio::spawn(receive(socket, members.clone(), stop.clone()));
        ports.insert(port, Port { members, stop });
        Ok(())
    }

    /// The target listens no more; the last one closes the port.
    fn leave(&self, port: u16, id: TargetId) {
        let mut ports = self.lock();
        let Some(open) = ports.get(&port) else { return };
        let left = {
            let mut members = lock(&open.members);
            for mut member in members.extract_if(.., |member| member.report.target().id == id) {
                member.finish();
            }
            members.len()
        };
        if left == 0 {
            open.stop.cancel();
            ports.remove(&port);
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
async fn receive(socket: Udp, members: Members, stop: CancellationToken) {
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
            () = stop.cancelled() => return,
            received = socket.receive(&mut datagram) => {
                let (now, mut members) = (Instant::now(), lock(&members));
                let mut next = received;
                for _ in 0..DATAGRAMS_PER_TURN {
                    // No error of a UDP socket is final; the next turn waits for the next datagram.
                    let Ok((length, from)) = next else { break };
                    let from = SocketAddr::new(from.ip().to_canonical(), from.port());
                    let bytes = datagram.get(..length).unwrap_or_default();
                    let named = members.iter().position(|member| member.source == Some(from.ip()));
                    let member = named.or_else(|| members.iter().position(|member| member.source.is_none()));
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
        let known = self.engines.len();
        if known >= SOURCES && !self.engines.contains_key(&from) {
            self.refused_sources += 1;
            if self.refused_sources.is_power_of_two() {
                let text = format!(
                    "{} datagrams of more than {SOURCES} sources were not taken",
                    self.refused_sources
                );
                self.report.notice(&text);
            }
            return;
        }
        let engine = self.engines.entry(from).or_insert_with(|| {
            self.report.notice(&format!("first datagram from {from}"));
            Netconsole::new()
        });
        engine.handle_datagram(now, bytes);
        if self.report.target().status.state() != State::Running {
            self.report
                .state(State::Running, &format!("receiving from {from}"));
        }
        tell(&self.report, engine);
    }

    fn pass_time(&mut self, now: Instant) {
        for engine in self.engines.values_mut() {
            engine.handle_timeout(now);
            tell(&self.report, engine);
        }
    }

    /// Gives what is still held.
    fn finish(&mut self) {
        for engine in self.engines.values_mut() {
            engine.finish();
            tell(&self.report, engine);
        }
    }

    fn timeout(&self) -> Option<Instant> {
        self.engines
            .values()
            .filter_map(Netconsole::poll_timeout)
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
