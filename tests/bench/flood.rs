//! Many TCP consoles that print numbered lines: as fast as they are read, or at a rate. One thread serves them all.
//!
//! A line is known by its stream and its number, so that whoever stored lines can be shown to have lost none.

use std::io::{ErrorKind, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::fd::OwnedFd;

/// Bytes of a line, newline included.
pub const LINE_BYTES: usize = 100;
/// Lines that are made at once.
const BLOCK_LINES: u64 = 640;
/// Blocks sent to one stream before the next one has its turn.
const TURN_BLOCKS: usize = 4;
/// How often streams at a rate get the lines they are owed.
const TICK: Duration = Duration::from_millis(5);

/// How much each stream prints.
#[derive(Debug, Clone, Copy)]
pub enum Pace {
    /// As fast as it is read.
    Full,
    /// So many lines a second.
    Rate(u64),
    /// So many lines, as fast as they are read, then silence.
    Lines(u64),
}

/// Listening consoles, and the thread that serves them until this is dropped.
pub struct Flood {
    pub ports: Vec<u16>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    connected: AtomicUsize,
    bytes: AtomicU64,
}

struct Stream {
    socket: TcpStream,
    begun: Instant,
    /// Lines made so far.
    lines: u64,
    block: Vec<u8>,
    /// Bytes of the block that are to be sent.
    filled: usize,
    /// Bytes of the block that are sent.
    sent: usize,
    /// The thread is told when there is room to send.
    waits: bool,
}

/// The line of a stream with that number, from 1.
pub fn line(stream: usize, number: u64) -> [u8; LINE_BYTES] {
    const TEXT: &[u8] =
        b"usb 1-1: device descriptor read/64, error -71; eth0: link up, 1000 Mbps full duplex; quota: none";
    let mut line = [b'\n'; LINE_BYTES];
    let head = format!("c{stream:04} {number:010} ");
    let (front, text) = line.split_at_mut(head.len());
    front.copy_from_slice(head.as_bytes());
    let room = text.len() - 1;
    text[..room].copy_from_slice(&TEXT[..room]);
    line
}

impl Flood {
    /// Serves `streams` consoles on ports that the system chooses. Each begins to print when it is connected to.
    pub fn start(streams: usize, pace: Pace) -> Self {
        let listeners: Vec<TcpListener> = (0..streams)
            .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port"))
            .collect();
        let ports = listeners
            .iter()
            .map(|listener| listener.local_addr().expect("it is bound").port())
            .collect();
        let shared = Arc::new(Shared::default());
        let serves = shared.clone();
        let thread = std::thread::spawn(move || serve(&listeners, pace, &serves));
        Self {
            ports,
            shared,
            thread: Some(thread),
        }
    }

    /// Bytes that were sent so far.
    pub fn bytes(&self) -> u64 {
        self.shared.bytes.load(Ordering::Relaxed)
    }

    /// Waits until every console is connected to.
    pub fn wait_for_all(&self, patience: Duration) {
        let end = Instant::now() + patience;
        while self.shared.connected.load(Ordering::Relaxed) < self.ports.len() {
            assert!(Instant::now() < end, "not every console is connected to");
            std::thread::sleep(TICK);
        }
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the flood's thread");
        }
    }
}

