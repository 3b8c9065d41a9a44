//! kdeck without a screen: lines in, JSON events out.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::deadline::{Deadline, PATIENCE};
use super::home::Home;

/// How many of the last events a failure shows.
const SHOWN_EVENTS: usize = 60;

/// A running `kdeck --headless --json`; ended when dropped.
#[derive(Debug)]
pub struct Headless {
    pub home: Home,
    /// How long its waits last before they fail.
    pub patience: Duration,
    child: Child,
    input: Option<ChildStdin>,
    events: Arc<Inbox>,
    complaints: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
    from: usize,
}

/// One event, as it was printed.
#[derive(Debug, Clone, PartialEq)]
pub struct Event(pub Value);

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    pub home: Home,
    pub status: ExitStatus,
    pub events: Vec<Event>,
    /// What it wrote to standard error.
    pub complaints: String,
}

#[derive(Debug, Default)]
struct Inbox {
    arrived: Mutex<Arrived>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Arrived {
    events: Vec<Event>,
    ended: bool,
}

impl Headless {
    /// Starts kdeck with these arguments in a home of its own.
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_in(Home::new(), arguments)
    }

    /// Starts kdeck with one `-k` for each of these targets.
    pub fn watching<S: AsRef<str>>(targets: impl IntoIterator<Item = S>) -> Self {
        let targets: Vec<S> = targets.into_iter().collect();
        let arguments: Vec<&str> = targets
            .iter()
            .flat_map(|target| ["-k", target.as_ref()])
            .collect();
        Self::start(&arguments)
    }

    /// Starts kdeck with these arguments in `home`.
    pub fn start_in(home: Home, arguments: &[&str]) -> Self {
        let kdeck = home.kdeck();
        Self::start_by(home, kdeck, arguments)
    }

