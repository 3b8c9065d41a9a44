//! Simulated text targets on TCP ports of this machine.
//!
//! One task turns a wheel that lets every machine print what is due, a slot of them at a time; one
//! task a port waits for a client and for what it types, and is asleep otherwise. A machine is
//! switched on by its first client and lives on between clients. What a client does not read is
//! lost, as on a serial line, so that nothing grows and nobody waits for anybody.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::kd::com::Place;
use super::plan::Plan;
use super::telnet;
use super::text::{Event, Machine};

/// Which ports a rack takes. All are on 127.0.0.1 only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ports {
    /// This one and those that follow.
    From(u16),
    /// The first block of consecutive free ones from here on.
    FirstFree(u16),
    /// Any that are free, not consecutive.
    Any,
}

/// How the bytes of a console travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Wire {
    /// As they are.
    #[default]
    Raw,
    /// As a terminal server sends them.
    Telnet,
}

/// Why a simulated rack cannot be had.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum Error {
    #[error("port {port} cannot be listened on ({source}): choose another first port")]
    Listen { port: u16, source: io::Error },
    #[error("{count} ports from {first} on end beyond 65535: choose a lower first port")]
    TooHigh { first: u16, count: usize },
    #[error("there is no block of {count} consecutive free ports on 127.0.0.1")]
    NoBlock { count: usize },
    #[error("a target gets no UDP socket: {0}")]
    Socket(io::Error),
    #[error("{place} cannot be had: {source}")]
    Place { place: Place, source: io::Error },
    #[error("the list of targets cannot be written: {0}")]
    List(io::Error),
    #[error("signals cannot be waited for: {0}")]
    Signal(io::Error),
}

/// A rack that is being served. Dropped, it stops by itself some time after.
#[derive(Debug)]
pub struct Rack {
    addresses: Vec<SocketAddr>,
    consoles: Arc<[Console]>,
    tasks: TaskTracker,
    stop: DropGuard,
}

impl Rack {
    /// Where each target is, in the order of the plans.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Output that clients did not read in time and that was thrown away. Bytes, of all targets.
    #[must_use]
    pub fn dropped_bytes(&self) -> u64 {
        self.consoles
            .iter()
            .map(|console| console.lock().dropped_bytes)
            .sum()
    }

    /// Output that waits for its client to read. Bytes, of all targets; never more than
    /// [`PENDING_BYTES_MAX`] (twice that on telnet) each.
    #[must_use]
    pub fn pending_bytes(&self) -> usize {
        let pending = |console: &Console| {
            console
                .lock()
                .client
                .as_ref()
                .map_or(0, |client| client.pending.len())
        };
        self.consoles.iter().map(pending).sum()
    }

    /// Closes all connections and ports; they are free when this returns.
    pub async fn stop(self) {
        drop(self.stop);
        self.tasks.wait().await;
    }
}

/// Serves `plans`, one a port. Must be called on a tokio runtime.
///
/// # Errors
/// [`Error::Listen`], [`Error::TooHigh`] and [`Error::NoBlock`], when the ports cannot be had.
pub fn serve(plans: &[Plan], ports: Ports, wire: Wire) -> Result<Rack, Error> {
    let listeners = match ports {
        Ports::From(first) => block(first, plans.len())?,
        Ports::FirstFree(from) => first_free_block(from, plans.len())?,
        Ports::Any => plans.iter().map(|_| listen(0)).collect::<Result<_, _>>()?,
    };
    serve_on(plans, listeners, wire)
}

/// Serves `plans` on ports that have been opened, one for each.
///
/// # Errors
/// [`Error::Listen`], if the system does not say where a port is.
pub(super) fn serve_on(
    plans: &[Plan],
    listeners: Vec<TcpListener>,
    wire: Wire,
) -> Result<Rack, Error> {
    let addresses = listeners
        .iter()
        .map(TcpListener::local_addr)
        .collect::<Result<_, _>>();
    let addresses = addresses.map_err(|source| Error::Listen { port: 0, source })?;
    let consoles: Arc<[Console]> = plans
        .iter()
        .map(|plan| Console {
            plan: plan.clone(),
            wire,
            state: Mutex::default(),
        })
        .collect();
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    for (index, listener) in listeners.into_iter().enumerate() {
        let (consoles, stop) = (Arc::clone(&consoles), stop.clone());
        tasks.spawn(async move {
            if let Some(console) = consoles.get(index) {
                console.serve(listener, &stop).await;
            }
        });
    }
    tasks.spawn(turn_wheel(Arc::clone(&consoles), stop.clone()));
    tasks.close();
    Ok(Rack {
        addresses,
        consoles,
        tasks,
        stop: stop.drop_guard(),
    })
}

