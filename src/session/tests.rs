//! A host and its clients over memory: what is said, printed and typed reaches everybody once and in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;

use super::client::{Client, Connection, Interest, Joining, LINE_DOWN, Line, Visitor, Way, start};
use super::server::{Guest, serve};
use super::transport::{Duplex, Settings};
use super::{Author, Permission};
use crate::command;
use crate::config::{Config, Overrides, Places};
use crate::deck::{Deck, Home, News, Seat};
use crate::host::Host;
use crate::rack::{Rack, State};
use crate::transcript::{Ending, Kind, Reader, Step, Transcript};

const PATIENCE: Duration = Duration::from_secs(20);

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .expect("it takes far less than 20 s")
}

/// A host with one target, whose end of the wire the test has.
struct Rig {
    host: Arc<Host>,
    wire: TcpStream,
    home: tempfile::TempDir,
}

impl Rig {
    async fn start() -> Self {
        Self::with(Vec::new()).await
    }

    /// The same with more targets behind it.
    async fn with(more: Vec<String>) -> Self {
        let home = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let target = format!("raw:server=127.0.0.1,port={port},name=t");
        let overrides = Overrides {
            targets: std::iter::once(target)
                .chain(more)
                .map(|target| target.parse().unwrap())
                .collect(),
            log: Some(false),
            ..Overrides::default()
        };
        let read = move || {
            let mut config = Config::default();
            config.override_with(overrides.clone());
            Ok(config)
        };
        let (news, runtime) = (News::default(), Handle::current());
        let config = read().unwrap();
        let places = places(&home);
        let host = Host::start(config, places, Box::new(read), runtime, news).unwrap();
        host.sit("owner");
        let (wire, _) = soon(listener.accept()).await.unwrap();
        Self { host, wire, home }
    }

    /// Somebody joins with that permission.
    async fn join(&self, name: &str, permission: Permission, history: Option<u64>) -> Arc<Client> {
        self.join_over(name, permission, history, 1 << 16).await.0
    }

    /// The same over a line that holds so many bytes; what cuts it.
    async fn join_over(
        &self,
        name: &str,
        permission: Permission,
        history: Option<u64>,
        line: usize,
    ) -> (Arc<Client>, tokio::task::AbortHandle) {
        let nowhere = "npipe:pipe=nowhere";
        self.join_at(nowhere, name, permission, history, line).await
    }

    /// The same, and when the line is cut they look for the server at that string.
    async fn join_at(
        &self,
        string: &str,
        name: &str,
        permission: Permission,
        history: Option<u64>,
        line: usize,
    ) -> (Arc<Client>, tokio::task::AbortHandle) {
        let (ours, theirs) = tokio::io::duplex(line);
        let guest = guest(theirs, name, permission);
        let serving = tokio::spawn(serve(self.host.clone(), guest));
        let mut visitor = Visitor::new(name, places(&self.home), Settings::default());
        visitor.history = history;
        let joining = Joining {
            way: Way::Server(string.parse().unwrap()),
            interest: Interest::All,
            visitor,
        };
        let connection = soon(Connection::receive(Box::new(ours))).await.unwrap();
        let client = start(News::default(), joining, connection, &Handle::current());
        (client, serving.abort_handle())
    }

    async fn print(&mut self, text: &str) {
        soon(self.wire.write_all(text.as_bytes())).await.unwrap();
    }
}

fn places(home: &tempfile::TempDir) -> Places {
    let user = Some(home.path().to_path_buf());
    Places::find_in(|_: &str| None, user, home.path(), None).unwrap()
}

fn guest(stream: DuplexStream, name: &str, permission: Permission) -> Guest<Box<dyn Duplex>> {
    Guest {
        stream: Box::new(stream),
        name: name.to_owned(),
        account: format!("BOX\\{name}"),
        origin: "test".to_owned(),
        permission,
        resume: None,
        server: Some(0),
        warnings: Vec::new(),
    }
}

/// All that is in a transcript, with the numbers.
fn entries(transcript: &Transcript) -> Vec<(u64, Kind, String, Ending)> {
    let mut all = Vec::new();
    transcript.with(|ring| {
        Reader::from(ring.first()).read(ring, true, |step| {
            if let Step::Entry(entry, _) = step {
                let text = String::from_utf8_lossy(entry.bytes).into_owned();
                all.push((entry.seq, entry.kind, text, entry.ending));
            }
            true
        });
    });
    all
}

