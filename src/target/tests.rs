//! Actors over real loopback sockets, pseudo-terminals and programs; every wait has a deadline.

mod kd;
mod netconsole;

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio::task::JoinHandle;

use super::*;
use crate::deck::{Event, News};
use crate::ports::free_port;
use crate::rack::{Target, TargetId, status};
use crate::transcript::{Kind, Limits, Pulse, Time, Transcript};

/// An actor with everything that a host gives it.
struct Rig {
    control: Control,
    target: Arc<Target>,
    events: broadcast::Receiver<Event>,
    pulse: Arc<Pulse>,
    stop: CancellationToken,
    actor: JoinHandle<()>,
}

const QUICK: Pauses = Pauses {
    first: Duration::from_millis(1),
    longest: Duration::from_millis(4),
};
const LONG: Pauses = Pauses {
    first: Duration::from_secs(3600),
    longest: Duration::from_secs(3600),
};

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future)
        .await
        .expect("it takes far less than 20 s")
}

fn start(connect: &str, pauses: Pauses) -> Rig {
    let connect: TargetString = connect.parse().unwrap();
    let news = News::default();
    let pulse = news.pulse();
    let target = Arc::new(Target {
        id: TargetId(1),
        name: "t1".into(),
        address: connect.masked(),
        groups: Vec::new(),
        debugger: false,
        tags: Vec::new(),
        transcript: Arc::new(Transcript::new(Limits::default(), pulse.clone())),
        status: Arc::new(status::Shared::new(Time::now())),
    });
    let events = news.events();
    let (control, asks) = Control::new();
    let stop = CancellationToken::new();
    let work = Work {
        report: Report::new(target.clone(), news),
        asks,
        stop: stop.clone(),
        pauses: watch::channel(pauses).1,
        ports: Ports::default(),
        holders: Holders::default(),
    };
    let actor = tokio::spawn(run(connect, work));
    Rig {
        control,
        target,
        events,
        pulse,
        stop,
        actor,
    }
}

impl Rig {
    /// The next state and its reason.
    async fn next_state(&mut self) -> (State, String) {
        loop {
            if let Event::Target { state, detail, .. } = soon(self.events.recv()).await.unwrap() {
                return (state, detail);
            }
        }
    }

    /// Waits for that state; its reason.
    async fn state(&mut self, wanted: State) -> String {
        loop {
            let (state, detail) = self.next_state().await;
            if state == wanted {
                return detail;
            }
        }
    }

    async fn ask(&self, request: Request) -> Answer {
        soon(self.control.ask(request)).await.unwrap()
    }

    /// Entries of that kind so far.
    fn entries(&self, kind: Kind) -> Vec<String> {
        self.target.transcript.with(|ring| {
            ring.entries(1)
                .filter(|entry| entry.kind == kind)
                .map(|entry| String::from_utf8_lossy(entry.bytes).into_owned())
                .collect()
        })
    }

    /// Waits until an entry of that kind holds `text`.
    async fn entry(&self, kind: Kind, text: &str) {
        let watch = self.pulse.watch();
        soon(async {
            loop {
                watch.arm();
                if self.entries(kind).iter().any(|entry| entry.contains(text)) {
                    return;
                }
                watch.rung().await;
            }
        })
        .await;
    }

    async fn end(self) {
        self.stop.cancel();
        soon(self.actor).await.unwrap();
    }
}

fn line(text: &str) -> Request {
    Request::Line(text.into())
}

async fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

async fn accept(listener: &TcpListener) -> TcpStream {
    soon(listener.accept()).await.unwrap().0
}

