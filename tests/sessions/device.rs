//! Somebody with `nc` on the raw port.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::support::deadline::Deadline;

/// A raw connection, and the lines it got.
#[derive(Debug)]
pub struct Device {
    pub name: String,
    stream: TcpStream,
    inbox: Arc<(Mutex<Vec<String>>, Condvar)>,
}

impl Device {
    /// Connects from an address of loopback of its own, and registers.
    pub fn join(port: u16, number: u8) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let from = SocketAddr::from((Ipv4Addr::new(127, 0, 3, number), 0));
        socket.bind(&from.into()).expect("an address of loopback");
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        socket.connect(&to.into()).expect("the port is open");
        let stream = TcpStream::from(socket);
        let inbox: Arc<(Mutex<Vec<String>>, Condvar)> = Arc::default();
        let (heard, reads) = (inbox.clone(), stream.try_clone().expect("a descriptor"));
        std::thread::spawn(move || {
            for line in BufReader::new(reads).lines() {
                let Ok(line) = line else { return };
                heard.0.lock().expect("no reader panics").push(line);
                heard.1.notify_all();
            }
        });
        let name = format!("box{number}");
        let mut device = Self {
            name: name.clone(),
            stream,
            inbox,
        };
        device.say(&format!("/register {name}"));
        device.wait("registration", |line| {
            line.contains("(register): Successfully registered!")
        });
        device
    }

    /// Types a line.
    pub fn say(&mut self, line: &str) {
        self.stream
            .write_all(format!("{line}\r\n").as_bytes())
            .expect("kdeck reads");
    }

    /// Waits for a line.
    pub fn wait(&self, what: &str, wanted: impl Fn(&str) -> bool) {
        let deadline = Deadline::after(Duration::from_secs(60));
        let mut lines = self.inbox.0.lock().expect("no reader panics");
        while !lines.iter().any(|line| wanted(line)) {
            let left = deadline.left();
            let left = left.unwrap_or_else(|| {
                let last: Vec<&String> = lines.iter().rev().take(10).collect();
                panic!("{} has no {what}; last {last:#?}", self.name)
            });
            lines = self
                .inbox
                .1
                .wait_timeout(lines, left)
                .expect("no reader panics")
                .0;
        }
    }

    /// The chat it was shown: author and text, in order.
    pub fn chat(&self) -> Vec<(String, String)> {
        let said = |line: &String| {
            let (_, words) = line.split_once("[I] (chat):  ")?;
            let (who, text) = words.split_once("> ")?;
            Some((who.to_owned(), text.to_owned()))
        };
        let lines = self.inbox.0.lock().expect("no reader panics");
        lines.iter().filter_map(said).collect()
    }

    /// The output of a target that it was shown, in order.
    pub fn output(&self, target: &str) -> Vec<String> {
        let mark = format!("[I] ({target} - raw): ");
        let lines = self.inbox.0.lock().expect("no reader panics");
        let text = |line: &String| Some(line.split_once(&mark)?.1.to_owned());
        lines.iter().filter_map(text).collect()
    }
}
