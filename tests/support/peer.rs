//! Small peers that play a script: TCP, Unix and UDP, and a serial line that is a pty pair.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use super::deadline::Deadline;

/// A TCP port of 127.0.0.1 on which a target waits to be called.
#[derive(Debug)]
pub struct Peer(TcpListener);

impl Peer {
    /// On a port that the system chooses.
    pub fn listen() -> Self {
        Self::listen_on(0)
    }

    /// On this port.
    pub fn listen_on(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port));
        Self(listener.expect("a free port of 127.0.0.1"))
    }

    pub fn port(&self) -> u16 {
        let address = self.0.local_addr();
        address.expect("a bound socket has an address").port()
    }

    /// The target string that leads here.
    pub fn raw(&self, name: &str) -> String {
        format!("raw:server=127.0.0.1,port={},name={name}", self.port())
    }

    /// The target string that leads here by telnet.
    pub fn telnet(&self, name: &str) -> String {
        format!("telnet:server=127.0.0.1,port={},name={name}", self.port())
    }

    /// Waits until somebody calls.
    pub fn accept(&self) -> Connection {
        assert!(Deadline::soon().readable(&self.0), "nobody called");
        let (stream, _) = self.0.accept().expect("somebody calls");
        stream.set_nodelay(true).expect("a TCP stream");
        Connection::from(OwnedFd::from(stream))
    }
}

/// Calls a port of 127.0.0.1 on which kdeck listens.
pub fn call(port: u16) -> Connection {
    let deadline = Deadline::soon();
    loop {
        match TcpStream::connect(("127.0.0.1", port)) {
            Ok(stream) => return Connection::from(OwnedFd::from(stream)),
            Err(error) => assert!(deadline.left().is_some(), "port {port}: {error}"),
        }
    }
}

/// A Unix socket on which a target waits to be called.
#[derive(Debug)]
pub struct UnixPeer(UnixListener);

impl UnixPeer {
    pub fn listen(path: &Path) -> Self {
        Self(UnixListener::bind(path).expect("a socket in a temporary directory"))
    }

    /// Waits until somebody calls.
    pub fn accept(&self) -> Connection {
        assert!(Deadline::soon().readable(&self.0), "nobody called");
        let (stream, _) = self.0.accept().expect("somebody calls");
        Connection::from(OwnedFd::from(stream))
    }
}

/// A pseudo-terminal that plays a serial line.
#[derive(Debug)]
pub struct SerialLine {
    /// The far end.
    pub far: Connection,
    /// The device that a program opens.
    pub device: PathBuf,
    /// Held, so that the line stays when that program closes the device.
    near: OwnedFd,
}

impl SerialLine {
    pub fn open() -> Self {
        let (pty, near) = pty_process::blocking::open().expect("a pty");
        let near = near.as_fd().try_clone_to_owned().expect("a descriptor");
        let link = format!("/proc/self/fd/{}", near.as_raw_fd());
        let device = std::fs::read_link(link).expect("an open file has a path");
        let mut modes = rustix::termios::tcgetattr(&near).expect("a terminal");
        modes.make_raw();
        rustix::termios::tcsetattr(&near, rustix::termios::OptionalActions::Now, &modes)
            .expect("a terminal");
        Self {
            far: Connection::from(OwnedFd::from(pty)),
            device,
            near,
        }
    }

    /// The speed to which the device was set, bits a second.
    pub fn baud(&self) -> u32 {
        let modes = rustix::termios::tcgetattr(&self.near);
        modes.expect("a terminal").output_speed()
    }
}

/// A kernel that sends its log by netconsole.
#[derive(Debug)]
pub struct Netconsole {
    socket: UdpSocket,
    to: SocketAddr,
}

impl Netconsole {
    /// Sends from this address of loopback to a port of 127.0.0.1.
    pub fn new(from: &str, port: u16) -> Self {
        let socket = UdpSocket::bind((from, 0)).expect("an address of loopback");
        let to = SocketAddr::from(([127, 0, 0, 1], port));
        Self { socket, to }
    }

    pub fn send(&self, datagram: &[u8]) {
        let sent = self.socket.send_to(datagram, self.to);
        // Loopback tells when the last one found no receiver; this one may.
        if let Err(error) = sent {
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "{error}");
        }
    }
}

/// One side of a byte stream.
#[derive(Debug)]
pub struct Connection {
    stream: File,
    /// Read and not yet asked for.
    rest: Vec<u8>,
}

impl From<OwnedFd> for Connection {
    fn from(stream: OwnedFd) -> Self {
        let stream = File::from(stream);
        Self {
            stream,
            rest: Vec::new(),
        }
    }
}

impl Connection {
    /// The same stream once more, for somebody who passes on what comes.
    pub fn stream(&self) -> File {
        self.stream.try_clone().expect("a descriptor")
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream
            .write_all(bytes.as_ref())
            .expect("kdeck is there and reads");
    }

    /// What came up to and with `end`.
    pub fn read_until(&mut self, end: &[u8]) -> Vec<u8> {
        let deadline = Deadline::soon();
        loop {
            if let Some(at) = memchr::memmem::find(&self.rest, end) {
                let after = self.rest.split_off(at + end.len());
                return std::mem::replace(&mut self.rest, after);
            }
            let (more, so_far) = (self.read(deadline), self.rest.escape_ascii());
            assert!(more, "no {:?} came, but {so_far}", end.escape_ascii());
        }
    }

    /// The next line of input, without the carriage return that ends it.
    pub fn line(&mut self) -> String {
        let mut bytes = self.read_until(b"\r");
        bytes.pop();
        String::from_utf8(bytes).expect("input is text")
    }

    /// What one read takes, as a peer sees it that takes a read for a message.
    pub fn message(&mut self) -> Vec<u8> {
        if self.rest.is_empty() {
            assert!(self.read(Deadline::soon()), "no message came");
        }
        std::mem::take(&mut self.rest)
    }

    /// Waits until kdeck closes it.
    pub fn wait_close(&mut self) {
        let deadline = Deadline::soon();
        while self.read(deadline) {}
        assert!(deadline.left().is_some(), "kdeck keeps the connection");
    }

    /// Reads once. False at the end, of the stream or of the time.
    fn read(&mut self, deadline: Deadline) -> bool {
        if !deadline.readable(&self.stream) {
            return false;
        }
        let mut buffer = [0; 4096];
        // A reset is an end, and so is a pty whose other side is closed.
        let count = self.stream.read(&mut buffer).unwrap_or(0);
        self.rest.extend_from_slice(&buffer[..count]);
        count > 0
    }
}
