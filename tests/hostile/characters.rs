//! Control sequences in all that others send: nothing of them comes out where a terminal would obey it.

use std::io::{Read as _, Write as _};
use std::process::{Child, Stdio};

use kdeck::command::Reply;
use kdeck::connect::ServerString;
use kdeck::deck::Severity;
use kdeck::proto::session::frame::{self, SERVER_BYTES_MAX};
use kdeck::proto::session::login::Passwords;
use kdeck::proto::session::message::{
    From, Lines, Piece, StatusInfo, TargetInfo, ToClient, ToServer, Welcome,
};
use kdeck::rack::{State, TargetId};
use kdeck::session::door::{Caller, Door};
use kdeck::session::guard::Guard;
use kdeck::session::people::{Change, Person, PersonId, Seated};
use kdeck::session::server::ServerEntry;
use kdeck::session::transport::Listener;
use kdeck::session::{Permission, Said};
use kdeck::transcript::{Ending, Kind, Time};
use rand_core::OsRng;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::attacker::{Attacker, greeting, places, runtime, trust};
use crate::support::headless::{Event, Headless};
use crate::support::home::Home;
use crate::support::peer::{Connection, Peer, call};
use crate::support::ports::free_port;
use crate::{Lab, PASSWORD, VIEW_PASSWORD, wait_for_text};

/// Clears the screen, sets a title, rings, goes back, and does the same in eight bits.
const EVIL: &str = "A\x1b[2JB\x1b]0;pwned\x07C\rD\x08E\u{9b}31mF\u{85}G\x7fH\u{9d}0;x\u{9c}I\tJ\x0bK\x00L\x1aM\x18N";

/// Nothing that a terminal obeys, but new lines.
fn is_harmless(text: &str) -> bool {
    text.chars().all(|c| c == '\n' || !c.is_control())
}

