//! Clients of a session that do the least a client can: they take what comes, count it, and ask for more.
//!
//! A process of its own, so that its processor time is told apart from the host's: this program started once more.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use kdeck::config::Places;
use kdeck::proto::session::frame::{CLIENT_BYTES_MAX, Decoder, SERVER_BYTES_MAX, encode_with};
use kdeck::proto::session::hello::ClientHello;
use kdeck::proto::session::message::{From, Lines, Piece, ToClient, ToServer};
use kdeck::rack::TargetId;
use kdeck::session::door::knock;
use kdeck::session::transport::{Settings, Trust, dial};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::process::{Process, say};

/// The first argument of a benchmark that is to be an audience.
const VERB: &str = "audience";
/// Credit that a client gives: more than comes in a round trip.
const CREDIT: u32 = 4 << 20;
/// How often the server is told that somebody is there.
const PING_EVERY: Duration = Duration::from_secs(10);
/// The target whose lines tell when they were printed.
pub const CLOCK: &str = "clock";

/// What was counted between two questions.
#[derive(Debug, Default, Clone)]
pub struct Count {
    /// Bytes of lines, of all clients together.
    pub bytes: f64,
    /// Lines that no client could be given any more.
    pub missed: f64,
    /// Processor time of the audience, seconds.
    pub cpu_s: f64,
    /// From the moment a line was printed until a client had it, milliseconds: the middle, and all but one of a hundred.
    pub median_ms: f64,
    pub p99_ms: f64,
}

/// A running audience; ended when dropped.
pub struct Audience {
    process: Process,
    output: BufReader<std::process::ChildStdout>,
    /// How long the first of them took until it had the history, seconds.
    pub joined_s: f64,
}

impl Audience {
    /// So many clients join the server at this port, one after the other; each with the history if `history` says so.
    pub fn join(port: u16, password: &str, clients: usize, history: bool) -> Self {
        let this = std::env::current_exe().expect("this program has a path");
        let mut command = Command::new(this);
        command
            .arg(VERB)
            .args([port.to_string(), password.to_owned(), clients.to_string()]);
        command.arg(if history { "history" } else { "newest" });
        let mut child: Child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut audience = Self {
            process: Process(child),
            output,
            joined_s: 0.0,
        };
        audience.joined_s = audience.numbers()[0];
        audience
    }

    /// What was counted since this was last asked.
    pub fn count(&mut self) -> Count {
        let cpu_s = self.process.cpu_s();
        let input = self.process.0.stdin.as_mut().expect("a pipe");
        writeln!(input, "count").expect("the audience is there");
        let numbers = self.numbers();
        let number = |at: usize| numbers.get(at).copied().unwrap_or(f64::NAN);
        Count {
            bytes: number(0),
            missed: number(1),
            median_ms: number(2),
            p99_ms: number(3),
            cpu_s,
        }
    }

    fn numbers(&mut self) -> Vec<f64> {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("a pipe");
        let numbers = line
            .split_whitespace()
            .map(|word| word.parse().expect("a number"));
        let numbers: Vec<f64> = numbers.collect();
        assert!(!numbers.is_empty(), "the audience ended");
        numbers
    }
}

#[derive(Default)]
struct Shared {
    bytes: AtomicU64,
    missed: AtomicU64,
    /// Microseconds.
    delays: Mutex<Vec<u64>>,
}

