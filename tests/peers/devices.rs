//! The debug-and-chat port with the programs that people have: `nc`, and the one of PuTTY that needs no screen.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use crate::rig::can_run;
use crate::support::deadline::PATIENCE;
use crate::support::headless::Headless;
use crate::support::ports::free_port;

/// A program on the port, and what it printed.
struct Guest {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
}

impl Guest {
    fn start(program: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let input = child.stdin.take().expect("a pipe");
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines() {
                let line = line.expect("it prints text");
                // The test may have seen enough.
                sender.send(line.trim_end_matches('\r').to_owned()).ok();
            }
        });
        Self {
            child,
            input,
            lines,
        }
    }

    fn say(&mut self, line: &str) {
        writeln!(self.input, "{line}").expect("it reads");
    }

    fn wait(&self, text: &str) {
        while !self.next().contains(text) {}
    }

    fn next(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("it prints more")
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        // Fails when it has ended, as it should have.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[test]
fn people_with_nc_and_putty_chat() {
    if !can_run("devices", &["nc", "plink"]) {
        return;
    }
    let mut kdeck = Headless::start(&[]);
    let port = free_port();
    kdeck.done(&format!(".chatport tcp:port={port}"));
    let port = port.to_string();
    let nc = ["127.0.0.1", &port];
    let raw = ["-raw", "-P", &port, "127.0.0.1"];
    let telnet = ["-telnet", "-P", &port, "127.0.0.1"];
    let mut people = [("nc", &nc[..]), ("plink", &raw), ("plink", &telnet)]
        .map(|(program, arguments)| Guest::start(program, arguments));
    for (number, person) in people.iter_mut().enumerate() {
        person.wait(">> Your address is 127.0.0.1.");
        person.say(&format!("/register person{number}"));
        person.wait(&format!("Successfully registered! Hi, person{number}!"));
    }
    for number in 0..people.len() {
        people[number].say(&format!("hello from {number}"));
        for person in &people {
            person.wait(&format!("[I] (chat):  person{number}> hello from {number}"));
        }
    }
    kdeck.done(".echo hello all");
    for person in &people {
        person.wait("> hello all");
    }
}