async fn read(stream: &mut TcpStream, length: usize) -> String {
    let mut bytes = vec![0; length];
    soon(stream.read_exact(&mut bytes)).await.unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn a_lost_target_is_dialled_again_and_keeps_its_history() {
    let (far, port) = listener().await;
    let mut rig = start(&format!("raw:server=127.0.0.1,port={port}"), QUICK);
    assert_eq!(rig.next_state().await.0, State::Connecting);
    let mut first = accept(&far).await;
    assert_eq!(rig.next_state().await.0, State::Running);
    first.write_all(b"one\nhalf a li").await.unwrap();
    drop(first);
    let (state, detail) = rig.next_state().await;
    assert_eq!(state, State::Lost);
    assert!(
        detail.starts_with("connection closed by the target; next try in "),
        "{detail}"
    );
    let mut second = accept(&far).await;
    assert_eq!(rig.next_state().await.0, State::Running);
    second.write_all(b"two\n").await.unwrap();
    rig.entry(Kind::Output, "two").await;
    assert_eq!(rig.entries(Kind::Output), ["one", "half a li", "two"]);
    rig.end().await;
}

#[tokio::test]
async fn a_target_that_stays_away_is_noted_once() {
    let port = free_port();
    let mut rig = start(&format!("raw:server=127.0.0.1,port={port}"), LONG);
    rig.state(State::Lost).await;
    for _ in 0..5 {
        assert!(rig.ask(Request::Connect).await.is_ok());
    }
    rig.ask(Request::Disconnect).await.unwrap();
    rig.state(State::Closed).await;
    let notices = rig.entries(Kind::Notice);
    assert_eq!(notices.len(), 2, "{notices:?}");
    assert_eq!(notices[1], "disconnected");
    rig.end().await;
}

#[tokio::test]
async fn connect_ends_a_pause_and_disconnect_ends_the_tries() {
    let port = free_port();
    let mut rig = start(&format!("raw:server=127.0.0.1,port={port}"), LONG);
    rig.state(State::Lost).await;
    assert!(rig.ask(Request::Connect).await.is_ok());
    rig.state(State::Lost).await;
    assert_eq!(rig.ask(Request::Disconnect).await, Ok(String::new()));
    assert_eq!(rig.state(State::Closed).await, "disconnected");
    let far = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    assert!(rig.ask(Request::Connect).await.is_ok());
    let _near = accept(&far).await;
    rig.state(State::Running).await;
    assert_eq!(
        rig.ask(Request::Connect).await.as_deref(),
        Ok("already connected")
    );
    rig.end().await;
}

#[tokio::test]
async fn what_is_typed_while_there_is_no_connection_is_refused_and_recorded() {
    let port = free_port();
    let mut rig = start(&format!("raw:server=127.0.0.1,port={port}"), LONG);
    rig.state(State::Lost).await;
    for request in [line("ls"), Request::Break, Request::Baud(9600)] {
        let reason = rig.ask(request).await.unwrap_err();
        assert!(reason.starts_with("t1 is not connected: "), "{reason}");
    }
    assert_eq!(rig.entries(Kind::Reply).len(), 3);
    assert!(rig.ask(Request::Describe).await.is_ok());
    rig.end().await;
}

#[tokio::test]
async fn lines_go_out_in_order_with_a_gap_between_them() {
    let (far, port) = listener().await;
    let mut rig = start(&format!("raw:server=127.0.0.1,port={port}"), QUICK);
    let mut near = accept(&far).await;
    rig.state(State::Running).await;
    let begun = tokio::time::Instant::now();
    let answers: Vec<_> = (0..5)
        .map(|n| rig.control.ask(line(&n.to_string())))
        .collect();
    assert_eq!(read(&mut near, 10).await, "0\r1\r2\r3\r4\r");
    assert!(begun.elapsed() >= Duration::from_millis(40));
    for answer in answers {
        assert_eq!(soon(answer).await.unwrap(), Ok(String::new()));
    }
    rig.end().await;
}

#[tokio::test]
async fn what_was_typed_before_a_disconnect_is_sent_before_it() {
    let (far, port) = listener().await;
    let mut rig = start(&format!("raw:server=127.0.0.1,port={port}"), QUICK);
    let mut near = accept(&far).await;
    rig.state(State::Running).await;
    let typed: Vec<_> = ["sync", "logout"]
        .map(|text| rig.control.ask(line(text)))
        .into();
    let end = rig.control.ask(Request::Disconnect);
    let mut text = String::new();
    soon(near.read_to_string(&mut text)).await.unwrap();
    assert_eq!(text, "sync\rlogout\r");
    for answer in typed {
        assert_eq!(soon(answer).await.unwrap(), Ok(String::new()));
    }
    assert_eq!(soon(end).await.unwrap(), Ok(String::new()));
    rig.state(State::Closed).await;
    rig.end().await;
}

#[tokio::test]
async fn a_target_that_does_not_read_is_still_heard_asked_about_and_disconnected() {
    let (far, port) = listener().await;
    let mut rig = start(&format!("raw:server=127.0.0.1,port={port}"), QUICK);
    let mut near = accept(&far).await;
    rig.state(State::Running).await;
    let stuck: Vec<_> = (0..1000)
        .map(|_| rig.control.ask(Request::Keys(vec![b'x'; 60_000])))
        .collect();
    let description = rig.ask(Request::Describe).await.unwrap();
    assert!(description.contains("waiting"), "{description}");
    near.write_all(b"still here\n").await.unwrap();
    rig.entry(Kind::Output, "still here").await;
    assert_eq!(rig.ask(Request::Disconnect).await, Ok(String::new()));
    rig.state(State::Closed).await;
    let mut refused = 0;
    for answer in stuck {
        refused += usize::from(soon(answer).await.unwrap().is_err());
    }
    assert!(refused > 500, "{refused}");
    rig.end().await;
}

#[tokio::test]
async fn a_break_and_a_speed_wait_for_the_lines_typed_before_them() {
    let (_far, _terminal, device) = device();
    let mut rig = start(&format!("raw:com={device},baud=9600"), QUICK);
    rig.state(State::Running).await;
    let lines = ["one", "two", "three"].map(|text| rig.control.ask(line(text)));
    let after = rig.control.ask(Request::Break);
    let speed = rig.control.ask(Request::Baud(115_200));
    assert_eq!(soon(after).await.unwrap(), Ok(String::new()));
    for mut answer in lines {
        assert_eq!(answer.try_recv(), Ok(Ok(String::new())));
    }
    assert_eq!(soon(speed).await.unwrap().as_deref(), Ok("115200 baud"));
    rig.end().await;
}

/// A pseudo-terminal that stands for a serial line: its other side, and its device.
fn device() -> (pty_process::Pty, pty_process::Pts, String) {
    let (far, terminal) = pty_process::open().unwrap();
    let name = rustix::termios::ttyname(&terminal, Vec::new()).unwrap();
    (far, terminal, name.into_string().unwrap())
}

#[tokio::test]
async fn telnet_breaks_and_what_is_no_serial_line_says_so() {
    let (far, port) = listener().await;
    let mut rig = start(&format!("telnet:server=127.0.0.1,port={port}"), QUICK);
    let mut near = accept(&far).await;
    rig.state(State::Running).await;
    // A server that offers to echo speaks telnet.
    near.write_all(b"\xff\xfb\x01").await.unwrap();
    assert!(rig.ask(line("a")).await.is_ok());
    assert!(rig.ask(Request::Break).await.is_ok());
    let mut sent = Vec::new();
    while !sent.ends_with(b"a\r\0\xff\xf3") {
        sent.push(soon(near.read_u8()).await.unwrap());
    }
    rig.end().await;

    let (far, port) = listener().await;
    let mut rig = start(&format!("raw:server=127.0.0.1,port={port}"), QUICK);
    let _near = accept(&far).await;
    rig.state(State::Running).await;
    for (request, word) in [
        (Request::Break, "break"),
        (Request::Baud(9600), "serial line"),
        (
            Request::Modem {
                line: ModemLine::Dtr,
                on: true,
            },
            "serial line",
        ),
    ] {
        let reason = rig.ask(request).await.unwrap_err();
        assert!(reason.contains(word), "{reason}");
    }
    assert_eq!(rig.entries(Kind::Reply).len(), 3);
    rig.end().await;
}

#[tokio::test]
async fn a_program_is_started_again_as_its_policy_says() {
    for (policy, status, again) in [
        ("always", 0, true),
        ("failure", 0, false),
        ("failure", 3, true),
        ("never", 3, false),
    ] {
        let mut rig = start(
            &format!("exec:sh -c 'exit {status}',restart={policy}"),
            QUICK,
        );
        rig.state(State::Running).await;
        let (state, detail) = rig.next_state().await;
        let wanted = if again { State::Lost } else { State::Closed };
        assert_eq!(state, wanted, "{policy} {status}");
        assert!(
            detail.contains(&format!("the program ended: exit status {status}")),
            "{detail}"
        );
        if again {
            rig.state(State::Running).await;
        }
        rig.end().await;
    }
}

#[tokio::test]
async fn a_program_that_is_started_again_finds_its_screen_as_large_as_before() {
    let mut rig = start("exec:stty size; read x,restart=always", QUICK);
    rig.entry(Kind::Output, "24 80").await;
    let (columns, rows) = (100, 40);
    assert!(rig.ask(Request::Resize { columns, rows }).await.is_ok());
    assert!(rig.ask(line("")).await.is_ok());
    rig.state(State::Lost).await;
    rig.entry(Kind::Output, "40 100").await;
    rig.end().await;
}

#[tokio::test]
async fn a_target_may_dial_in_again_and_its_port_is_free_in_the_end() {
    let port = free_port();
    let mut rig = start(&format!("raw:listen,port={port},bind=127.0.0.1"), QUICK);
    rig.state(State::Waiting).await;
    for text in ["one", "two"] {
        let mut near = soon(dial(port)).await;
        rig.state(State::Running).await;
        near.write_all(format!("{text}\n").as_bytes())
            .await
            .unwrap();
        rig.entry(Kind::Output, text).await;
        drop(near);
        rig.state(State::Waiting).await;
    }
    assert!(rig.ask(Request::Disconnect).await.is_ok());
    rig.state(State::Closed).await;
    assert!(
        TcpStream::connect(("127.0.0.1", port)).await.is_err(),
        "nobody listens"
    );
    assert!(rig.ask(Request::Connect).await.is_ok());
    rig.state(State::Waiting).await;
    let _near = soon(dial(port)).await;
    rig.state(State::Running).await;
    rig.end().await;
    TcpListener::bind(("127.0.0.1", port)).await.unwrap();
}

/// Dials as soon as somebody listens.
async fn dial(port: u16) -> TcpStream {
    loop {
        match TcpStream::connect(("127.0.0.1", port)).await {
            Ok(stream) => return stream,
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

#[tokio::test]
async fn a_kind_that_is_not_driven_answers_with_the_reason() {
    let mut rig = start("gdb:server=127.0.0.1,port=1234", QUICK);
    let reason = rig.state(State::Closed).await;
    assert!(!reason.is_empty());
    assert_eq!(rig.ask(line("x")).await, Err(reason));
    rig.end().await;
}
