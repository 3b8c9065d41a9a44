//! Somebody at a device: a TCP connection, read line by line with a deadline.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};

use socket2::{Domain, Socket, Type};

use crate::support::deadline::{Deadline, PATIENCE};
use crate::support::headless::Headless;
use crate::support::ports::free_port;

/// A kdeck with its chat port open, and that port.
pub fn open(arguments: &[&str]) -> (Headless, u16) {
    let mut kdeck = Headless::start(arguments);
    let port = open_port(&mut kdeck);
    (kdeck, port)
}

/// Opens the chat port.
pub fn open_port(kdeck: &mut Headless) -> u16 {
    let port = free_port();
    let told = kdeck.done(&format!(".chatport tcp:port={port}"));
    assert!(told.contains(&format!("nc 127.0.0.1 {port}")), "{told}");
    port
}

/// Somebody with `nc`.
pub struct Person {
    pub stream: TcpStream,
    reader: BufReader<TcpStream>,
}

impl Person {
    /// Somebody from 127.0.0.1.
    pub fn connect(port: u16) -> Self {
        Self::connect_from(1, port)
    }

    /// Somebody from 127.0.0.`machine`.
    pub fn connect_from(machine: u8, port: u16) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let own = SocketAddr::from((Ipv4Addr::new(127, 0, 0, machine), 0));
        socket
            .bind(&own.into())
            .expect("an address of this machine");
        let port = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        socket.connect(&port.into()).expect("the port is open");
        let stream = TcpStream::from(socket);
        stream.set_nodelay(true).expect("a TCP stream");
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a TCP stream");
        let reader = stream.try_clone().expect("a descriptor");
        Self {
            stream,
            reader: BufReader::new(reader),
        }
    }

    /// Somebody from 127.0.0.`machine` who registers.
    pub fn named(machine: u8, port: u16, name: &str) -> Self {
        let mut person = Self::connect_from(machine, port);
        person.say(&format!("/register {name}"));
        person.wait(&format!("Hi, {name}!"));
        person
    }

    /// Types a line.
    pub fn say(&mut self, line: &str) {
        self.send(format!("{line}\n").as_bytes());
    }

    /// Sends bytes in one segment.
    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("kdeck reads");
    }

    /// The next line, without its end; `None` when the connection ended.
    pub fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        match self.reader.read_line(&mut line) {
            Ok(0) => None,
            Ok(_) => {
                let whole = line.strip_suffix("\r\n");
                Some(whole.unwrap_or_else(|| panic!("{line:?}")).to_owned())
            }
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => None,
            Err(error) => panic!("nothing came: {error}"),
        }
    }

    /// The next line, its time shown as `TIME`.
    pub fn untimed(&mut self) -> Option<String> {
        self.line().map(|line| untimed(&line))
    }

    /// Reads up to a line that contains `text`: all that came, times shown as `TIME`.
    pub fn wait(&mut self, text: &str) -> Vec<String> {
        let deadline = Deadline::soon();
        let mut lines = Vec::new();
        loop {
            assert!(deadline.left().is_some(), "no {text:?} in {lines:#?}");
            let Some(line) = self.untimed() else {
                panic!("the end before {text:?}: {lines:#?}");
            };
            let found = line.contains(text);
            lines.push(line);
            if found {
                return lines;
            }
        }
    }

    /// All lines that were said before the answer to a question that is asked now.
    pub fn until_now(&mut self) -> Vec<String> {
        self.say("/nothing");
        let mut lines = self.wait(">> Command not found.");
        lines.pop();
        lines
    }

    /// All lines up to the end.
    pub fn rest(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.untimed()).collect()
    }

    /// Says nothing more, and reads on.
    pub fn end_input(&self) {
        self.stream.shutdown(Shutdown::Write).expect("it is open");
    }
}

/// A line whose time is `TIME`, if it begins with one.
pub fn untimed(line: &str) -> String {
    let (stamp, rest) = line
        .split_at_checked("2026-11-21T10:02:11".len())
        .unwrap_or((line, ""));
    let shape: String = stamp
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    if shape == "0000-00-00T00:00:00" {
        format!("TIME{rest}")
    } else {
        line.to_owned()
    }
}

impl Person {
    /// Reads up to a telnet command of three bytes, past all lines before it.
    pub fn wait_telnet(&mut self) -> [u8; 3] {
        let mut line = Vec::new();
        let count = self
            .reader
            .read_until(0xff, &mut line)
            .expect("kdeck answers");
        assert!(count > 0, "the end before an answer");
        let mut command = [0xff; 3];
        let [_, rest @ ..] = &mut command;
        std::io::Read::read_exact(&mut self.reader, rest).expect("kdeck answers");
        command
    }
}
