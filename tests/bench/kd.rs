//! What a request to a Windows kernel costs, what a print costs, and how fast its memory is read and written; beside the
//! least that can be done with the same datagrams and bytes: an echo.
//!
//! `cargo bench --bench kd -- [rounds=5] [targets=100] [seconds=4] [passes=8] [echoes=20000]`
//!
//! The targets are those of `kdeck sim`, a process of its own. Every round runs, in turn:
//! - echo: a small request and an answer as large as a target's, over UDP on the loopback and over a Unix socket, each
//!   side a thread that blocks. It neither encrypts nor acknowledges; KD has four packets where it has two.
//! - requests: `.writemem` and `.readmem` of two megabytes of a stopped target, which are made of requests one after the
//!   other. Costs are per request, of the host's process and of the simulator's.
//! - prints: all targets print without pause. Costs are per print, with nobody who reads the transcripts, and with a
//!   reader of the events in JSON. The echo beside them has as many datagrams under way as there are targets.

#[allow(
    dead_code,
    reason = "every benchmark is compiled with this, and each uses a part"
)]
mod process;

use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::UdpSocket;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

use process::{Process, number, say};

/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// A request for memory as it travels: envelope, packet header, request.
const ASKED_BYTES: usize = 110;
/// An answer with memory over KDNET, and over a byte stream.
const NET_ANSWER_BYTES: usize = 1150;
const LINE_ANSWER_BYTES: usize = 2121;
/// Bytes of memory in such an answer.
const NET_DATA_BYTES: usize = 1024;
const LINE_DATA_BYTES: usize = 2048;
/// A print, and what acknowledges it.
const PRINT_BYTES: usize = 150;
const ACKNOWLEDGE_BYTES: usize = 54;
/// What is read and written: the pool of a simulated kernel, one page of two megabytes.
const POOL: &str = "(poi(nt!PsLoadedModuleList)&ffffffffffe00000)";
const POOL_BYTES: usize = 0x20_0000;

struct Plan {
    rounds: usize,
    targets: usize,
    seconds: f64,
    passes: usize,
    echoes: usize,
}

/// What a number of exchanges cost.
struct Cost {
    exchanges: usize,
    bytes: usize,
    wall: Duration,
    /// Processor time, seconds: of the side that is measured, and of the other.
    cpu_s: f64,
    other_cpu_s: f64,
}

fn main() {
    let plan = if process::only_tested() {
        Plan {
            rounds: 1,
            targets: 3,
            seconds: 0.2,
            passes: 1,
            echoes: 100,
        }
    } else {
        Plan {
            rounds: number("rounds", 5.0) as usize,
            targets: number("targets", 100.0) as usize,
            seconds: number("seconds", 4.0),
            passes: number("passes", 8.0) as usize,
            echoes: number("echoes", 20_000.0) as usize,
        }
    };
    say("round what                         each us   CPU us  other CPU us      MB/s");
    for round in 1..=plan.rounds {
        let show = |what: &str, cost: &Cost| {
            let each = |seconds: f64| seconds * 1e6 / cost.exchanges.max(1) as f64;
            let wall = cost.wall.as_secs_f64();
            say(&format!(
                "{round:5} {what:28} {:8.2} {:8.2} {:13.2} {:9.1}",
                each(wall),
                each(cost.cpu_s),
                each(cost.other_cpu_s),
                cost.bytes as f64 / wall / 1e6,
            ));
        };
        let data = plan.echoes * NET_DATA_BYTES;
        let echo = udp_echo(plan.echoes, 1, (ASKED_BYTES, NET_ANSWER_BYTES), data);
        show("echo, UDP", &echo);
        let [read, written] = transfers(Transport::Kdnet, plan.passes);
        show(".writemem over KDNET", &read);
        show(".readmem over KDNET", &written);
        let data = plan.echoes * LINE_DATA_BYTES;
        show("echo, Unix socket", &unix_echo(plan.echoes, data));
        let [read, written] = transfers(Transport::Unix, plan.passes);
        show(".writemem over a Unix socket", &read);
        show(".readmem over a Unix socket", &written);
        let (count, under_way) = (plan.echoes * 10, plan.targets);
        let sizes = (PRINT_BYTES, ACKNOWLEDGE_BYTES);
        let echo = udp_echo(count, under_way, sizes, count * PRINT_BYTES);
        show(&format!("echo, UDP, {under_way} under way"), &echo);
        show("print", &prints(&plan, false));
        show("print, events in JSON", &prints(&plan, true));
    }
}