/// Listens on the first block of `count` consecutive free ports at or above `from`, or failing
/// that, above 20000.
///
/// # Errors
/// [`Error::NoBlock`], if there is none.
pub fn first_free_block(from: u16, count: usize) -> Result<Vec<TcpListener>, Error> {
    for mut first in [from, LOWEST_PORT] {
        loop {
            match block(first, count) {
                Ok(listeners) => return Ok(listeners),
                Err(Error::Listen { port: u16::MAX, .. } | Error::TooHigh { .. }) => break,
                Err(Error::Listen { port, .. }) => first = port + 1,
                Err(other) => return Err(other),
            }
        }
    }
    Err(Error::NoBlock { count })
}

/// Listens on `count` consecutive ports.
pub(super) fn block(first: u16, count: usize) -> Result<Vec<TcpListener>, Error> {
    let ports: Vec<u16> = (first..=u16::MAX).take(count).collect();
    if ports.len() < count {
        return Err(Error::TooHigh { first, count });
    }
    ports.into_iter().map(listen).collect()
}

fn listen(port: u16) -> Result<TcpListener, Error> {
    let open = || {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
        socket.listen(BACKLOG)
    };
    open().map_err(|source| Error::Listen { port, source })
}

/// Lets all machines print, [`WHEEL_SLOTS`] groups in turn, so that their output comes spread in
/// time as that of real machines does.
async fn turn_wheel(consoles: Arc<[Console]>, stop: CancellationToken) {
    let mut clock = tokio::time::interval(TURN / WHEEL_SLOTS as u32);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut scratch = Vec::new();
    for slot in (0..WHEEL_SLOTS).cycle() {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            _ = clock.tick() => {}
        }
        for console in consoles.iter().skip(slot).step_by(WHEEL_SLOTS) {
            console.lock().turn(Instant::now(), &mut scratch);
        }
    }
}

/// One port and the machine behind it.
#[derive(Debug)]
struct Console {
    plan: Plan,
    wire: Wire,
    state: Mutex<State>,
}

impl Console {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves one client after the other.
    async fn serve(&self, listener: TcpListener, stop: &CancellationToken) {
        let (mut buffer, mut scratch) = (vec![0; READ_BYTES], Vec::new());
        loop {
            let stream = tokio::select! {
                () = stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            let Ok((stream, _)) = stream else {
                // Out of descriptors, most likely: others may close some.
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            };
            let (stream, closed) = (Arc::new(stream), stop.child_token());
            self.connect(Arc::clone(&stream), closed.clone());
            while let Some(length) = read(&stream, &mut buffer, &closed).await {
                let now = Instant::now();
                let mut state = self.lock();
                state.handle_bytes(buffer.get(..length).unwrap_or_default(), now);
                state.turn(now, &mut scratch);
            }
            self.lock().client = None;
        }
    }

    fn connect(&self, stream: Arc<TcpStream>, closed: CancellationToken) {
        // Costs some delay if it fails, and nothing else.
        let _ = stream.set_nodelay(true);
        let mut client = Client {
            stream,
            closed,
            telnet: None,
            pending: Vec::new(),
        };
        if self.wire == Wire::Telnet {
            client.telnet = Some(telnet::Server::default());
            client.pending.extend_from_slice(telnet::Server::GREETING);
        }
        let (
            now,
            Plan {
                name,
                seed,
                behaviour,
                ..
            },
        ) = (Instant::now(), &self.plan);
        let mut state = self.lock();
        state
            .machine
            .get_or_insert_with(|| Machine::new(name, *seed, *behaviour, now));
        state.client = Some(client);
        state.turn(now, &mut Vec::new());
    }
}

/// What the client sent next; `None` when there is no client any more.
async fn read(stream: &TcpStream, buffer: &mut [u8], closed: &CancellationToken) -> Option<usize> {
    loop {
        tokio::select! {
            biased;
            () = closed.cancelled() => return None,
            ready = stream.readable() => ready.ok()?,
        }
        match stream.try_read(buffer) {
            Ok(0) => return None,
            Ok(length) => return Some(length),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return None,
        }
    }
}

#[derive(Debug, Default)]
struct State {
    machine: Option<Machine>,
    client: Option<Client>,
    dropped_bytes: u64,
}

impl State {
    /// Lets the machine print what is due, and sends what the client takes. `scratch` is only
    /// there so as not to be allocated each time.
    fn turn(&mut self, now: Instant, scratch: &mut Vec<u8>) {
        let Some(machine) = &mut self.machine else {
            return;
        };
        scratch.clear();
        machine.poll_output(now, scratch);
        let hang_up = machine.poll_event() == Some(Event::HangUp);
        let Some(client) = &mut self.client else {
            return;
        };
        self.dropped_bytes += client.queue(scratch) as u64;
        if client.send().is_err() || hang_up {
            client.closed.cancel();
            self.client = None;
        }
    }

