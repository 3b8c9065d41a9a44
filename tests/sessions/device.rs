//! Somebody on the raw port, with `nc` or with a connection that is the test's own.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::support::deadline::Deadline;

/// A raw connection, and the lines it got.
pub struct Device {
    pub name: String,
    keys: Box<dyn Write>,
    /// The program that has the connection.
    nc: Option<Child>,
    inbox: Arc<(Mutex<Vec<String>>, Condvar)>,
}

/// Whether there is `nc`, which is said if not.
pub fn nc_is_there() -> bool {
    let silent = |command: &mut Command| {
        let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
        quiet.stdin(Stdio::null()).status().is_ok()
    };
    let there = silent(Command::new("nc").arg("-h"));
    if !there {
        assert!(std::env::var_os("CI").is_none(), "nc is missing");
        eprintln!("skipped: devices with nc: it is missing");
    }
    there
}

impl Device {
    /// Connects from an address of loopback of its own, and registers.
    pub fn join(port: u16, number: u8) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let from = SocketAddr::from((own_address(number), 0));
        socket.bind(&from.into()).expect("an address of loopback");
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        socket.connect(&to.into()).expect("the port is open");
        let stream = TcpStream::from(socket);
        let screen = stream.try_clone().expect("a descriptor");
        Self::begin(number, Box::new(stream), screen, None)
    }

    /// The same with `nc`.
    pub fn join_with_nc(port: u16, number: u8) -> Self {
        let mut nc = Command::new("nc")
            .args(["-s", &own_address(number).to_string(), "127.0.0.1"])
            .arg(port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("nc starts");
        let keys = nc.stdin.take().expect("it is a pipe");
        let screen = nc.stdout.take().expect("it is a pipe");
        Self::begin(number, Box::new(keys), screen, Some(nc))
    }

    fn begin(
        number: u8,
        keys: Box<dyn Write>,
        screen: impl Read + Send + 'static,
        nc: Option<Child>,
    ) -> Self {
        let inbox: Arc<(Mutex<Vec<String>>, Condvar)> = Arc::default();
        let heard = inbox.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(screen).lines() {
                let Ok(line) = line else { return };
                heard.0.lock().expect("no reader panics").push(line);
                heard.1.notify_all();
            }
        });
        let name = format!("box{number}");
        let mut device = Self {
            name: name.clone(),
            keys,
            nc,
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
        // As the keyboard's ENTER does it for each.
        let end = if self.nc.is_some() { "\n" } else { "\r\n" };
        self.keys
            .write_all(format!("{line}{end}").as_bytes())
            .and_then(|()| self.keys.flush())
            .expect("kdeck reads");
    }

    /// Sees all that these targets print from now on.
    pub fn watch(&mut self, targets: &[String]) {
        self.say(&format!("/watch {}", targets.join(",")));
        self.wait("answer to /watch", |line| {
            line.starts_with(">> You see all that ")
        });
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

    /// The output of a target that it was shown, in order, up to the first line with these words, which is waited for.
    pub fn output_up_to(&self, target: &str, words: &str) -> Vec<String> {
        let mark = format!("[I] ({target} - raw): ");
        let text = |line: &str| Some(line.split_once(&mark)?.1.to_owned());
        let is_last = |line: &str| text(line).is_some_and(|text| text.contains(words));
        self.wait(&format!("end of {target}"), is_last);
        let lines = self.inbox.0.lock().expect("no reader panics");
        let last = lines.iter().position(|line| is_last(line));
        let lines = lines.iter().take(last.map_or(0, |last| last + 1));
        lines.filter_map(|line| text(line)).collect()
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        if let Some(nc) = &mut self.nc {
            // Fails when it has ended.
            nc.kill().ok();
            nc.wait().ok();
        }
    }
}

fn own_address(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 3, number)
}
