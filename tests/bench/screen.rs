//! What the console costs on a terminal of 200 columns and 50 rows, and how long a key takes to be seen, with a hundred
//! targets that print a hundred lines a second each, or without pause.
//!
//! `cargo bench --bench screen -- [streams=100] [seconds=5] [keys=300] [rate=100] [log=off] [loads=quiet,steady,flood]
//! [other=PATH]`
//!
//! The lower bound of the time is a program that answers a key with one movement of the cursor and the key, while the
//! sink takes in the same streams. The time is that from the write of a key on the terminal's side to the read of its
//! echo there; the key is a sign that nothing else prints.

mod flood;
mod process;
mod sink;

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use pty_process::Size;
use pty_process::blocking::{self, Command, Pty};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use flood::{Flood, Pace};
use process::{Process, number, say};

/// What is typed in turn: in no line of the flood, and never the same twice, so that it is drawn even if the screen has
/// not got to drawing that the one before was taken back.
const KEYS: [&str; 2] = ["§", "¶"];
const BACKSPACE: &str = "\x7f";
/// A key that was not seen by then counts as this.
const KEY_LOST: Duration = Duration::from_secs(3);
const PATIENCE: Duration = Duration::from_secs(60);
/// How long the screen may take to settle after it was arranged.
const SETTLE: Duration = Duration::from_secs(2);
/// The first argument of a benchmark that is to be the lower bound.
const ECHO: &str = "echo";

/// The view that is measured, and the keys that lead there from the start. All end in the command line.
const VIEWS: [(&str, &str); 2] = [
    ("rack", "i"),
    // Open a target, go back to the rack, go down one; nine times.
    (
        "9 panes",
        "\r\x0fj\r\x0fj\r\x0fj\r\x0fj\r\x0fj\r\x0fj\r\x0fj\r\x0fj\ri",
    ),
];

struct Plan {
    streams: usize,
    seconds: f64,
    keys: usize,
    rate: u64,
}

/// A program on a pseudo-terminal, seen from the terminal's side.
struct Seat {
    pty: Pty,
    process: Process,
    memory: Vec<u8>,
    /// Bytes that the program wrote.
    bytes: u64,
}

fn main() {
    if sink::was_asked_for() {
        return;
    }
    if std::env::args().nth(1).is_some_and(|verb| verb == ECHO) {
        return echo();
    }
    let plan = if process::only_tested() {
        Plan {
            streams: 3,
            seconds: 0.2,
            keys: 3,
            rate: 100,
        }
    } else {
        Plan {
            streams: number("streams", 100.0) as usize,
            seconds: number("seconds", 5.0),
            keys: number("keys", 300.0) as usize,
            rate: number("rate", 100.0) as u64,
        }
    };
    let loads = process::argument("loads").unwrap_or("quiet,steady,flood".to_owned());
    let mut programs = vec![PathBuf::from(env!("CARGO_BIN_EXE_kdeck"))];
    programs.extend(process::argument("other").map(PathBuf::from));
    say(
        "load    who      view      MB/s in  % of a core  peak MiB  bytes/s out  ms to the echo: median     p99     max",
    );
    for (load, pace) in [
        ("quiet", Pace::Lines(10)),
        ("steady", Pace::Rate(plan.rate)),
        ("flood", Pace::Full),
    ] {
        if !loads.contains(load) {
            continue;
        }
        bound(&plan, load, pace);
        for (which, program) in programs.iter().enumerate() {
            for (view, keys) in VIEWS {
                let who = if which == 0 { "kdeck" } else { "other" };
                console(&plan, load, pace, program, who, view, keys);
            }
        }
    }
}

/// Measures the program that only echoes, while the sink has the streams.
fn bound(plan: &Plan, load: &str, pace: Pace) {
    let directory = tempfile::tempdir().expect("a temporary folder");
    let flood = Flood::start(plan.streams, pace);
    let _sink = sink::start(directory.path(), &flood.ports);
    flood.wait_for_all(PATIENCE);
    let this = std::env::current_exe().expect("this program has a path");
    let mut seat = Seat::take(Command::new(this).arg(ECHO));
    seat.watch(Duration::from_millis(200), None);
    report(&mut seat, &flood, plan, [load, "echo", "-"]);
}

