//! A kdeck without a screen whose events are folded as they come: host or client.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::deadline::Deadline;
use crate::support::home::Home;
use crate::told::Told;

/// How long anything may take that is waited for.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A running `kdeck --headless --json`; ended when dropped.
#[derive(Debug)]
pub struct Seat {
    pub name: String,
    child: Child,
    input: ChildStdin,
    inbox: Arc<Inbox>,
    readers: Vec<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Inbox {
    told: Mutex<Told>,
    changed: Condvar,
    complaints: Mutex<String>,
}

impl Seat {
    /// Starts kdeck with these arguments in a home that it shares with others.
    pub fn start(home: &Home, name: &str, arguments: &[String]) -> Self {
        let mut child = home
            .kdeck()
            .args(["--headless", "--json", "--name", name])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("kdeck starts");
        let inbox: Arc<Inbox> = Arc::default();
        let output = BufReader::new(child.stdout.take().expect("it is a pipe"));
        let mut errors = child.stderr.take().expect("it is a pipe");
        let (heard, complained) = (inbox.clone(), inbox.clone());
        let reading = std::thread::spawn(move || {
            for line in output.lines() {
                let line = line.expect("standard output is text");
                heard.told.lock().expect("no reader panics").take(&line);
                heard.changed.notify_all();
            }
            heard.told.lock().expect("no reader panics").ended = true;
            heard.changed.notify_all();
        });
        let complaining = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = errors.read(&mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..count]).into_owned();
                let mut complaints = complained.complaints.lock().expect("no reader panics");
                complaints.push_str(&text);
                complained.changed.notify_all();
            }
        });
        Self {
            name: name.to_owned(),
            input: child.stdin.take().expect("it is a pipe"),
            child,
            inbox,
            readers: vec![reading, complaining],
        }
    }

    /// Types a line.
    pub fn say(&mut self, line: &str) {
        writeln!(self.input, "{line}").expect("kdeck reads its input");
    }

    /// Looks at what was told so far.
    pub fn told<T>(&self, look: impl FnOnce(&Told) -> T) -> T {
        look(&self.inbox.told.lock().expect("no reader panics"))
    }

    /// Waits until there is what is looked for.
    pub fn wait<T>(&self, what: &str, look: impl FnMut(&Told) -> Option<T>) -> T {
        self.wait_for(PATIENCE, what, look)
    }

    /// The same with a deadline of its own.
    pub fn wait_for<T>(
        &self,
        patience: Duration,
        what: &str,
        mut look: impl FnMut(&Told) -> Option<T>,
    ) -> T {
        let deadline = Deadline::after(patience);
        let mut told = self.inbox.told.lock().expect("no reader panics");
        loop {
            if let Some(found) = look(&told) {
                return found;
            }
            let left = deadline.left().filter(|_| !told.ended);
            let Some(left) = left else {
                let ends: Vec<String> = told
                    .targets
                    .iter()
                    .map(|(name, history)| format!("{name}: {history}"))
                    .collect();
                let (chat, errors) = (told.chat.len(), told.errors.clone());
                drop(told);
                let complaints = self.complaints();
                panic!(
                    "{}: no {what}; {chat} lines of chat, targets: {ends:?}\nerrors: {errors:?}\n{complaints}",
                    self.name
                );
            };
            let waited = self.inbox.changed.wait_timeout(told, left);
            told = waited.expect("no reader panics").0;
        }
    }

    /// Waits until everything up to these numbers was told.
    pub fn wait_to_reach(&self, patience: Duration, ends: &std::collections::HashMap<String, u64>) {
        self.wait_for(patience, "end of all targets", |told| {
            told.reaches(ends).then_some(())
        });
    }

    /// What it wrote to standard error.
    pub fn complaints(&self) -> String {
        let complaints = self.inbox.complaints.lock().expect("no reader panics");
        complaints.clone()
    }

    /// Stops it where it is, or lets it go on.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("kdeck runs");
    }

    /// Its memory now, bytes.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("kdeck runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|rest| rest.split_whitespace().next());
        let kib: u64 = kib.and_then(|kib| kib.parse().ok()).expect("a number");
        kib << 10
    }

    /// Processor time of all its threads so far.
    pub fn processor_time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()));
        let stat = stat.expect("kdeck runs");
        // The second field is a name in parentheses, which may hold anything.
        let fields = stat.rsplit(')').next().unwrap_or_default();
        let mut ticks = fields.split_whitespace().skip(11).take(2);
        let mut tick = || -> u64 { ticks.next().and_then(|text| text.parse().ok()).unwrap_or(0) };
        Duration::from_millis((tick() + tick()) * 10)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        // Fails when it has ended.
        self.child.kill().ok();
        self.child.wait().ok();
        for reader in self.readers.drain(..) {
            reader.join().ok();
        }
    }
}