/// Is an audience, if this process was started as one; true when that is over.
pub fn was_asked_for() -> bool {
    let args: Vec<String> = std::env::args().collect();
    let [_, verb, port, password, clients, history] = args.as_slice() else {
        return false;
    };
    if verb != VERB {
        return false;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime");
    let shared: Arc<Shared> = Arc::default();
    let start = Instant::now();
    let clients: usize = clients.parse().expect("a number");
    let string = format!("tcp:port={port},server=localhost,password={password}");
    for number in 0..clients {
        let (ready, joined) = tokio::sync::oneshot::channel();
        runtime.spawn(watch(
            string.clone(),
            number,
            history == "history",
            shared.clone(),
            ready,
        ));
        joined.blocking_recv().expect("it joins");
    }
    say(&start.elapsed().as_secs_f64().to_string());
    for line in std::io::stdin().lines() {
        line.expect("a pipe");
        let mut delays = std::mem::take(&mut *shared.delays.lock().expect("nobody panics with it"));
        delays.sort_unstable();
        let at = |part: usize| {
            delays
                .get(delays.len() * part / 100)
                .map_or(0.0, |us| *us as f64 / 1e3)
        };
        let (bytes, missed) = (
            shared.bytes.swap(0, Ordering::Relaxed),
            shared.missed.swap(0, Ordering::Relaxed),
        );
        say(&format!("{bytes} {missed} {} {}", at(50), at(99)));
    }
    std::process::exit(0);
}

/// One client, for as long as the server is there.
async fn watch(
    string: String,
    number: usize,
    history: bool,
    shared: Arc<Shared>,
    ready: tokio::sync::oneshot::Sender<()>,
) {
    let home = tempfile::tempdir().expect("a temporary folder");
    let user = Some(home.path().to_path_buf());
    let places = Places::find_in(|_: &str| None, user, home.path(), None).expect("places");
    let trust = Trust::open(&places, Settings::default()).expect("certificates");
    let string = string.parse().expect("a connection string");
    let channel = dial(&string, &trust, &places, &mut |_| {})
        .await
        .expect("the server is there");
    let greeting = ClientHello {
        person: format!("p{number}"),
        machine: "bench".to_owned(),
        account: "bench".to_owned(),
        resume: None,
        observe_only: true,
    };
    let password = string
        .password
        .as_ref()
        .and_then(|password| password.reveal());
    let binding = channel.binding.bytes().to_vec();
    let welcomed = knock(channel.stream, &binding, greeting, password, || Ok(()))
        .await
        .expect("we are let in");
    let mut stream = welcomed.stream;
    let mut client = Watching {
        shared,
        next: HashMap::new(),
        clock: None,
        taken: 0,
        ready: Some(ready),
    };
    let mut decoder = Decoder::new(SERVER_BYTES_MAX);
    let (mut buffer, mut out) = (vec![0; 256 << 10], Vec::new());
    ask(&mut out, &ToServer::Start { chat: 0 });
    ask(&mut out, &ToServer::Credit(CREDIT));
    let mut said = Instant::now();
    loop {
        if said.elapsed() > PING_EVERY {
            ask(&mut out, &ToServer::Ping);
        }
        if !out.is_empty() {
            said = Instant::now();
            stream.write_all(&out).await.expect("the server is there");
            stream.flush().await.expect("the server is there");
            out.clear();
        }
        let Ok(count @ 1..) = stream.read(&mut buffer).await else {
            return;
        };
        let mut bytes = &buffer[..count];
        while let Some(body) = decoder.next(&mut bytes).expect("frames") {
            match ToClient::decode(body).expect("a message") {
                Some(ToClient::Rack(targets)) => {
                    for target in targets {
                        let from = if history {
                            From::Seq(1)
                        } else {
                            From::Newest(1)
                        };
                        ask(
                            &mut out,
                            &ToServer::Follow {
                                target: target.id,
                                from,
                            },
                        );
                        if target.name == CLOCK {
                            client.clock = Some(target.id);
                        }
                    }
                }
                Some(ToClient::Lines(lines)) => {
                    client.taken += body.len();
                    client.take(&lines);
                }
                _ => {}
            }
        }
        if client.taken > CREDIT as usize / 2 {
            ask(
                &mut out,
                &ToServer::Credit(u32::try_from(client.taken).expect("a few MiB")),
            );
            client.taken = 0;
        }
    }
}

struct Watching {
    shared: Arc<Shared>,
    /// The next entry of each target.
    next: HashMap<TargetId, u64>,
    clock: Option<TargetId>,
    /// Bytes since credit was given.
    taken: usize,
    /// Told when the history is here.
    ready: Option<tokio::sync::oneshot::Sender<()>>,
}

impl Watching {
    fn take(&mut self, lines: &Lines<'_>) {
        let mut bytes = 0;
        let next = self.next.entry(lines.target).or_default();
        for piece in &lines.pieces {
            let (first, count, text) = match piece {
                Piece::Lines { first, bytes, .. } => (
                    *first,
                    memchr::memchr_iter(b'\n', bytes).count() as u64,
                    bytes,
                ),
                Piece::Entry { seq, bytes, .. } => (*seq, 1, bytes),
            };
            bytes += text.len() as u64;
            if *next > 0 && first > *next {
                self.shared
                    .missed
                    .fetch_add(first - *next, Ordering::Relaxed);
            }
            *next = first + count;
            if Some(lines.target) == self.clock {
                let now = SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .expect("it is past 1970");
                let text = String::from_utf8_lossy(text);
                let printed = text.lines().filter_map(|line| line.parse::<u64>().ok());
                let now = now.as_micros() as u64;
                let delays = printed.map(|printed| now.saturating_sub(printed));
                self.shared
                    .delays
                    .lock()
                    .expect("nobody panics with it")
                    .extend(delays);
            }
        }
        self.shared.bytes.fetch_add(bytes, Ordering::Relaxed);
        if lines.behind <= 1
            && Some(lines.target) != self.clock
            && let Some(ready) = self.ready.take()
        {
            // Nobody waits for those after the first.
            ready.send(()).ok();
        }
    }
}

fn ask(out: &mut Vec<u8>, message: &ToServer) {
    encode_with(CLIENT_BYTES_MAX, out, |body| message.encode(body)).expect("it is short");
}
