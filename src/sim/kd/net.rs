//! Simulated targets on KDNET: each calls its host's UDP port until it is answered. One task a target.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use tokio::net::UdpSocket;
use tokio_util::sync::CancellationToken;

use crate::connect::Key;
use crate::proto::kd::PacketType;
use crate::proto::kd::session::{Event as Heard, SendError, Timing};
use crate::proto::kdnet::{Event, NetTarget, Place, SendError as NetSendError};

use super::com::sleep_until;
use super::faults::{BadWire, Faults};
use super::machine::Settings;
use super::target::{Datagram, Engine, Target};

/// KDNET, as an engine of a simulated target.
#[derive(Debug)]
pub struct Network {
    net: NetTarget,
    /// Time between offers while nobody has answered.
    pause: Duration,
    offer_at: Instant,
}

/// Version of the protocol that simulated targets speak: that of their build of Windows.
const VERSION: u8 = 5;

/// Datagrams taken from a socket before the target has its turn.
const DATAGRAMS_AT_ONCE: usize = 32;

/// Longest datagram that is read whole. Longer ones are none of ours.
const DATAGRAM_BYTES_MAX: usize = 8192;

/// Time between a target's offers as real ones have it.
pub const OFFERS_EVERY: Duration = Duration::from_secs(3);

impl Network {
    /// A target at `target` that has been told `key` and that its host is at `host`. `offers`: time between offers while
    /// nobody answers. What must be random follows from `seed`: these keys keep no secrets.
    #[must_use]
    pub fn new(
        key: &Key,
        (target, host): (SocketAddr, SocketAddr),
        offers: Duration,
        seed: u64,
        now: Instant,
    ) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let place = Place {
            version: VERSION,
            target,
            host,
        };
        let random = Box::new(move |bytes: &mut [u8]| random.fill(bytes));
        let net = NetTarget::new(key, place, Timing::network().for_target(), random, now);
        Self {
            net,
            pause: offers,
            offer_at: now,
        }
    }

    /// A datagram came.
    pub fn handle_datagram(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) {
        self.net.handle_datagram(now, from, datagram);
    }

    /// The debugger it has a session with.
    #[must_use]
    pub fn peer(&self) -> Option<SocketAddr> {
        self.net.peer()
    }

    fn is_offer_due(&self, now: Instant) -> bool {
        self.pause < OFFERS_EVERY && self.net.peer().is_none() && now >= self.offer_at
    }
}

impl Engine for Network {
    type Outgoing = Datagram;

    /// What fits a datagram on any network.
    const DATA_BYTES: usize = 1360;

    fn handle_timeout(&mut self, now: Instant) {
        if self.is_offer_due(now) {
            // Without a session there is nothing else in it, and it offers itself at once.
            self.net.leave(now);
            self.offer_at = now + self.pause;
        }
        self.net.handle_timeout(now);
    }

    fn send(&mut self, now: Instant, kind: PacketType, payload: Vec<u8>) -> Result<(), SendError> {
        match self.net.send(now, kind, payload) {
            Err(NetSendError::Kd(error)) => Err(error),
            // A target's packets wait for its host.
            Err(NetSendError::NotConnected) | Ok(()) => Ok(()),
        }
    }

    fn poll_transmit(&mut self) -> Option<Datagram> {
        self.net.poll_transmit()
    }

