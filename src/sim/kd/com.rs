//! Simulated targets on byte streams: a TCP port, a Unix socket or a pseudo-terminal each, with KD as on a serial line.
//!
//! A target is switched on by the first that connects, and lives on between connections. One task a target.

use std::fmt;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Instant;

use rustix::termios::{OptionalActions, tcgetattr, tcsetattr, ttyname};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};
use tokio_util::sync::CancellationToken;

use crate::proto::kd::session::Timing;

use super::faults::{BadWire, Faults};
use super::machine::Settings;
use super::target::{Stream, Target};

/// Where a target waits for its debugger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A TCP port; 0 for any that is free.
    Tcp(IpAddr, u16),
    /// A Unix socket.
    Unix(PathBuf),
    /// A new pseudo-terminal, to which this path will lead.
    Terminal(PathBuf),
}

/// A target that waits for its debugger.
pub struct Listening {
    listener: Listener,
    place: Place,
}

enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
    /// Both ends: without the second, the first would fail while nobody has it open.
    Terminal(Box<(pty_process::Pty, pty_process::Pts)>),
}

/// Most bytes taken from a debugger at once.
const READ_BYTES: usize = 4096;

impl Listening {
    /// Opens the place. A socket or link that an earlier run has left is replaced. To be called on a tokio runtime.
    ///
    /// # Errors
    /// Of the system, and [`io::ErrorKind::AlreadyExists`] if something else is where a socket or link is to be.
    pub fn open(place: &Place) -> io::Result<Self> {
        let (listener, place) = match place {
            Place::Tcp(address, port) => {
                let listener = std::net::TcpListener::bind((*address, *port))?;
                listener.set_nonblocking(true)?;
                let listener = TcpListener::from_std(listener)?;
                let place = Place::Tcp(*address, listener.local_addr()?.port());
                (Listener::Tcp(listener), place)
            }
            Place::Unix(path) => {
                make_way(path)?;
                (Listener::Unix(UnixListener::bind(path)?), place.clone())
            }
            Place::Terminal(path) => {
                let (pty, terminal) = pty_process::open().map_err(io::Error::other)?;
                let mut modes = tcgetattr(&terminal)?;
                modes.make_raw();
                tcsetattr(&terminal, OptionalActions::Now, &modes)?;
                let name = ttyname(&terminal, Vec::new())?;
                make_way(path)?;
                std::os::unix::fs::symlink(name.to_string_lossy().as_ref(), path)?;
                (Listener::Terminal(Box::new((pty, terminal))), place.clone())
            }
        };
        Ok(Self { listener, place })
    }

    /// Where it waits; with the port that was found.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Serves one debugger after the other until `stop`.
    pub async fn serve(self, settings: Settings, faults: Faults, stop: CancellationToken) {
        let mut running = Running::new(settings, faults);
        match self.listener {
            Listener::Tcp(listener) => loop {
                let accepted = tokio::select! {
                    biased;
                    () = stop.cancelled() => break,
                    accepted = listener.accept() => accepted,
                    () = running.idle() => continue,
                };
                if let Ok((stream, _)) = accepted {
                    // Each packet waits for the answer to the one before; costs some delay if it fails.
                    let _ = stream.set_nodelay(true);
                    running.connect(stream, &stop).await;
                }
            },
            Listener::Unix(listener) => loop {
                let accepted = tokio::select! {
                    biased;
                    () = stop.cancelled() => break,
                    accepted = listener.accept() => accepted,
                    () = running.idle() => continue,
                };
                if let Ok((stream, _)) = accepted {
                    running.connect(stream, &stop).await;
                }
            },
            Listener::Terminal(both) => {
                let (pty, _terminal) = *both;
                running.connect(pty, &stop).await;
            }
        }
        if let Place::Unix(path) | Place::Terminal(path) = &self.place {
            // Gone already, or not ours to take away any more.
            let _ = fs::remove_file(path);
        }
    }
}

/// How the connection string of the target there is written, without its name.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address, port) => write!(f, "com:ipport={port},port={address}"),
            Self::Unix(path) => write!(f, "com:pipe,port={},reconnect", path.display()),
            Self::Terminal(path) => write!(f, "com:port={}", path.display()),
        }
    }
}

/// Takes a socket or link of an earlier run away.
fn make_way(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::FileTypeExt as _;
    match fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() || found.file_type().is_symlink() => {
            fs::remove_file(path)
        }
        Ok(_) => Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "something else is there already",
        )),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// A target and the two directions of its wire.
struct Running {
    settings: Settings,
    /// Not before somebody has connected.
    target: Option<Target<Stream>>,
    to_target: BadWire<()>,
    to_host: BadWire<()>,
}

impl Running {
    fn new(settings: Settings, faults: Faults) -> Self {
        Self {
            settings,
            target: None,
            to_target: BadWire::new(faults, settings.seed ^ 1),
            to_host: BadWire::new(faults, settings.seed ^ 2),
        }
    }

    /// Lets the target run on while nobody is connected, once: until it has something to do, and does it.
    async fn idle(&mut self) {
        let due = self
            .target
            .as_ref()
            .and_then(|target| target.poll_timeout(Instant::now()));
        sleep_until(due).await;
        if let Some(target) = &mut self.target {
            target.turn(Instant::now());
            // Nobody reads it.
            while target.poll_transmit().is_some() {}
        }
    }

    /// Serves one connection to its end.
    async fn connect(
        &mut self,
        mut stream: impl AsyncRead + AsyncWrite + Unpin,
        stop: &CancellationToken,
    ) {
        let now = Instant::now();
        let (settings, timing) = (self.settings, Timing::serial(None).for_target());
        let target = self
            .target
            .get_or_insert_with(|| Target::new(settings, Stream::new(timing), now));
        target.engine_mut().set_connected(true);
        target.set_present(true, now);
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let now = Instant::now();
            while let Some(((), bytes)) = self.to_target.poll(now) {
                target.engine_mut().handle_bytes(now, &bytes);
            }
            target.turn(now);
            while let Some(bytes) = target.poll_transmit() {
                self.to_host.push(now, (), bytes);
            }
            while let Some(((), bytes)) = self.to_host.poll(now) {
                let sent = tokio::select! {
                    () = stop.cancelled() => return,
                    sent = stream.write_all(&bytes) => sent,
                };
                if sent.is_err() {
                    return self.disconnect();
                }
            }
            let times = [
                target.poll_timeout(now),
                self.to_target.poll_timeout(),
                self.to_host.poll_timeout(),
            ];
            let due = times.into_iter().flatten().min();
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                read = stream.read(&mut buffer) => match read {
                    Ok(count @ 1..) => {
                        let bytes = buffer.get(..count).unwrap_or_default().to_vec();
                        self.to_target.push(Instant::now(), (), bytes);
                    }
                    Ok(0) | Err(_) => return self.disconnect(),
                },
                () = sleep_until(due) => {}
            }
        }
    }

    fn disconnect(&mut self) {
        if let Some(target) = &mut self.target {
            target.engine_mut().set_connected(false);
        }
    }
}

/// Sleeps until then; for ever if there is no such time.
pub(super) async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}