/// Asks a thread that echoes `exchanges` times, with so many datagrams under way; the thread's side is what is measured.
fn udp_echo(
    exchanges: usize,
    under_way: usize,
    (asked, answered): (usize, usize),
    bytes: usize,
) -> Cost {
    let [ours, theirs] = [0; 2].map(|_| {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
        socket
            .set_read_timeout(Some(PATIENCE))
            .expect("a positive time");
        socket
    });
    let address = |socket: &UdpSocket| socket.local_addr().expect("it is bound");
    ours.connect(address(&theirs)).expect("the loopback");
    let echo = std::thread::spawn(move || {
        let (mut buffer, answer, began) = ([0; 2048], vec![7; answered], cpu_of_thread());
        for _ in 0..exchanges {
            let (_, from) = theirs.recv_from(&mut buffer).expect("a datagram");
            theirs.send_to(&answer, from).expect("the loopback");
        }
        cpu_of_thread() - began
    });
    let (mut buffer, request) = ([0; 2048], vec![7; asked]);
    let (began, cpu) = (Instant::now(), cpu_of_thread());
    let first = under_way.min(exchanges);
    for _ in 0..first {
        ours.send(&request).expect("the loopback");
    }
    for answers in 1..=exchanges {
        ours.recv(&mut buffer).expect("an echo");
        if first + answers <= exchanges {
            ours.send(&request).expect("the loopback");
        }
    }
    let (wall, other_cpu_s) = (began.elapsed(), cpu_of_thread() - cpu);
    Cost {
        exchanges,
        bytes,
        wall,
        cpu_s: echo.join().expect("the echo"),
        other_cpu_s,
    }
}

fn unix_echo(exchanges: usize, bytes: usize) -> Cost {
    let (mut ours, mut theirs) = UnixStream::pair().expect("a pair of sockets");
    let echo = std::thread::spawn(move || {
        let mut request = [0; ASKED_BYTES];
        let (answer, began) = ([7; LINE_ANSWER_BYTES], cpu_of_thread());
        for _ in 0..exchanges {
            theirs.read_exact(&mut request).expect("a request");
            theirs.write_all(&answer).expect("a reader");
        }
        cpu_of_thread() - began
    });
    let mut answer = [0; LINE_ANSWER_BYTES];
    let (began, cpu) = (Instant::now(), cpu_of_thread());
    for _ in 0..exchanges {
        ours.write_all(&[7; ASKED_BYTES]).expect("a reader");
        ours.read_exact(&mut answer).expect("an echo");
    }
    let (wall, cpu_s) = (began.elapsed(), cpu_of_thread() - cpu);
    Cost {
        exchanges,
        bytes,
        wall,
        cpu_s,
        other_cpu_s: echo.join().expect("the echo"),
    }
}

/// Processor time of this thread so far, seconds.
fn cpu_of_thread() -> f64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let first = text.split_whitespace().next().unwrap_or_default();
    first.parse::<f64>().unwrap_or(f64::NAN) / 1e9
}

#[derive(Clone, Copy)]
enum Transport {
    Kdnet,
    Unix,
}

/// Memory of a target into a file, and back, so many times.
fn transfers(transport: Transport, passes: usize) -> [Cost; 2] {
    let home = tempfile::tempdir().expect("a temporary folder");
    let folder = home.path().to_str().expect("UTF-8");
    let (sim, strings) = match transport {
        Transport::Kdnet => simulate(&["kdnet", "--rate", "0"], 1, home.path()),
        Transport::Unix => simulate(&["kdcom", "--rate", "0", "--unix", folder], 1, home.path()),
    };
    let mut host = Host::start(home.path(), &strings, "reply,target");
    let opens = |event: &Value| match transport {
        Transport::Kdnet => event["state"] == "running",
        // It may have been heard already when it is told of.
        Transport::Unix => event["state"] == "waiting" || event["state"] == "running",
    };
    host.wait(1, opens);
    host.done(".break");
    // What an earlier debugger may have left is looked for before memory is read: not to be measured.
    host.done("? poi(nt!PsLoadedModuleList)");
    let data_bytes = match transport {
        Transport::Kdnet => NET_DATA_BYTES,
        Transport::Unix => LINE_DATA_BYTES,
    };
    let mut costs = [".writemem", ".readmem"].map(|command| {
        let cost = Cost {
            exchanges: 0,
            bytes: 0,
            wall: Duration::ZERO,
            cpu_s: 0.0,
            other_cpu_s: 0.0,
        };
        (command, cost)
    });
    // In turn: what was read is known until it is written.
    for _ in 0..passes {
        for (command, cost) in &mut costs {
            let before = (host.process.cpu_s(), sim.cpu_s(), Instant::now());
            host.done(&format!("{command} {folder}/pool {POOL} L?{POOL_BYTES:#x}"));
            cost.exchanges += POOL_BYTES / data_bytes;
            cost.bytes += POOL_BYTES;
            cost.wall += before.2.elapsed();
            cost.cpu_s += host.process.cpu_s() - before.0;
            cost.other_cpu_s += sim.cpu_s() - before.1;
        }
    }
    costs.map(|(_, cost)| cost)
}