fn no_control(value: &Value, whole: &Value) {
    match value {
        Value::String(text) => assert!(is_harmless(text), "{whole}"),
        Value::Array(values) => values.iter().for_each(|value| no_control(value, whole)),
        Value::Object(fields) => fields.values().for_each(|value| no_control(value, whole)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn all_harmless(events: &[Event]) {
    events
        .iter()
        .for_each(|event| no_control(&event.0, &event.0));
}

fn harmless(what: &str, text: &[u8]) {
    let text = std::str::from_utf8(text).expect("text");
    let line = text.split('\n').find(|line| !is_harmless(line));
    assert_eq!(line, None, "in {what}");
}

/// A plain run without a screen.
struct Plain(Child);

impl Plain {
    fn start(home: &Home, arguments: &[&str]) -> Self {
        let mut command = home.kdeck();
        command.arg("--headless").args(arguments);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Self(command.spawn().expect("kdeck starts"))
    }

    fn say(&mut self, line: &str) {
        let input = self.0.stdin.as_mut().expect("it is open");
        writeln!(input, "{line}").expect("kdeck reads");
    }

    /// Ends its input, if it is still there; what it printed on both outputs.
    fn finish(mut self) -> (Vec<u8>, Vec<u8>) {
        drop(self.0.stdin.take());
        let (mut out, mut errors) = (self.0.stdout.take(), self.0.stderr.take());
        let complaints = std::thread::spawn(move || {
            let mut text = Vec::new();
            let errors = errors.as_mut().expect("it is a pipe");
            errors.read_to_end(&mut text).expect("it can be read");
            text
        });
        let mut text = Vec::new();
        let out = out.as_mut().expect("it is a pipe");
        out.read_to_end(&mut text).expect("it can be read");
        self.0.wait().expect("a child");
        (text, complaints.join().expect("it does not panic"))
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        // Fails when it has ended, as it should have.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Everything that can be sent to a host, with control sequences in it.
fn assault(home: &Home, tcp: &str, chat: u16, target: &mut Connection) {
    let mut hello = greeting(&format!("eve{EVIL}"));
    hello.machine = EVIL.to_owned();
    hello.account = EVIL.to_owned();
    let mut eve = Attacker::try_join(home.path(), tcp, hello).expect("the password is right");
    assert!(is_harmless(&eve.welcome.me.name), "{:?}", eve.welcome.me);
    assert!(is_harmless(&eve.welcome.me.account), "{:?}", eve.welcome.me);
    let mut victim = Attacker::join(home.path(), tcp, "victim");
    for line in [
        format!(".chat {EVIL}"),
        format!(".echo {EVIL}"),
        format!(".me {EVIL}"),
        format!(".msg tester {EVIL}"),
        format!(".msg victim {EVIL}"),
        format!("@t {EVIL}"),
        format!("@{EVIL} x"),
        format!(".{EVIL}"),
        format!(".no{EVIL}"),
        format!(".endsrv {EVIL}"),
        format!(".server {EVIL}"),
        format!(".server npipe:pipe={EVIL}"),
        format!(".server tcp:port={EVIL}"),
        format!(".add raw:server={EVIL},port=1,name={EVIL}"),
        format!(".add {EVIL}"),
        format!(".take {EVIL}"),
        format!(".chatport {EVIL}"),
        format!(".device kick {EVIL}"),
        format!(".broadcast {EVIL} on"),
        format!("@t .find {EVIL}"),
        format!("@t .baud {EVIL}"),
        format!(".shell echo {EVIL}"),
        format!(".kick {EVIL} {EVIL}"),
        format!(".kick victim {EVIL}"),
    ] {
        let (_, text) = eve.submit(&line);
        assert!(
            is_harmless(&text) || text.contains(['A', 'B']),
            "{line:?}: {text:?}"
        );
    }
    let reason = victim.wait("they are put out", |message| match message {
        ToClient::Bye { reason, .. } => Some(reason.clone()),
        _ => None,
    });
    assert!(is_harmless(&reason), "{reason:?}");
    target.send(format!("{EVIL}\nlogin{EVIL}"));
    target.send("\nthe end of the output\n");
    let mut device = call(chat);
    device.read_until(b"\n");
    // A name is made of what is left before the carriage return; what is behind it is said.
    device.send(format!("/register {EVIL}\n"));
    device.send(format!("the end of the chat \x1b[2J\u{9b}2J\n/me {EVIL}\n"));
    let mut heard = Attacker::join(home.path(), tcp, "heard");
    heard.wait("the device's last line", |message| match message {
        ToClient::Chat(said) => said.text.contains("the end of the chat").then_some(()),
        _ => None,
    });
    drop(device);
}

#[test]
fn nothing_of_it_comes_out_of_a_host_or_its_clients_or_files() {
    let chat = free_port();
    let mut lab = Lab::open();
    lab.host.done(&format!(".chatport tcp:port={chat}"));
    let client = Headless::start(&["-remote", &lab.tcp(VIEW_PASSWORD)]);
    client.wait_state("t", "running");
    let home = Home::new();
    assault(&home, &lab.tcp(PASSWORD), chat, &mut lab.target);
    for run in [&lab.host, &client] {
        run.wait_output("t", "the end of the output");
        run.wait("the last of the chat", |event| {
            event.kind() == "chat" && event.text().contains("the end of the chat")
        });
    }
    lab.host.done("@t .last 100");
    lab.host.done(".clients");
    lab.host.done(".who");
    lab.host.done(".devices");
    lab.host.done("@t .status");
    let audit = lab.audit("text=\".kick victim");
    harmless("the audit log", audit.as_bytes());
    let state = lab.host.home.path().join("state");
    wait_for_text(&state.join("devices.toml"), "ABC");
    for file in std::fs::read_dir(state).expect("the state").flatten() {
        if file.path().is_file() {
            let text = std::fs::read(file.path()).expect("a file of the host");
            harmless(&file.path().to_string_lossy(), &text);
        }
    }
    for ended in [client.finish(), lab.host.finish()] {
        all_harmless(&ended.events);
        harmless("standard error", ended.complaints.as_bytes());
    }
}

#[test]
fn nothing_of_it_comes_out_of_a_plain_run() {
    let (home, port, chat, peer) = (Home::new(), free_port(), free_port(), Peer::listen());
    let server = format!("tcp:port={port},password={PASSWORD}");
    let mut host = Plain::start(&home, &["-server", &server, "-k", &peer.raw("t")]);
    let mut target = peer.accept();
    host.say(&format!(".chatport tcp:port={chat}"));
    // It is open when somebody gets in.
    drop(call(chat));
    let string = format!("tcp:Port={port},Server=127.0.0.1,password={PASSWORD}");
    let elsewhere = Home::new();
    let client = Plain::start(&elsewhere, &["-remote", &string]);
    assault(&Home::new(), &string, chat, &mut target);
    host.say("@t .wait 0.5 never");
    host.say("@t .last 100");
    host.say(".clients");
    let (out, errors) = host.finish();
    harmless("standard output", &out);
    harmless("standard error", &errors);
    let text = String::from_utf8_lossy(&out);
    assert!(
        text.contains("the end of the output") && text.contains("the end of the chat"),
        "{text}"
    );
    let (out, errors) = client.finish();
    harmless("a client's standard output", &out);
    harmless("a client's standard error", &errors);
    assert!(String::from_utf8_lossy(&out).contains("the end of the chat"));
}

fn evil_person(id: u32) -> Person {
    Person {
        id: PersonId(id),
        name: format!("p{EVIL}"),
        permission: Permission::Operator,
        seated: Seated::Client,
        account: EVIL.to_owned(),
        origin: EVIL.to_owned(),
        server: Some(0),
        since: Time::now(),
        active: Time::now(),
        away: false,
    }
}

/// All a server can say, with control sequences wherever there is text.
fn evil_words(run: u64) -> Vec<ToClient<'static>> {
    let (time, evil) = (Time::now(), || EVIL.to_owned());
    let entry = |seq, kind, text: &'static str| Piece::Entry {
        seq,
        time,
        kind,
        who: Some(EVIL),
        ending: Ending::Whole,
        seen: 0,
        bytes: serde_bytes::Bytes::new(text.as_bytes()),
    };
    vec![
        ToClient::Welcome(Welcome {
            me: evil_person(1),
            token: [1; 16],
            run,
            host: evil(),
            warnings: vec![evil()],
        }),
        ToClient::Rack(vec![TargetInfo {
            id: TargetId(1),
            name: format!("t{EVIL}"),
            address: evil(),
            groups: vec![evil()],
            debugger: true,
            tags: vec![evil()],
        }]),
        ToClient::Status(vec![(
            TargetId(1),
            StatusInfo {
                state: State::Running,
                detail: evil(),
                since: time,
                prompt: evil(),
                alert: evil(),
                holder: evil(),
                log_fails: evil(),
            },
        )]),
        ToClient::People(vec![evil_person(1), evil_person(2)]),
        ToClient::Person {
            time,
            person: evil_person(3),
            change: Change::Joined,
        },
        ToClient::Person {
            time,
            person: evil_person(3),
            change: Change::Renamed(evil()),
        },
        ToClient::Person {
            time,
            person: evil_person(3),
            change: Change::Left(evil()),
        },
        ToClient::Servers(vec![ServerEntry {
            id: 0,
            string: evil(),
            join: evil(),
            clients: 1,
            ending: false,
            open: true,
        }]),
        ToClient::Chat(Said {
            id: 1,
            time,
            from: evil(),
            to: Some(evil()),
            action: false,
            text: evil(),
        }),
        ToClient::Notice {
            time,
            severity: Severity::Error,
            target: Some(TargetId(1)),
            text: evil(),
        },
        ToClient::Target {
            time,
            id: TargetId(1),
            state: State::Lost,
            detail: evil(),
        },
        ToClient::Lines(Lines {
            target: TargetId(1),
            lines: 4,
            bytes: 400,
            behind: 0,
            pieces: vec![
                entry(1, Kind::Output, EVIL),
                entry(2, Kind::Command, EVIL),
                entry(3, Kind::Reply, EVIL),
                entry(4, Kind::Notice, EVIL),
                entry(5, Kind::Output, "the end of the output"),
            ],
        }),
        ToClient::Replies {
            call: 1,
            replies: vec![Reply {
                target: Some(TargetId(1)),
                seq: Some(9),
                ok: true,
                text: format!("{EVIL}\n{EVIL}"),
            }],
        },
        ToClient::Replies {
            call: 2,
            replies: vec![Reply {
                target: None,
                seq: None,
                ok: false,
                text: evil(),
            }],
        },
    ]
}

/// Lets clients in, one after the other, and says all that to each once they follow its target; then goodbye.
async fn serve_evil(mut listener: Listener, clients: usize) {
    let passwords = Passwords::new(Some(PASSWORD), None, &mut OsRng).expect("a password");
    let door = Door::new(passwords, Guard::new());
    for run in 0..clients {
        let incoming = listener.accept().await.expect("somebody comes");
        let caller = Caller::from(incoming.peer());
        let channel = incoming.shake().await.expect("TLS");
        let binding = channel.binding.bytes().to_vec();
        let admitted = door.admit(channel.stream, &binding, caller).await;
        let mut stream = admitted.expect("the password is right").stream;
        let mut out = Vec::new();
        let mut words = evil_words(run as u64);
        let rest = words.split_off(3);
        for message in words {
            frame::encode_with(SERVER_BYTES_MAX, &mut out, |body| message.encode(body))
                .expect("a short message");
        }
        stream.write_all(&out).await.expect("the client reads");
        stream.flush().await.expect("the client reads");
        // Lines of what it does not follow are not taken.
        let (mut followed, mut asked) = (false, 0);
        while !(followed && asked >= 2) {
            let mut header = [0; 4];
            stream
                .read_exact(&mut header)
                .await
                .expect("the client goes on");
            let length = frame::length(header, SERVER_BYTES_MAX).expect("a frame");
            let mut body = vec![0; length];
            stream
                .read_exact(&mut body)
                .await
                .expect("the client goes on");
            match ToServer::decode(&body) {
                Ok(Some(ToServer::Follow {
                    from: From::Newest(_) | From::Seq(_),
                    ..
                })) => followed = true,
                Ok(Some(ToServer::Submit { .. })) => asked += 1,
                _ => {}
            }
        }
        let mut out = Vec::new();
        let bye = ToClient::Bye {
            reason: EVIL.to_owned(),
            goes_on: true,
        };
        for message in rest.into_iter().chain([bye]) {
            frame::encode_with(SERVER_BYTES_MAX, &mut out, |body| message.encode(body))
                .expect("a short message");
        }
        stream.write_all(&out).await.expect("the client reads");
        stream.shutdown().await.ok();
    }
}

#[test]
fn a_server_cannot_steer_the_terminal_of_its_clients() {
    let (runtime, home, port) = (runtime(), Home::new(), free_port());
    let opened = runtime.block_on(async {
        let string: ServerString = format!("tcp:port={port},password=x")
            .parse()
            .expect("a string");
        Listener::open(&string, &trust(home.path()), &places(home.path())).await
    });
    let serving = runtime.spawn(serve_evil(opened.expect("the port is free"), 2));
    let string = format!("tcp:Port={port},Server=127.0.0.1,password={PASSWORD}");
    let mut client = Headless::start(&["-remote", &string, "--linger"]);
    client.say("one");
    client.say("two");
    let ended = client.wait_end();
    all_harmless(&ended.events);
    harmless("standard error", ended.complaints.as_bytes());
    let kinds = [
        "target", "output", "command", "notice", "chat", "person", "role", "error", "reply",
    ];
    for kind in kinds {
        let of_kind = |event: &&Event| event.kind() == kind;
        assert!(
            ended.events.iter().any(|event| of_kind(&event)),
            "no {kind}: {ended:?}"
        );
    }
    assert!(
        ended.complaints.contains("the session is over here: E"),
        "{ended:?}"
    );

    let elsewhere = Home::new();
    let mut plain = Plain::start(&elsewhere, &["-remote", &string, "--linger"]);
    plain.say("one");
    plain.say("two");
    let (out, errors) = plain.finish();
    harmless("standard output", &out);
    harmless("standard error", &errors);
    assert!(String::from_utf8_lossy(&out).contains("the end of the output"));
    runtime.block_on(serving).expect("it served both");
}
