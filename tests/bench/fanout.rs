//! What it costs a host that others watch: 0, 1, 8 and 32 clients that follow all it has, four busy targets.
//!
//! `cargo bench --bench fanout -- [seconds=3] [rounds=3] [rate=20000] [clients=0,1,8,32] [modes=full,paced,join] [other=PATH,..]`
//!
//! The clients are a process of their own that takes and counts what comes; so its processor time is told apart, but on
//! one machine it is taken from the host and from the targets all the same. Therefore every round has, for each number
//! of clients, the throughput of the host, and the processor time it needs for each GB that it takes in and that it
//! gives out. Ratios are to the round's run without clients.
//! - full: targets print as fast as they are read. Clients that cannot follow miss lines; what counts is that the host
//!   goes on taking in.
//! - paced: so many lines a second of each target. All clients get everything; what counts is the processor time.
//! - join: how long it takes until somebody who joins has the whole history of 16 MiB.
//!
//! Latency is that of one more target that prints the time of day a hundred times a second.

mod audience;
#[allow(
    dead_code,
    reason = "every benchmark is compiled with this, and each uses a part"
)]
mod flood;
#[path = "../support/ports.rs"]
#[allow(
    dead_code,
    reason = "every test program is compiled with this, and each uses a part"
)]
mod ports;
#[allow(
    dead_code,
    reason = "every benchmark is compiled with this, and each uses a part"
)]
mod process;

use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use audience::{Audience, CLOCK};
use flood::{Flood, LINE_BYTES, Pace};
use ports::free_port;
use process::{Process, number, say};

/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// Targets that are busy.
const BUSY: usize = 4;
/// The history that somebody who joins is given, bytes.
const HISTORY: u64 = 16 << 20;
const PASSWORD: &str = "Lab12";

struct Plan {
    seconds: f64,
    rounds: usize,
    rate: u64,
    clients: Vec<usize>,
}

/// What one run with so many clients gave.
struct Row {
    mode: &'static str,
    who: usize,
    clients: usize,
    ingest_mb_s: f64,
    /// To the round's run without clients.
    kept: f64,
    cpu_share: f64,
}

fn main() {
    if audience::was_asked_for() {
        return;
    }
    let tested = process::only_tested();
    let clients = process::argument("clients").unwrap_or("0,1,8,32".to_owned());
    let plan = Plan {
        seconds: if tested { 0.3 } else { number("seconds", 3.0) },
        rounds: if tested {
            1
        } else {
            number("rounds", 3.0) as usize
        },
        rate: if tested {
            100
        } else {
            number("rate", 20_000.0) as u64
        },
        clients: match tested {
            true => vec![0, 2],
            false => clients
                .split(',')
                .map(|word| word.parse().expect("a number"))
                .collect(),
        },
    };
    let modes = process::argument("modes").unwrap_or("full,paced,join".to_owned());
    let mut hosts: Vec<PathBuf> = vec![env!("CARGO_BIN_EXE_kdeck").into()];
    let others = process::argument("other").unwrap_or_default();
    hosts.extend(others.split_terminator(',').map(PathBuf::from));
    let mut rows = Vec::new();
    say(
        "round mode  host clients  in MB/s  kept  out MB/s  host cores  CPU s/GB in  s/GB out  clients' cores  missed  median ms  p99 ms",
    );
    for round in 1..=plan.rounds {
        for (mode, pace) in [("full", Pace::Full), ("paced", Pace::Rate(plan.rate))] {
            if modes.contains(mode) {
                for (who, program) in hosts.iter().enumerate() {
                    rows.extend(measure(&plan, round, mode, pace, program, who));
                }
            }
        }
        for (who, program) in hosts.iter().enumerate() {
            if modes.contains("join") {
                let seconds = join(program);
                say(&format!(
                    "{round:5} join  {who:4}: {:.0} MiB of history in {seconds:.2} s",
                    HISTORY as f64 / f64::from(1 << 20)
                ));
            }
        }
    }
    for (who, program) in hosts.iter().enumerate() {
        summary(&rows, who, program);
    }
}