    /// The same by a command of [`Home::kdeck`] or [`Home::kdeck_by`].
    pub fn start_by(home: Home, mut kdeck: Command, arguments: &[&str]) -> Self {
        let mut child = kdeck
            .args(["--headless", "--json"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("kdeck starts");
        let events: Arc<Inbox> = Arc::default();
        let complaints: Arc<Mutex<String>> = Arc::default();
        let output = child.stdout.take().expect("standard output is a pipe");
        let errors = child.stderr.take().expect("standard error is a pipe");
        let readers = vec![
            std::thread::spawn({
                let events = events.clone();
                move || events.fill(BufReader::new(output))
            }),
            std::thread::spawn({
                let complaints = complaints.clone();
                move || {
                    let mut text = String::new();
                    let result = BufReader::new(errors).read_to_string(&mut text);
                    result.expect("standard error is text");
                    *complaints.lock().expect("no reader panics") = text;
                }
            }),
        ];
        Self {
            home,
            patience: PATIENCE,
            input: child.stdin.take(),
            child,
            events,
            complaints,
            readers,
            from: 0,
        }
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Types a line.
    pub fn say(&mut self, line: &str) {
        self.feed(format!("{line}\n").as_bytes());
    }

    /// Writes bytes to its standard input.
    pub fn feed(&mut self, bytes: &[u8]) {
        let input = self.input.as_mut().expect("standard input is open");
        input.write_all(bytes).expect("kdeck reads its input");
        input.flush().expect("kdeck reads its input");
    }

    /// Ends standard input.
    pub fn end_input(&mut self) {
        self.input = None;
    }

    /// From now on only what comes after this counts for the waits.
    pub fn forget(&mut self) {
        self.from = self.events.lock().events.len();
    }

    /// All events so far.
    pub fn events(&self) -> Vec<Event> {
        self.events.lock().events.clone()
    }

    /// Waits for the first event that is `wanted`, among those that came since the last [`Headless::forget`].
    pub fn wait(&self, what: &str, wanted: impl Fn(&Event) -> bool) -> Event {
        let deadline = Deadline::after(self.patience);
        let mut arrived = self.events.lock();
        let mut looked_at = self.from;
        loop {
            let new = arrived.events.iter().skip(looked_at);
            if let Some(event) = new.into_iter().find(|event| wanted(event)) {
                return event.clone();
            }
            looked_at = arrived.events.len();
            let left = deadline.left().filter(|_| !arrived.ended);
            let Some(left) = left else {
                let how = if arrived.ended {
                    "kdeck ended before"
                } else {
                    "it took too long until"
                };
                let events = arrived.events.clone();
                drop(arrived);
                panic!("{how} {what}; {}", self.shown(&events));
            };
            arrived = self
                .events
                .changed
                .wait_timeout(arrived, left)
                .expect("no reader panics")
                .0;
        }
    }

    /// Waits until a target is in a state, or was since the last [`Headless::forget`].
    pub fn wait_state(&self, target: &str, state: &str) -> Event {
        let events = self.events();
        let last = events
            .iter()
            .rfind(|event| event.kind() == "target" && event.target() == target);
        match last {
            Some(event) if event.state() == state => event.clone(),
            _ => self.wait(&format!("{target} is {state}"), |event| {
                event.is_state(target, state)
            }),
        }
    }

    /// Waits for a whole line of a target's output that contains `text`.
    pub fn wait_output(&self, target: &str, text: &str) -> Event {
        self.wait(&format!("{target} printed {text:?}"), |event| {
            event.is_output(target) && !event.is_partial() && event.text().contains(text)
        })
    }

    /// Waits for a notice about a target that contains `text`.
    pub fn wait_notice(&self, target: &str, text: &str) -> Event {
        self.wait(&format!("{target} has the notice {text:?}"), |event| {
            event.kind() == "notice" && event.target() == target && event.text().contains(text)
        })
    }

    /// Types a line and waits for the reply of the first target it is for. No earlier line may still wait for its own.
    pub fn ask(&mut self, line: &str) -> Event {
        self.forget();
        self.say(line);
        self.wait(&format!("a reply to {line}"), |event| {
            event.kind() == "reply"
        })
    }

    /// Types a line that has to succeed, and returns what came of it.
    pub fn done(&mut self, line: &str) -> String {
        let reply = self.ask(line);
        assert!(reply.ok(), "{line} failed: {}", reply.text());
        reply.text().to_owned()
    }

    /// Types a line that has to be refused, and returns why.
    pub fn refused(&mut self, line: &str) -> String {
        let reply = self.ask(line);
        assert!(!reply.ok(), "{line} was done: {}", reply.text());
        reply.text().to_owned()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("a process id"), signal).expect("kdeck runs");
    }

    /// Its resident memory, bytes.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()));
        let status = status.expect("kdeck runs");
        let line = status.lines().find(|line| line.starts_with("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().nth(1));
        kib.and_then(|kib| kib.parse::<u64>().ok())
            .expect("a number of KiB")
            << 10
    }

    /// Ends standard input and waits for its end.
    pub fn finish(mut self) -> Ended {
        self.end_input();
        self.wait_end()
    }

    /// Waits for its end.
    pub fn wait_end(mut self) -> Ended {
        let deadline = Deadline::after(self.patience);
        let mut arrived = self.events.lock();
        while !arrived.ended {
            let Some(left) = deadline.left() else {
                let events = arrived.events.clone();
                drop(arrived);
                panic!("kdeck does not end; {}", self.shown(&events));
            };
            arrived = self
                .events
                .changed
                .wait_timeout(arrived, left)
                .expect("no reader panics")
                .0;
        }
        drop(arrived);
        // It closed its standard output: that is its last act.
        let status = self.child.wait().expect("a child");
        for reader in self.readers.drain(..) {
            reader.join().expect("no reader panics");
        }
        Ended {
            status,
            events: self.events(),
            complaints: self.complaints.lock().expect("no reader panics").clone(),
            home: std::mem::replace(&mut self.home, Home::new()),
        }
    }

    fn shown(&self, events: &[Event]) -> String {
        let hidden = events.len().saturating_sub(SHOWN_EVENTS);
        let mut text = format!("{} events", events.len());
        for event in events.iter().skip(hidden) {
            write!(text, "\n  {}", event.0).expect("a String takes all");
        }
        let complaints = self.complaints.lock().expect("no reader panics");
        if !complaints.is_empty() {
            write!(text, "\nstandard error:\n{complaints}").expect("a String takes all");
        }
        text
    }
}

impl Drop for Headless {
    fn drop(&mut self) {
        // Fails when it has ended, as it should have.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Inbox {
    fn lock(&self) -> MutexGuard<'_, Arrived> {
        self.arrived.lock().expect("no reader panics")
    }

    fn fill(&self, output: impl BufRead) {
        for line in output.lines() {
            let line = line.expect("standard output is text");
            assert!(line.starts_with(r#"{"type":""#), "{line:?}");
            let event = serde_json::from_str(&line)
                .unwrap_or_else(|error| panic!("standard output has {line:?}: {error}"));
            self.lock().events.push(Event(event));
            self.changed.notify_all();
        }
        self.lock().ended = true;
        self.changed.notify_all();
    }
}

impl Event {
    pub fn kind(&self) -> &str {
        self.word("type")
    }

    pub fn target(&self) -> &str {
        self.word("target")
    }

    pub fn state(&self) -> &str {
        self.word("state")
    }

    pub fn detail(&self) -> &str {
        self.word("detail")
    }

    pub fn text(&self) -> &str {
        self.word("text")
    }

    pub fn seq(&self) -> u64 {
        self.0["seq"].as_u64().expect("a seq")
    }

    pub fn id(&self) -> u64 {
        self.0["id"].as_u64().expect("an id")
    }

    pub fn ok(&self) -> bool {
        self.0["ok"].as_bool().expect("ok or not")
    }

    pub fn is_partial(&self) -> bool {
        self.0["partial"] == true
    }

    pub fn is_output(&self, target: &str) -> bool {
        self.kind() == "output" && self.target() == target
    }

    pub fn is_state(&self, target: &str, state: &str) -> bool {
        self.kind() == "target" && self.target() == target && self.state() == state
    }

    fn word(&self, key: &str) -> &str {
        self.0[key].as_str().unwrap_or_default()
    }
}

impl Ended {
    /// The exit status; -1 if a signal ended it.
    pub fn code(&self) -> i32 {
        self.status.code().unwrap_or(-1)
    }
}