/// Waits until a client has what the host has.
async fn same(host: &Host, client: &Client) {
    let watch = client.news().pulse().watch();
    let theirs = || entries(&host.rack().targets()[0].transcript);
    soon(async {
        loop {
            watch.arm();
            let rack = client.rack();
            let ours = rack.targets().first();
            if ours.is_some_and(|ours| entries(&ours.transcript) == theirs()) {
                return;
            }
            tokio::time::timeout(Duration::from_millis(50), watch.rung())
                .await
                .ok();
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_has_the_hosts_history_whatever_it_is_made_of() {
    let mut rig = Rig::start().await;
    let early = rig.join("early", Permission::Operator, None).await;
    rig.print("one\ntwo\r\n\nlogin: ").await;
    same(&rig.host, &early).await;
    let author = Author::owner("owner");
    let deck = Deck::Host(rig.host.clone());
    drop(command::submit(&deck, &author, None, "@t root"));
    same(&rig.host, &early).await;
    rig.print("root\nPassword: ").await;
    same(&rig.host, &early).await;
    rig.print(&"x".repeat(40_000)).await;
    same(&rig.host, &early).await;
    rig.print("\nlast\n").await;
    same(&rig.host, &early).await;
    let late = rig.join("late", Permission::Observer, None).await;
    same(&rig.host, &late).await;
    let target = &early.rack().targets()[0].clone();
    assert_eq!(target.name, "t");
    assert_eq!(target.status.state(), State::Running);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_clients_type_is_carried_out_in_order_and_seen_by_all_with_their_names() {
    let rig = Rig::start().await;
    let alice = rig.join("alice", Permission::Operator, None).await;
    let bob = rig.join("bob", Permission::Observer, None).await;
    same(&rig.host, &alice).await;
    same(&rig.host, &bob).await;
    let typed = |client: &Arc<Client>, line: &str| {
        let deck = Deck::Client(client.clone());
        command::submit(&deck, &Author::owner("nobody"), None, line)
    };
    for number in 0..20 {
        let replies = soon(typed(&alice, &format!("@t line {number}"))).await;
        assert!(replies.iter().all(|reply| reply.ok), "{replies:?}");
    }
    let refused = soon(typed(&bob, "@t rm -rf /")).await;
    assert!(!refused[0].ok, "{refused:?}");
    // A client that was changed to send it all the same gets no further.
    let id = bob.rack().targets()[0].id;
    let keys = crate::target::Request::Keys(b"x".to_vec());
    let asked = soon(bob.ask(id, keys).answer).await.unwrap();
    assert_eq!(asked, Err(crate::host::OBSERVER.to_owned()));
    let refused = soon(typed(&alice, "@t .save /tmp/never")).await;
    assert!(refused[0].text.contains("only its owner"), "{refused:?}");
    same(&rig.host, &bob).await;
    let commands: Vec<String> = entries(&bob.rack().targets()[0].transcript)
        .into_iter()
        .filter(|(_, kind, ..)| *kind == Kind::Command)
        .map(|(_, _, text, _)| text)
        .collect();
    let wanted: Vec<String> = (0..20).map(|number| format!("line {number}")).collect();
    assert_eq!(commands, wanted);
    bob.rack().targets()[0].transcript.with(|ring| {
        let mut commands = ring.entries(1).filter(|entry| entry.kind == Kind::Command);
        assert!(commands.all(|entry| entry.who == Some("alice")));
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn chat_reaches_everybody_once_and_private_lines_only_whom_they_are_for() {
    let rig = Rig::start().await;
    let alice = rig.join("alice", Permission::Operator, None).await;
    let bob = rig.join("bob", Permission::Observer, None).await;
    let carol = rig.join("carol", Permission::Observer, None).await;
    for client in [&alice, &bob, &carol] {
        same(&rig.host, client).await;
    }
    for number in 0..50 {
        rig.host
            .chat()
            .say("owner", None, false, &number.to_string());
    }
    rig.host.chat().say("alice", Some("bob"), false, "psst");
    rig.host.chat().say("owner", None, true, "ends");
    let heard = async |client: &Arc<Client>| {
        let name = client.me().unwrap().name;
        let watch = client.news().pulse().watch();
        soon(async {
            loop {
                watch.arm();
                let all = client.chat().since(0, &name);
                if all.last().is_some_and(|said| said.text == "ends") {
                    return all.into_iter().map(|said| said.text).collect::<Vec<_>>();
                }
                tokio::time::timeout(Duration::from_millis(50), watch.rung())
                    .await
                    .ok();
            }
        })
        .await
    };
    let mut wanted: Vec<String> = (0..50).map(|number| number.to_string()).collect();
    wanted.push("ends".to_owned());
    assert_eq!(heard(&carol).await, wanted);
    wanted.insert(50, "psst".to_owned());
    assert_eq!(heard(&bob).await, wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_is_gone_at_once_and_whose_line_is_cut_is_away() {
    let rig = Rig::start().await;
    let alice = rig.join("alice", Permission::Operator, None).await;
    let (bob, _) = rig
        .join_over("bob", Permission::Operator, None, 1 << 16)
        .await;
    same(&rig.host, &alice).await;
    same(&rig.host, &bob).await;
    soon(alice.leave()).await;
    assert_eq!(alice.line(), Line::Left);
    let people = rig.host.people();
    soon(async {
        while people.named("alice").is_some() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(people.put_out(|person| person.name == "bob", "enough"), 1);
    soon(bob.ending().cancelled()).await;
    assert_eq!(bob.line(), Line::PutOut("enough".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_while_the_line_is_down_is_refused_and_never_carried_out_later() {
    let rig = Rig::start().await;
    // A server that takes calls and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let string = format!("tcp:port={port},server=127.0.0.1,password=x");
    let joining = rig.join_at(&string, "alice", Permission::Operator, None, 1 << 16);
    let (alice, line) = joining.await;
    same(&rig.host, &alice).await;
    line.abort();
    let id = alice.rack().targets()[0].id;
    let deck = Deck::Client(alice.clone());
    let refused = async || {
        let typed = command::submit(&deck, &Author::owner("nobody"), None, "@t reboot");
        let replies = soon(typed).await;
        assert!(
            !replies[0].ok && replies[0].text == LINE_DOWN,
            "{replies:?}"
        );
        let keys = crate::target::Request::Keys(b"x".to_vec());
        let asked = soon(alice.ask(id, keys).answer).await.unwrap();
        assert_eq!(asked, Err(LINE_DOWN.to_owned()));
    };
    soon(async {
        while alice.line() == Line::Up {
            tokio::task::yield_now().await;
        }
    })
    .await;
    refused().await;
    // The same while they wait for what the server says.
    let call = soon(silent.accept()).await.unwrap();
    refused().await;
    drop(call);
    soon(alice.leave()).await;
    let typed = entries(&rig.host.rack().targets()[0].transcript);
    assert!(typed.iter().all(|(_, kind, ..)| *kind != Kind::Command));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_holds_nobody_up() {
    let mut rig = Rig::start().await;
    let alice = rig.join("alice", Permission::Operator, None).await;
    same(&rig.host, &alice).await;
    // Its line holds little, and nobody reads it.
    let (_stuck, theirs) = tokio::io::duplex(64);
    let stuck = guest(theirs, "stuck", Permission::Observer);
    let serving = tokio::spawn(serve(rig.host.clone(), stuck));
    for number in 0..2_000 {
        rig.print(&format!("line {number}\n")).await;
    }
    same(&rig.host, &alice).await;
    serving.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rack_too_long_for_one_frame_comes_whole_and_in_order() {
    let folder = "deep/".repeat(160);
    let more = |number| format!("raw:pipe=/nowhere/{folder}{number},reconnect=no,name=m{number}");
    let rig = Rig::with((0..1500).map(more).collect()).await;
    let alice = rig.join("alice", Permission::Operator, None).await;
    let list = |rack: &Rack| -> Vec<(String, Vec<String>)> {
        let targets = rack.targets().iter();
        targets
            .map(|it| (it.name.clone(), it.groups.clone()))
            .collect()
    };
    let watch = alice.news().pulse().watch();
    let states =
        |rack: &Rack| -> Vec<State> { rack.targets().iter().map(|it| it.status.state()).collect() };
    soon(async {
        loop {
            watch.arm();
            let (theirs, ours) = (rig.host.rack(), alice.rack());
            if list(&theirs) == list(&ours) && states(&theirs) == states(&ours) {
                return;
            }
            tokio::time::timeout(Duration::from_millis(50), watch.rung())
                .await
                .ok();
        }
    })
    .await;
    assert_eq!(alice.rack().targets().len(), 1501);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_put_out_while_they_are_written_to_is_told_why() {
    let rig = Rig::start().await;
    // Its line holds so little that its welcome waits.
    let (mut line, theirs) = tokio::io::duplex(64);
    let slow = guest(theirs, "slow", Permission::Observer);
    let serving = tokio::spawn(serve(rig.host.clone(), slow));
    let people = rig.host.people();
    soon(async {
        while people.named("slow").is_none() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(people.put_out(|person| person.name == "slow", "enough"), 1);
    let mut told = Vec::new();
    soon(line.read_to_end(&mut told)).await.unwrap();
    let told = String::from_utf8_lossy(&told);
    assert!(told.contains("enough"), "{told}");
    soon(serving).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_leave_a_session_at_once_return_to_one_host() {
    let rig = Rig::start().await;
    let client = rig.join("alice", Permission::Operator, None).await;
    same(&rig.host, &client).await;
    let homes = Arc::new(AtomicUsize::new(0));
    let (counted, places, runtime) = (homes.clone(), places(&rig.home), Handle::current());
    let home: Home = Box::new(move |news| {
        counted.fetch_add(1, Ordering::Relaxed);
        let source = Box::new(|| Ok(Config::default()));
        let (config, places, runtime) = (Config::default(), places.clone(), runtime.clone());
        Host::start(config, places, source, runtime, news).map_err(|error| error.to_string())
    });
    let seat = Seat::with(Deck::Client(client), Handle::current(), None, Some(home));
    let (first, second) = soon(async { tokio::join!(seat.leave(), seat.leave()) }).await;
    assert_eq!((first, second), (Ok(true), Ok(true)));
    assert!(matches!(seat.deck(), Deck::Host(_)));
    assert_eq!(homes.load(Ordering::Relaxed), 1);
}
