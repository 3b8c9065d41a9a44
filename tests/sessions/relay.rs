//! What lies between two ends: a TCP line that can be slow or cut, and a serial line made of two pseudo-terminals.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::support::peer::SerialLine;

/// How often bytes are passed on where they are counted.
const BEAT: Duration = Duration::from_millis(50);

/// A port of 127.0.0.1 that leads to another one.
#[derive(Debug)]
pub struct Relay {
    pub port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    to: u16,
    /// Bytes a second from the server; 0 for as many as come.
    speed: AtomicUsize,
    passed: AtomicU64,
    /// Connections that were made.
    connections: AtomicUsize,
    lines: Mutex<Vec<Line>>,
}

#[derive(Debug)]
struct Line {
    client: TcpStream,
    server: TcpStream,
    /// The end of the client's side is kept from the server.
    is_stranded: Arc<AtomicBool>,
}

impl Relay {
    /// Leads to a port of 127.0.0.1 and passes so many bytes a second to those who connect; 0 for all that come.
    pub fn to(port: u16, speed: usize) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let own = listener.local_addr().expect("it is bound").port();
        let shared = Arc::new(Shared {
            to: port,
            speed: AtomicUsize::new(speed),
            passed: AtomicU64::new(0),
            connections: AtomicUsize::new(0),
            lines: Mutex::default(),
        });
        let accepting = shared.clone();
        // It ends with the test program.
        std::thread::spawn(move || {
            for client in listener.incoming() {
                accepting.lead(client.expect("somebody connects"));
            }
        });
        Self { port: own, shared }
    }

    /// Bytes that the server sent so far.
    pub fn passed(&self) -> u64 {
        self.shared.passed.load(Ordering::Relaxed)
    }

    /// How many came so far.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// From now on so many bytes a second.
    pub fn set_speed(&self, speed: usize) {
        self.shared.speed.store(speed, Ordering::Relaxed);
    }

    /// Cuts all connections in the middle of what they carry.
    pub fn cut(&self) {
        for line in self.shared.lines().drain(..) {
            // It may have been closed already.
            line.client.shutdown(Shutdown::Both).ok();
            line.server.shutdown(Shutdown::Both).ok();
        }
    }

    /// Ends all connections for the clients alone: the server hears nothing of it.
    pub fn strand(&self) {
        for line in self.shared.lines().iter() {
            line.is_stranded.store(true, Ordering::SeqCst);
            // It may have been closed already.
            line.client.shutdown(Shutdown::Both).ok();
        }
    }
}

impl Shared {
    fn lead(self: &Arc<Self>, client: TcpStream) {
        let Ok(server) = TcpStream::connect(("127.0.0.1", self.to)) else {
            return;
        };
        self.connections.fetch_add(1, Ordering::Relaxed);
        let again = |stream: &TcpStream| stream.try_clone().expect("a descriptor");
        let is_stranded = Arc::<AtomicBool>::default();
        self.lines().push(Line {
            client: again(&client),
            server: again(&server),
            is_stranded: is_stranded.clone(),
        });
        let (from_client, to_server) = (again(&client), again(&server));
        std::thread::spawn(move || pass(from_client, to_server, &is_stranded));
        let shared = self.clone();
        std::thread::spawn(move || shared.pass_slowly(server, client));
    }

    fn lines(&self) -> MutexGuard<'_, Vec<Line>> {
        self.lines.lock().expect("nobody panics with it")
    }

    fn pass_slowly(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut buffer = vec![0; 64 << 10];
        let mut next = Instant::now();
        loop {
            let speed = self.speed.load(Ordering::Relaxed);
            let room = match speed {
                0 => buffer.len(),
                speed => {
                    (speed * usize::try_from(BEAT.as_millis()).expect("it is short") / 1000).max(1)
                }
            };
            let count = from.read(&mut buffer[..room]).unwrap_or(0);
            self.passed.fetch_add(count as u64, Ordering::Relaxed);
            if count == 0 || to.write_all(&buffer[..count]).is_err() {
                to.shutdown(Shutdown::Both).ok();
                return;
            }
            if speed > 0 {
                next = next.max(Instant::now()) + BEAT;
                std::thread::sleep(next.saturating_duration_since(Instant::now()));
            }
        }
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, is_stranded: &AtomicBool) {
    std::io::copy(&mut from, &mut to).ok();
    if !is_stranded.load(Ordering::SeqCst) {
        to.shutdown(Shutdown::Both).ok();
    }
}

/// Two serial ports that are joined by a cable.
#[derive(Debug)]
pub struct Cable {
    lines: [SerialLine; 2],
}

impl Cable {
    pub fn lay() -> Self {
        let lines = [SerialLine::open(), SerialLine::open()];
        for (one, other) in [(0, 1), (1, 0)] {
            let mut from = lines[one].far.stream();
            let mut to = lines[other].far.stream();
            std::thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(count @ 1..) = from.read(&mut buffer) {
                    if to.write_all(&buffer[..count]).is_err() {
                        return;
                    }
                }
            });
        }
        Self { lines }
    }

    /// The device of one end.
    pub fn end(&self, which: usize) -> &PathBuf {
        &self.lines[which].device
    }
}