/// Targets that print as fast as their prints are acknowledged.
fn prints(plan: &Plan, read: bool) -> Cost {
    let home = tempfile::tempdir().expect("a temporary folder");
    let arguments = ["kdnet", "--rate", "10000"];
    let (sim, strings) = simulate(&arguments, plan.targets, home.path());
    let types = if read {
        "reply,target,output"
    } else {
        "reply,target"
    };
    let mut host = Host::start(home.path(), &strings, types);
    host.wait(plan.targets, |event| event["state"] == "running");
    std::thread::sleep(Duration::from_secs_f64(plan.seconds / 4.0));
    let count = host.packets(plan.targets);
    let before = (host.process.cpu_s(), sim.cpu_s(), Instant::now());
    std::thread::sleep(Duration::from_secs_f64(plan.seconds));
    let wall = before.2.elapsed();
    let (cpu_s, other_cpu_s) = (host.process.cpu_s() - before.0, sim.cpu_s() - before.1);
    let exchanges = host.packets(plan.targets) - count;
    Cost {
        exchanges,
        bytes: exchanges * PRINT_BYTES,
        wall,
        cpu_s,
        other_cpu_s,
    }
}

/// Starts simulated targets; the connection strings of their hosts.
fn simulate(arguments: &[&str], count: usize, home: &Path) -> (Process, Vec<String>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kdeck"));
    command
        .args(["sim", arguments[0], "--count", &count.to_string()])
        .args(&arguments[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .current_dir(home);
    if arguments[0] == "kdnet" {
        command.args([
            "--offer-every",
            "0.2",
            "--port",
            &free_ports(count).to_string(),
        ]);
    }
    let mut child: Child = command.spawn().expect("kdeck starts");
    let output = BufReader::new(child.stdout.take().expect("a pipe"));
    let strings = output
        .lines()
        .take(count)
        .filter_map(|line| Some(line.ok()?.split('\t').next()?.to_owned()))
        .collect();
    (Process(child), strings)
}

/// The first of so many UDP ports next to each other that nobody holds at this moment.
fn free_ports(count: usize) -> u16 {
    let is_free = |port: u16| UdpSocket::bind(("0.0.0.0", port)).is_ok();
    let fits = |first: &u16| (*first..).take(count).all(is_free);
    let found = (50_000..65_000).step_by(count.max(1)).find(fits);
    found.expect("there are free ports")
}

/// kdeck without a screen.
struct Host {
    process: Process,
    input: ChildStdin,
    events: Receiver<Value>,
}

impl Host {
    fn start(home: &Path, targets: &[String], types: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kdeck"));
        command
            .args(["--headless", "--json", "--no-log", "--only", types])
            .args(targets.iter().flat_map(|target| ["-k", target]))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .current_dir(home);
        for (variable, folder) in [("STATE", "state"), ("CONFIG", "config"), ("RUNTIME", "run")] {
            command.env(format!("KDECK_{variable}_DIR"), home.join(folder));
        }
        let mut child = command.spawn().expect("kdeck starts");
        let input = child.stdin.take().expect("a pipe");
        let output = child.stdout.take().expect("a pipe");
        let (tell, events) = channel();
        std::thread::spawn(move || {
            for line in BufReader::with_capacity(1 << 20, output).lines() {
                let Ok(line) = line else { return };
                if !line.starts_with(r#"{"type":"output""#) {
                    let event = serde_json::from_str(&line).expect("JSON");
                    if tell.send(event).is_err() {
                        return;
                    }
                }
            }
        });
        Self {
            process: Process(child),
            input,
            events,
        }
    }

    /// Types a line and waits for so many replies.
    fn ask(&mut self, line: &str, count: usize) -> Vec<Value> {
        writeln!(self.input, "{line}").expect("kdeck reads");
        self.wait(count, |event| event["type"] == "reply")
    }

    /// Types a line that has to succeed.
    fn done(&mut self, line: &str) {
        let reply = self.ask(line, 1).remove(0);
        assert!(reply["ok"] == true, "{line}: {}", reply["text"]);
    }

    /// Packets that came from all targets so far.
    fn packets(&mut self, targets: usize) -> usize {
        let replies = self.ask("@all .status", targets);
        let packets = |reply: &Value| {
            let text = reply["text"].as_str()?;
            let line = text
                .lines()
                .find_map(|line| line.strip_prefix("packets "))?;
            line.split(' ').next()?.parse::<usize>().ok()
        };
        replies.iter().filter_map(packets).sum()
    }

    fn wait(&self, count: usize, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut found = Vec::new();
        while found.len() < count {
            let event = self.events.recv_timeout(PATIENCE).expect("an event");
            if wanted(&event) {
                found.push(event);
            }
        }
        found
    }
}