    fn poll_event(&mut self) -> Option<Heard> {
        loop {
            match self.net.poll_event()? {
                Event::Kd(event) => return Some(event),
                // A session's beginning is an event of KD too; the rest is for people.
                Event::Connected { .. } | Event::Moved { .. } | Event::Silent | Event::Heard => {}
            }
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let due = self.net.poll_timeout();
        let quick = self.pause < OFFERS_EVERY && self.net.peer().is_none();
        Some(if quick { due.min(self.offer_at) } else { due })
    }

    fn idle(&self) -> bool {
        self.net.idle()
    }

    fn restart(&mut self, now: Instant) -> bool {
        self.net.restart(now);
        self.offer_at = now;
        false
    }
}

/// A target's own socket, from which it calls its host.
///
/// # Errors
/// Of the system.
pub fn open(host: SocketAddr) -> io::Result<UdpSocket> {
    // The host may be on this machine and about to open its ports: those beside this one are not taken.
    let mut refused = Vec::new();
    let socket = loop {
        let socket = anywhere(host)?;
        let own = socket.local_addr()?.port();
        if own.abs_diff(host.port()) >= HOST_PORTS || refused.len() >= REFUSED_MAX {
            break socket;
        }
        refused.push(socket);
    };
    socket.set_nonblocking(true)?;
    UdpSocket::from_std(socket)
}

fn anywhere(host: SocketAddr) -> io::Result<std::net::UdpSocket> {
    let any: IpAddr = if host.is_ipv4() {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        Ipv6Addr::UNSPECIFIED.into()
    };
    std::net::UdpSocket::bind((any, 0))
}

/// Where `socket` is as `host` sees it, which a target tells in its offers.
fn place_of(socket: &UdpSocket, host: SocketAddr) -> io::Result<SocketAddr> {
    // Nothing is sent: the system chooses the address that it would send from.
    let probe = anywhere(host)?;
    probe.connect(host)?;
    Ok((probe.local_addr()?.ip(), socket.local_addr()?.port()).into())
}

/// Ports beside a host's that may be its, too: those of a rack's other targets.
const HOST_PORTS: u16 = 1000;

/// Sockets that the system may offer within [`HOST_PORTS`] before one of them is taken after all.
const REFUSED_MAX: usize = 16;

/// What a simulated target on KDNET is told.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    /// Where its host is.
    pub host: SocketAddr,
    /// What it shares with it.
    pub key: Key,
    /// Time between offers while nobody answers; [`OFFERS_EVERY`] is what real targets do, and nothing is slower.
    pub offers: Duration,
}

/// Runs a target on `socket` until `stop`.
pub async fn run(
    socket: UdpSocket,
    call: Call,
    settings: Settings,
    faults: Faults,
    stop: CancellationToken,
) {
    let now = Instant::now();
    let own = place_of(&socket, call.host).unwrap_or(call.host);
    let engine = Network::new(
        &call.key,
        (own, call.host),
        call.offers,
        settings.seed ^ 4,
        now,
    );
    let mut target = Target::new(settings, engine, now);
    let mut to_target = BadWire::new(faults, settings.seed ^ 1);
    let mut to_host = BadWire::new(faults, settings.seed ^ 2);
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    loop {
        let now = Instant::now();
        while let Some((from, datagram)) = to_target.poll(now) {
            target.engine_mut().handle_datagram(now, from, &datagram);
        }
        target.turn(now);
        while let Some((to, datagram)) = target.poll_transmit() {
            to_host.push(now, to, datagram);
        }
        while let Some((to, datagram)) = to_host.poll(now) {
            // Nobody is there yet, or the buffer is full: lost, as datagrams are.
            let _ = socket.try_send_to(&datagram, to);
        }
        let times = [
            target.poll_timeout(now),
            to_target.poll_timeout(),
            to_host.poll_timeout(),
        ];
        let due = times.into_iter().flatten().min();
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            ready = socket.readable() => {
                let now = Instant::now();
                for _ in 0..DATAGRAMS_AT_ONCE {
                    if ready.is_err() {
                        break;
                    }
                    match socket.try_recv_from(&mut buffer) {
                        Ok((length, from)) => {
                            let datagram = buffer.get(..length).unwrap_or_default().to_vec();
                            to_target.push(now, from, datagram);
                        }
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                        // That the host's port is closed comes as an error of receiving.
                        Err(_) => {}
                    }
                }
            }
            () = sleep_until(due) => {}
        }
    }
}