    fn handle_bytes(&mut self, bytes: &[u8], now: Instant) {
        let (Some(machine), Some(client)) = (&mut self.machine, &mut self.client) else {
            return;
        };
        let Some(telnet) = &mut client.telnet else {
            return machine.handle_input(bytes, now);
        };
        let received = telnet.handle_bytes(bytes);
        if client.pending.len() < PENDING_BYTES_MAX {
            client.pending.extend_from_slice(&received.answer);
        }
        machine.handle_input(&received.before_break, now);
        if let Some(typed) = received.after_break {
            machine.handle_break(now);
            machine.handle_input(&typed, now);
        }
    }
}

/// Whoever is connected to a port.
#[derive(Debug)]
struct Client {
    stream: Arc<TcpStream>,
    /// Wakes the port's task when the connection has ended for another reason than reading.
    closed: CancellationToken,
    telnet: Option<telnet::Server>,
    pending: Vec<u8>,
}

impl Client {
    /// Takes `output` to be sent, as many whole lines of it as there is room for. Returns how many
    /// bytes were too many.
    fn queue(&mut self, output: &[u8]) -> usize {
        let room = PENDING_BYTES_MAX.saturating_sub(self.pending.len());
        let fits = match output.get(..room) {
            Some(start) => memchr::memrchr(b'\n', start).map_or(0, |newline| newline + 1),
            None => output.len(),
        };
        let (kept, lost) = output.split_at(fits);
        match &self.telnet {
            Some(_) => telnet::escape(kept, &mut self.pending),
            None => self.pending.extend_from_slice(kept),
        }
        lost.len()
    }

    /// Sends what the client takes now.
    fn send(&mut self) -> io::Result<()> {
        let mut sent = 0;
        let result = loop {
            let rest = self.pending.get(sent..).unwrap_or_default();
            if rest.is_empty() {
                break Ok(());
            }
            match self.stream.try_write(rest) {
                Ok(length) => sent += length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        self.pending.drain(..sent);
        if self.pending.is_empty() {
            self.pending.shrink_to(PENDING_BYTES_KEPT);
        }
        result
    }
}

/// How often each machine is asked for its output. The longest a line waits.
const TURN: Duration = Duration::from_millis(50);

/// Groups of machines that are asked one after the other within a [`TURN`].
const WHEEL_SLOTS: usize = 5;

/// Most output that waits for a client, before lines are dropped. Bytes; room for the longest
/// line a machine prints and a few turns of a flood.
pub const PENDING_BYTES_MAX: usize = 256 * 1024;

/// Allocation that a connection keeps between turns. Bytes; an ordinary turn's output.
const PENDING_BYTES_KEPT: usize = 8 * 1024;

/// What the system may hold for a client that does not read. Bytes; it would grow to megabytes.
const SEND_BUFFER_BYTES: u32 = 128 * 1024;

/// Most input taken from a client at once. Bytes.
const READ_BYTES: usize = 4 * 1024;

/// Clients that can wait for their turn at a port.
const BACKLOG: u32 = 16;

/// Pause after a connection could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Where to look for ports when there are none higher up: above those of well-known services.
const LOWEST_PORT: u16 = 20_000;

#[cfg(test)]
mod tests;
