//! A program that is measured: started, watched through `/proc`, ended.

use std::fs;
use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// The unit of time in `/proc`: what Linux calls a clock tick when it talks to programs.
const TICKS_PER_SECOND: f64 = 100.0;
/// How long a program has to end when it is asked to.
const FAREWELL: Duration = Duration::from_secs(20);

/// A running program; ended when dropped.
pub struct Process(pub Child);

impl Process {
    /// Starts it, without input or output.
    pub fn start(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::null()).stdout(Stdio::null());
        Self(command.spawn().expect("the program starts"))
    }

    /// Processor time of all its threads so far, seconds, in user mode and in the kernel.
    pub fn cpu_s(&self) -> f64 {
        let stat = fs::read_to_string(self.file("stat")).unwrap_or_default();
        // The second field is a name in parentheses, which may hold anything.
        let fields = stat.rsplit(')').next().unwrap_or_default();
        let ticks = |field: usize| {
            let text = fields.split_whitespace().nth(field).unwrap_or_default();
            text.parse::<f64>().expect("the program runs")
        };
        (ticks(11) + ticks(12)) / TICKS_PER_SECOND
    }

    /// The most memory it had at once, MiB.
    pub fn peak_mib(&self) -> f64 {
        let status = fs::read_to_string(self.file("status")).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = peak.and_then(|rest| rest.split_whitespace().next());
        kib.and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
    }

    /// Asks it to end and waits until it has.
    pub fn end(&mut self) {
        let pid = Pid::from_child(&self.0);
        if matches!(self.0.try_wait(), Ok(None)) {
            kill_process(pid, Signal::TERM).expect("it is ours");
        }
        let end = Instant::now() + FAREWELL;
        while matches!(self.0.try_wait(), Ok(None)) {
            if Instant::now() > end {
                self.0.kill().expect("it is ours");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn file(&self, name: &str) -> String {
        format!("/proc/{}/{name}", self.0.id())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// `name=VALUE` among the arguments of a benchmark.
pub fn argument(name: &str) -> Option<String> {
    let prefix = format!("{name}=");
    std::env::args().find_map(|arg| arg.strip_prefix(&prefix).map(str::to_owned))
}

/// A number among the arguments, or what stands for it.
pub fn number(name: &str, otherwise: f64) -> f64 {
    argument(name).map_or(otherwise, |text| text.parse().expect("a number"))
}

/// Whether this is no measurement: `cargo bench` says `--bench`, and `--test` asks for the least that runs everything.
pub fn only_tested() -> bool {
    let given = |option: &str| std::env::args().any(|arg| arg == option);
    given("--test") || !given("--bench")
}

/// Prints a line at once, though it may go to a pipe.
pub fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")
        .and_then(|()| out.flush())
        .expect("standard output");
}