fn serve(listeners: &[TcpListener], pace: Pace, shared: &Shared) {
    let epoll = epoll::create(CreateFlags::CLOEXEC).expect("epoll");
    for (id, listener) in (0..).zip(listeners) {
        listener.set_nonblocking(true).expect("a socket");
        epoll::add(&epoll, listener, EventData::new_u64(id), EventFlags::IN).expect("epoll");
    }
    let mut streams: Vec<Option<Stream>> = Vec::new();
    let mut ready: Vec<Event> = Vec::with_capacity(256);
    let tick = Timespec::try_from(TICK).expect("a short time");
    while !shared.stop.load(Ordering::Relaxed) {
        ready.clear();
        let buffer = rustix::buffer::spare_capacity(&mut ready);
        match epoll::wait(&epoll, buffer, Some(&tick)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => panic!("epoll: {error}"),
        }
        for event in &ready {
            let which = usize::try_from(event.data.u64()).expect("an index");
            if let Some(listener) = listeners.get(which) {
                if let Ok((socket, _)) = listener.accept() {
                    let data = EventData::new_u64((listeners.len() + streams.len()) as u64);
                    socket.set_nonblocking(true).expect("a socket");
                    epoll::add(&epoll, &socket, data, EventFlags::OUT).expect("epoll");
                    streams.push(Some(Stream::new(socket, which)));
                    shared.connected.fetch_add(1, Ordering::Relaxed);
                }
                continue;
            }
            let stream = &mut streams[which - listeners.len()];
            turn(stream, which as u64, &epoll, pace, shared);
        }
        if matches!(pace, Pace::Rate(_)) {
            for (which, stream) in (listeners.len() as u64..).zip(&mut streams) {
                if stream.as_ref().is_some_and(|stream| !stream.waits) {
                    turn(stream, which, &epoll, pace, shared);
                }
            }
        }
    }
}

/// Lets a stream send; forgets it when its reader is gone.
fn turn(slot: &mut Option<Stream>, which: u64, epoll: &OwnedFd, pace: Pace, shared: &Shared) {
    let Some(stream) = slot else { return };
    let Ok(sent) = stream.send(pace) else {
        *slot = None;
        return;
    };
    shared.bytes.fetch_add(sent, Ordering::Relaxed);
    let wants = stream.wants(pace);
    if wants != stream.waits {
        stream.waits = wants;
        let flags = if wants {
            EventFlags::OUT
        } else {
            EventFlags::empty()
        };
        epoll::modify(epoll, &stream.socket, EventData::new_u64(which), flags).expect("epoll");
    }
}

impl Stream {
    fn new(socket: TcpStream, id: usize) -> Self {
        Self {
            socket,
            begun: Instant::now(),
            lines: 0,
            block: line(id, 0).repeat(BLOCK_LINES as usize),
            filled: 0,
            sent: 0,
            waits: true,
        }
    }

    /// Sends what goes without waiting; returns how many bytes that was.
    fn send(&mut self, pace: Pace) -> std::io::Result<u64> {
        let mut total = 0;
        for _ in 0..TURN_BLOCKS {
            if self.sent == self.filled {
                self.fill(pace);
            }
            let rest = &self.block[self.sent..self.filled];
            if rest.is_empty() {
                break;
            }
            match self.socket.write(rest) {
                Ok(count) => {
                    self.sent += count;
                    total += count as u64;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(total)
    }

    /// Whether there is more to send as soon as there is room.
    fn wants(&self, pace: Pace) -> bool {
        match pace {
            Pace::Full => true,
            Pace::Rate(_) => self.sent < self.filled,
            Pace::Lines(lines) => self.sent < self.filled || self.lines < lines,
        }
    }

    /// Makes the lines that are due, a block at most.
    fn fill(&mut self, pace: Pace) {
        let due = match pace {
            Pace::Full => u64::MAX,
            Pace::Lines(lines) => lines,
            Pace::Rate(rate) => (self.begun.elapsed().as_secs_f64() * rate as f64) as u64,
        };
        let count = due.saturating_sub(self.lines).min(BLOCK_LINES) as usize;
        self.filled = count * LINE_BYTES;
        // Only the numbers differ from line to line.
        for line in self.block[..self.filled].chunks_exact_mut(LINE_BYTES) {
            self.lines += 1;
            let mut rest = self.lines;
            for digit in line[6..16].iter_mut().rev() {
                *digit = b'0' + (rest % 10) as u8;
                rest /= 10;
            }
        }
        self.sent = 0;
    }
}