fn measure(
    plan: &Plan,
    round: usize,
    mode: &'static str,
    pace: Pace,
    program: &Path,
    who: usize,
) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for clients in &plan.clients {
        let flood = Flood::start(BUSY, pace);
        let (host, port) = start(program, &flood);
        flood.wait_for_all(PATIENCE);
        let mut audience = (*clients > 0).then(|| Audience::join(port, PASSWORD, *clients, false));
        std::thread::sleep(Duration::from_secs_f64(plan.seconds / 4.0));
        let first = audience.as_mut().map(Audience::count).unwrap_or_default();
        let (bytes, cpu, begun) = (flood.bytes(), host.cpu_s(), Instant::now());
        std::thread::sleep(Duration::from_secs_f64(plan.seconds));
        let seconds = begun.elapsed().as_secs_f64();
        let (bytes, cpu) = ((flood.bytes() - bytes) as f64, host.cpu_s() - cpu);
        let counted = audience.as_mut().map(Audience::count).unwrap_or_default();
        let ingest = bytes / 1e6 / seconds;
        let alone = rows.first().map_or(ingest, |row| row.ingest_mb_s);
        say(&format!(
            "{round:5} {mode:5} {who:4} {clients:7} {ingest:8.1} {:5.2} {:9.1} {:11.2} {:12.2} {:9.2} {:15.2} {:7.0} {:10.1} {:7.1}",
            ingest / alone,
            counted.bytes / 1e6 / seconds,
            cpu / seconds,
            cpu / (bytes / 1e9),
            cpu / (counted.bytes / 1e9),
            (counted.cpu_s - first.cpu_s) / seconds,
            counted.missed,
            counted.median_ms,
            counted.p99_ms,
        ));
        rows.push(Row {
            mode,
            who,
            clients: *clients,
            ingest_mb_s: ingest,
            kept: ingest / alone,
            cpu_share: cpu / seconds,
        });
    }
    rows
}

/// How long it takes until somebody has the history of one target, seconds.
fn join(program: &Path) -> f64 {
    let flood = Flood::start(1, Pace::Lines(HISTORY / LINE_BYTES as u64));
    let (_host, port) = start(program, &flood);
    let end = Instant::now() + PATIENCE;
    let whole = HISTORY / LINE_BYTES as u64 * LINE_BYTES as u64;
    while flood.bytes() < whole && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(20));
    }
    Audience::join(port, PASSWORD, 1, true).joined_s
}

/// Starts a host on the consoles and on one that tells the time.
fn start(program: &Path, flood: &Flood) -> (Process, u16) {
    let state = tempfile::tempdir().expect("a temporary folder").keep();
    let port = free_port();
    let mut command = Command::new(program);
    command.args(["--headless", "--only", "error", "--linger", "--no-log"]);
    command.args(["--server", &format!("tcp:port={port},password={PASSWORD}")]);
    command
        .current_dir(&state)
        .stderr(std::process::Stdio::null());
    for variable in ["KDECK_STATE_DIR", "KDECK_CONFIG_DIR", "KDECK_RUNTIME_DIR"] {
        command.env(variable, state.join(variable));
    }
    for (id, port) in flood.ports.iter().enumerate() {
        command.args([
            "-k",
            &format!("raw:server=127.0.0.1,port={port},name=c{id:04}"),
        ]);
    }
    let clock = clock();
    command.args([
        "-k",
        &format!("raw:server=127.0.0.1,port={clock},name={CLOCK}"),
    ]);
    let process = Process::start(&mut command);
    let end = Instant::now() + PATIENCE;
    while std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        assert!(Instant::now() < end, "the server does not open");
        std::thread::sleep(Duration::from_millis(10));
    }
    (process, port)
}

/// A console that prints the time of day, microseconds since 1970, until it is left. Its port.
fn clock() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("somebody comes");
        stream.set_nodelay(true).expect("a socket");
        loop {
            let now = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .expect("it is past 1970");
            if writeln!(stream, "{}", now.as_micros()).is_err() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    });
    port
}

/// Prints the middle of the rounds.
fn summary(rows: &[Row], who: usize, program: &Path) {
    for mode in ["full", "paced"] {
        let of = |clients: usize| {
            let of = move |row: &&Row| row.mode == mode && row.who == who && row.clients == clients;
            rows.iter().filter(of)
        };
        let mut numbers: Vec<usize> = rows.iter().map(|row| row.clients).collect();
        numbers.sort_unstable();
        numbers.dedup();
        for clients in numbers {
            if of(clients).next().is_some() {
                let kept = median(of(clients).map(|row| row.kept).collect());
                let cpu = median(of(clients).map(|row| row.cpu_share).collect());
                say(&format!(
                    "{mode}: {}: {clients} clients: {:.0} % of the throughput without any; {cpu:.2} cores of the host",
                    program.display(),
                    kept * 100.0
                ));
            }
        }
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
