//! How kdeck takes in a hundred consoles that print without pause, beside the least that a program can do with them:
//! read each and write it to a file.
//!
//! `cargo bench --bench intake -- [streams=100] [seconds=4] [rounds=5] [lines=200000] [other=PATH,..]`
//!
//! Every round runs, in turn, the reader that does the least ("sink"), kdeck with logs, and each other build of kdeck
//! given with `other`; the ratios are to the sink of the same round, since a shared machine is never the same for long.
//! - flood: as fast as the reader takes it. MB/s is what was sent while it was measured.
//! - steady: a hundred lines a second on each stream.
//! - small: a flood with a history of 64 MiB for all targets together.
//! - whole: so many lines on each stream, more than the histories hold, every one of which has to be in the log of its
//!   target, once and in order; with either history.

mod flood;
mod process;
mod sink;

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use flood::{Flood, LINE_BYTES, Pace};
use process::{Process, number, say};

/// How long a program may take to connect to everything, or to write what it read.
const PATIENCE: Duration = Duration::from_secs(120);

struct Plan {
    streams: usize,
    seconds: f64,
    rounds: usize,
    lines: u64,
}

/// Who takes in the streams.
enum Reader {
    Sink,
    Kdeck(PathBuf),
}

struct Row {
    round: usize,
    mode: &'static str,
    who: usize,
    mb_per_s: f64,
    cpu_share: f64,
    cpu_s_per_gb: f64,
    peak_mib: f64,
}

fn main() {
    if sink::was_asked_for() {
        return;
    }
    let plan = if process::only_tested() {
        Plan {
            streams: 3,
            seconds: 0.2,
            rounds: 1,
            lines: 500,
        }
    } else {
        Plan {
            streams: number("streams", 100.0) as usize,
            seconds: number("seconds", 4.0),
            rounds: number("rounds", 5.0) as usize,
            lines: number("lines", 200_000.0) as u64,
        }
    };
    let mut readers = vec![
        Reader::Sink,
        Reader::Kdeck(env!("CARGO_BIN_EXE_kdeck").into()),
    ];
    let others = process::argument("other").unwrap_or_default();
    readers.extend(
        others
            .split_terminator(',')
            .map(|path| Reader::Kdeck(path.into())),
    );
    let mut rows = Vec::new();
    let modes = process::argument("modes").unwrap_or("flood,steady,small".to_owned());
    say("round mode   reader        MB/s  CPU s/GB  % of a core  peak MiB");
    for round in 1..=plan.rounds {
        for (mode, pace) in [
            ("flood", Pace::Full),
            ("steady", Pace::Rate(100)),
            ("small", Pace::Full),
        ] {
            if !modes.contains(mode) {
                continue;
            }
            for (who, reader) in readers.iter().enumerate() {
                let row = measure(&plan, round, mode, pace, reader, who);
                say(&format!(
                    "{round:5} {mode:6} {:10} {:8.1} {:9.2} {:12.1} {:9.1}",
                    reader.name(who),
                    row.mb_per_s,
                    row.cpu_s_per_gb,
                    row.cpu_share * 100.0,
                    row.peak_mib
                ));
                rows.push(row);
            }
        }
    }
    for (who, reader) in readers.iter().enumerate().skip(1) {
        for mode in ["flood", "steady", "small"] {
            summary(&rows, mode, who, &reader.name(who));
        }
    }
    for (who, reader) in readers.iter().enumerate() {
        for (mode, small) in [("whole", false), ("whole, small", true)] {
            let verdict = whole(&plan, reader, small);
            say(&format!("{mode}: {}: {verdict}", reader.name(who)));
        }
    }
}

/// Prints the ratios to the sink.
fn summary(rows: &[Row], mode: &str, who: usize, name: &str) {
    let of = |who: usize| {
        rows.iter()
            .filter(move |row| row.mode == mode && row.who == who)
    };
    let ratios = |figure: fn(&Row) -> f64| {
        let pairs =
            of(who).filter_map(|row| Some((row, of(0).find(|sink| sink.round == row.round)?)));
        spread(
            pairs
                .map(|(row, sink)| figure(row) / figure(sink))
                .collect(),
        )
    };
    if of(who).next().is_none() {
        return;
    }
    let cpu = if mode == "steady" {
        ("share of a core", ratios(|row| row.cpu_share))
    } else {
        ("CPU s/GB", ratios(|row| row.cpu_s_per_gb))
    };
    let speed = ratios(|row| row.mb_per_s);
    let peak = of(who).map(|row| row.peak_mib).fold(0.0, f64::max);
    say(&format!(
        "{mode}: {name} to sink (min / median / max): MB/s {speed}, {} {}; peak {peak:.1} MiB",
        cpu.0, cpu.1
    ));
}

/// Smallest, middle and largest of some figures.
fn spread(mut figures: Vec<f64>) -> String {
    figures.sort_by(f64::total_cmp);
    let at = |index: usize| figures.get(index).copied().unwrap_or(f64::NAN);
    let last = figures.len().saturating_sub(1);
    format!("{:.2} / {:.2} / {:.2}", at(0), at(last / 2), at(last))
}