fn console(plan: &Plan, load: &str, pace: Pace, program: &Path, who: &str, view: &str, keys: &str) {
    let directory = tempfile::tempdir().expect("a temporary folder");
    let flood = Flood::start(plan.streams, pace);
    let config = directory.path().join("kdeck.toml");
    fs::write(&config, "").expect("the temporary folder is writable");
    let mut command = Command::new(program)
        .env("TERM", "xterm-256color")
        .env("LANG", "C.UTF-8")
        .env_remove("NO_COLOR")
        .env("HOME", directory.path())
        .env("KDECK_STATE_DIR", directory.path().join("state"))
        .args([
            "--config".as_ref(),
            config.as_os_str(),
            "--log-dir".as_ref(),
            directory.path().as_os_str(),
        ]);
    if process::argument("log").is_some_and(|log| log == "off") {
        command = command.arg("--no-log");
    }
    for (id, port) in flood.ports.iter().enumerate() {
        command = command.args([
            "-k".to_owned(),
            format!("raw:server=127.0.0.1,port={port},name=c{id:04}"),
        ]);
    }
    let mut seat = Seat::take(command);
    flood.wait_for_all(PATIENCE);
    seat.watch(SETTLE / 2, None);
    for key in keys.chars() {
        seat.press(key.encode_utf8(&mut [0; 4]));
        seat.watch(Duration::from_millis(150), None);
    }
    seat.watch(SETTLE, None);
    report(&mut seat, &flood, plan, [load, who, view]);
}

fn report(seat: &mut Seat, flood: &Flood, plan: &Plan, [load, who, view]: [&str; 3]) {
    let (taken, bytes, cpu) = (flood.bytes(), seat.bytes, seat.process.cpu_s());
    let start = Instant::now();
    seat.watch(Duration::from_secs_f64(plan.seconds), None);
    let seconds = start.elapsed().as_secs_f64();
    let share = 100.0 * (seat.process.cpu_s() - cpu) / seconds;
    let rate = (seat.bytes - bytes) as f64 / seconds;
    let intake = (flood.bytes() - taken) as f64 / 1e6 / seconds;
    let peak = seat.process.peak_mib();
    let mut times: Vec<f64> = (0..plan.keys).map(|index| seat.echo_ms(index)).collect();
    times.sort_by(f64::total_cmp);
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
    say(&format!(
        "{load:7} {who:8} {view:8} {intake:8.1} {share:12.1} {peak:9.1} {rate:12.0} {:23.2} {:7.2} {:7.2}",
        at(0.5),
        at(0.99),
        at(1.0)
    ));
}

impl Seat {
    fn take(command: Command) -> Self {
        let (pty, pts) = blocking::open().expect("a pseudo-terminal");
        pty.resize(Size::new(50, 200)).expect("it is new");
        let process = Process(command.spawn(pts).expect("the program starts"));
        Self {
            pty,
            process,
            memory: vec![0; 64 << 10],
            bytes: 0,
        }
    }

    fn press(&mut self, key: &str) {
        self.pty
            .write_all(key.as_bytes())
            .expect("the program reads its keys");
    }

    /// Types the key and returns how long it took to be seen, milliseconds. Takes it back and lets some time pass, each
    /// time another, so that no clock of the program is hit always at the same moment.
    fn echo_ms(&mut self, index: usize) -> f64 {
        let start = Instant::now();
        let key = KEYS[index % KEYS.len()];
        self.press(key);
        let seen = self.watch(KEY_LOST, Some(key.as_bytes()));
        let took = seen.map_or(KEY_LOST, |seen| seen - start);
        self.press(BACKSPACE);
        self.watch(Duration::from_millis(30 + 7 * (index as u64 % 8)), None);
        took.as_secs_f64() * 1e3
    }

    /// Reads what the program writes for so long, or until it writes `wanted`: the time of that.
    fn watch(&mut self, time: Duration, wanted: Option<&[u8]>) -> Option<Instant> {
        let end = Instant::now() + time;
        let mut tail = Vec::new();
        loop {
            let left = end.checked_duration_since(Instant::now())?;
            let left = Timespec::try_from(left).expect("a short time");
            let mut ready = [PollFd::new(&self.pty, PollFlags::IN)];
            match poll(&mut ready, Some(&left)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => continue,
                Ok(_) => {}
                Err(error) => panic!("poll: {error}"),
            }
            let count = self.pty.read(&mut self.memory).expect("the program runs");
            let now = Instant::now();
            self.bytes += count as u64;
            if let Some(wanted) = wanted {
                tail.extend_from_slice(&self.memory[..count]);
                if tail.windows(wanted.len()).any(|part| part == wanted) {
                    return Some(now);
                }
                let keep = tail.len().min(wanted.len() - 1);
                tail.drain(..tail.len() - keep);
            }
        }
    }
}

/// The lower bound: answers every key with a movement of the cursor and the key.
fn echo() {
    let (mut input, mut output) = (std::io::stdin(), std::io::stdout());
    let mut modes = rustix::termios::tcgetattr(&input).expect("a terminal");
    modes.make_raw();
    let now = rustix::termios::OptionalActions::Now;
    rustix::termios::tcsetattr(&input, now, &modes).expect("a terminal");
    let mut key = [0; 16];
    while let Ok(count @ 1..) = input.read(&mut key) {
        let answer = [b"\x1b[50;3H", &key[..count]].concat();
        output
            .write_all(&answer)
            .and_then(|()| output.flush())
            .expect("the terminal is there");
    }
}