fn measure(
    plan: &Plan,
    round: usize,
    mode: &'static str,
    pace: Pace,
    reader: &Reader,
    who: usize,
) -> Row {
    let directory = tempfile::tempdir().expect("a temporary folder");
    let flood = Flood::start(plan.streams, pace);
    let process = reader.start(directory.path(), &flood.ports, mode == "small");
    flood.wait_for_all(PATIENCE);
    // The first moments are those of start-up and of memory that is new.
    std::thread::sleep(Duration::from_secs_f64(plan.seconds / 4.0));
    let (bytes, cpu, start) = (flood.bytes(), process.cpu_s(), Instant::now());
    std::thread::sleep(Duration::from_secs_f64(plan.seconds));
    let seconds = start.elapsed().as_secs_f64();
    let (bytes, cpu) = (flood.bytes() - bytes, process.cpu_s() - cpu);
    Row {
        round,
        mode,
        who,
        mb_per_s: bytes as f64 / 1e6 / seconds,
        cpu_share: cpu / seconds,
        cpu_s_per_gb: cpu / (bytes as f64 / 1e9),
        peak_mib: process.peak_mib(),
    }
}

/// Checks every line of every stream.
fn whole(plan: &Plan, reader: &Reader, small: bool) -> String {
    let directory = tempfile::tempdir().expect("a temporary folder");
    let flood = Flood::start(plan.streams, Pace::Lines(plan.lines));
    let mut process = reader.start(directory.path(), &flood.ports, small);
    flood.wait_for_all(PATIENCE);
    let end = Instant::now() + PATIENCE;
    let done =
        |stream: usize| ends_with(directory.path(), stream, &flood::line(stream, plan.lines));
    while !(0..plan.streams).all(done) && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(50));
    }
    process.end();
    let faults: Vec<String> = (0..plan.streams)
        .filter_map(|stream| {
            check(directory.path(), stream, plan.lines)
                .err()
                .map(|fault| format!("c{stream:04}: {fault}"))
        })
        .collect();
    match faults.first() {
        None => format!(
            "{} streams of {} lines, every line once and in order",
            plan.streams, plan.lines
        ),
        Some(first) => format!(
            "{} of {} streams are NOT whole, first {first}",
            faults.len(),
            plan.streams
        ),
    }
}

/// The log files of a stream, oldest first.
fn logs(directory: &Path, stream: usize) -> Vec<PathBuf> {
    let name = format!("c{stream:04}");
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut logs: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| {
            path.file_name()
                .is_some_and(|file| file.as_encoded_bytes().starts_with(name.as_bytes()))
        })
        .collect();
    // One that was put aside has a number, which the current one has not.
    logs.sort_by_key(|path| {
        (
            path.file_stem()
                .is_none_or(|stem| !stem.as_encoded_bytes().contains(&b'.')),
            path.clone(),
        )
    });
    logs
}

fn ends_with(directory: &Path, stream: usize, line: &[u8]) -> bool {
    let Some(log) = logs(directory, stream).pop() else {
        return false;
    };
    let mut end = Vec::new();
    let back = -(LINE_BYTES as i64);
    let read = File::open(log).and_then(|mut file| {
        file.seek(SeekFrom::End(back))?;
        file.read_to_end(&mut end)
    });
    read.is_ok() && end == line
}

/// Whether every line is there, once and in order; time stamps and notices are passed over.
fn check(directory: &Path, stream: usize, lines: u64) -> Result<(), String> {
    let mut next = 1;
    for log in logs(directory, stream) {
        let file = File::open(&log).map_err(|error| error.to_string())?;
        let mut file = BufReader::new(file);
        let mut line = Vec::new();
        while file
            .read_until(b'\n', &mut line)
            .map_err(|error| error.to_string())?
            > 0
        {
            let wanted = flood::line(stream, next);
            if line.ends_with(&wanted) {
                next += 1;
            } else if !line.windows(4).any(|part| part == b" -- ") {
                let found = String::from_utf8_lossy(&line);
                return Err(format!("line {next} is wanted where there is {found:?}"));
            }
            line.clear();
        }
    }
    if next == lines + 1 {
        Ok(())
    } else {
        Err(format!("ends after line {}", next - 1))
    }
}

impl Reader {
    fn name(&self, who: usize) -> String {
        match (self, who) {
            (Self::Sink, _) => "sink".to_owned(),
            (Self::Kdeck(_), 1) => "kdeck".to_owned(),
            (Self::Kdeck(_), _) => format!("other {}", who - 1),
        }
    }

    /// Starts it on consoles; it keeps one file of each in the folder.
    fn start(&self, directory: &Path, ports: &[u16], small: bool) -> Process {
        match self {
            Self::Sink => sink::start(directory, ports),
            Self::Kdeck(program) => {
                let state = directory.join("state");
                let config = directory.join("kdeck.toml");
                let history = if small {
                    "[history]\ntotal = \"64MiB\"\n"
                } else {
                    ""
                };
                fs::write(&config, history).expect("the temporary folder is writable");
                let mut command = Command::new(program);
                command
                    .args(["--headless", "--only", "error", "--linger", "--config"])
                    .arg(config);
                command
                    .arg("--log-dir")
                    .arg(directory)
                    .env("KDECK_STATE_DIR", state);
                for (id, port) in ports.iter().enumerate() {
                    let string = format!("raw:server=127.0.0.1,port={port},name=c{id:04}");
                    command.arg("-k").arg(string);
                }
                Process::start(&mut command)
            }
        }
    }
}
