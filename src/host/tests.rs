//! A host with targets over real loopback sockets; every wait has a deadline.

mod people;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;

use super::*;
use crate::deck::{Deck, Event, News};
use crate::ports::free_port;
use crate::rack::{State, Target};
use crate::transcript::log::Health;

const PATIENCE: Duration = Duration::from_secs(20);

/// A host and the file that configures it.
struct Rig {
    host: Arc<Host>,
    events: tokio::sync::broadcast::Receiver<Event>,
    home: tempfile::TempDir,
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .expect("it takes far less than 20 s")
}

fn start(file: &str) -> Rig {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("kdeck.toml");
    std::fs::write(&path, file).unwrap();
    let nothing = |_: &str| None;
    let user = Some(home.path().to_path_buf());
    let places = Places::find_in(nothing, user, home.path(), Some(&path)).unwrap();
    let read = move || Config::load(&path, &()).map(|(config, _)| config);
    let config = read().unwrap();
    let runtime = Handle::current();
    let host = Host::start(config, places, Box::new(read), runtime, News::default()).unwrap();
    let events = host.news().events();
    Rig { host, events, home }
}

impl Rig {
    fn target(&self, name: &str) -> Arc<Target> {
        self.host.rack().named(name).expect("it is there").clone()
    }

    /// Waits until the target has that state; its reason.
    async fn state(&self, name: &str, wanted: State) -> String {
        let watch = self.host.news().pulse().watch();
        soon(async {
            loop {
                watch.arm();
                let status = self.target(name).status.read();
                if status.state == wanted {
                    return status.detail;
                }
                watch.rung().await;
            }
        })
        .await
    }

    /// Waits until the target printed that line.
    async fn output(&self, name: &str, text: &str) {
        let watch = self.host.news().pulse().watch();
        soon(async {
            loop {
                watch.arm();
                if lines(&self.target(name)).iter().any(|line| line == text) {
                    return;
                }
                watch.rung().await;
            }
        })
        .await;
    }

    fn reload(&self, file: &str) -> Result<String, String> {
        std::fs::write(self.home.path().join("kdeck.toml"), file).unwrap();
        self.host.reload()
    }

    /// Ends the host; what the target's log holds, without the time stamps.
    async fn end(self, name: &str) -> Vec<String> {
        soon(self.host.stop()).await.unwrap();
        log(&self.home.path().join(".local/state/kdeck/logs"), name)
    }
}

fn log(directory: &PathBuf, name: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path
            .file_name()
            .is_some_and(|file| file.to_string_lossy().starts_with(&format!("{name}-")))
        {
            let text = std::fs::read_to_string(path).unwrap();
            lines.extend(
                text.lines()
                    .map(|line| line.split_once(' ').unwrap().1.to_owned()),
            );
        }
    }
    lines
}

fn lines(target: &Target) -> Vec<String> {
    target.transcript.with(|ring| {
        ring.entries(1)
            .filter(|entry| entry.kind == Kind::Output)
            .map(|entry| String::from_utf8_lossy(entry.bytes).into_owned())
            .collect()
    })
}

fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

async fn accept(listener: &TcpListener) -> TcpStream {
    let listener = listener.try_clone().unwrap();
    let accepted = tokio::task::spawn_blocking(move || listener.accept().unwrap().0);
    soon(accepted).await.unwrap()
}

async fn dial(port: u16) -> TcpStream {
    soon(async move {
        loop {
            match TcpStream::connect(("127.0.0.1", port)) {
                Ok(stream) => return stream,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    })
    .await
}

fn target(name: &str, connect: &str) -> String {
    format!("[[target]]\nname = \"{name}\"\nconnect = \"{connect}\"\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_leaves_alone_what_did_not_change() {
    let (far, port) = listener();
    let kept = target("kept", &format!("raw:server=127.0.0.1,port={port}"));
    let rig = start(&(kept.clone() + &target("gone", "exec:cat")));
    let mut near = accept(&far).await;
    rig.state("kept", State::Running).await;
    let before = rig.target("kept");
    let told = rig
        .reload(&format!(
            "{kept}group = \"web\"\n{}",
            target("new", "exec:cat")
        ))
        .unwrap();
    assert_eq!(told, "added new; removed gone; changed kept");
    let after = rig.target("kept");
    assert_eq!(
        (after.id, after.groups.as_slice()),
        (before.id, &["web".to_owned()][..])
    );
    assert!(rig.host.rack().named("gone").is_none());
    rig.state("new", State::Running).await;
    near.write_all(b"still the same connection\n").unwrap();
    rig.output("kept", "still the same connection").await;
    assert_eq!(rig.reload(&kept).unwrap(), "removed new; changed kept");
    rig.end("kept").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_moves_is_the_same_target_and_is_logged_once() {
    let ((first, one), (second, two)) = (listener(), listener());
    let at = |port| target("t1", &format!("raw:server=127.0.0.1,port={port}"));
    let rig = start(&at(one));
    let mut near = accept(&first).await;
    near.write_all(b"from the first\n").unwrap();
    rig.output("t1", "from the first").await;
    let before = rig.target("t1");
    assert_eq!(rig.reload(&at(two)).unwrap(), "changed t1");
    let mut near = accept(&second).await;
    near.write_all(b"from the second\n").unwrap();
    rig.output("t1", "from the second").await;
    let after = rig.target("t1");
    assert_eq!(after.id, before.id);
    assert!(after.address.contains(&two.to_string()));
    assert_eq!(lines(&after), ["from the first", "from the second"]);
    let logged = rig.end("t1").await;
    for line in ["from the first", "from the second"] {
        assert_eq!(
            logged.iter().filter(|logged| *logged == line).count(),
            1,
            "{logged:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_may_swap_their_local_ports() {
    let (one, two) = (free_port(), free_port());
    let file = |a: u16, b: u16| {
        let listen = |name, port| target(name, &format!("raw:listen,port={port},bind=127.0.0.1"));
        listen("a", a) + &listen("b", b)
    };
    let mut rig = start(&file(one, two));
    rig.state("a", State::Waiting).await;
    rig.state("b", State::Waiting).await;
    let mut near = dial(one).await;
    rig.state("a", State::Running).await;
    while rig.events.try_recv().is_ok() {}
    assert_eq!(rig.reload(&file(two, one)).unwrap(), "changed a, b");
    rig.state("a", State::Waiting).await;
    rig.state("b", State::Waiting).await;
    assert_eq!(near.read(&mut [0]).unwrap(), 0, "the old line is closed");
    while let Ok(event) = rig.events.try_recv() {
        if let Event::Target { state, detail, .. } = event {
            assert_ne!(state, State::Lost, "{detail}");
        }
    }
    let _near = dial(one).await;
    rig.state("b", State::Running).await;
    rig.end("a").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rack_is_known_before_the_states_of_its_targets() {
    let mut rig = start("");
    while rig.events.try_recv().is_ok() {}
    rig.host.add("exec:cat,name=new").unwrap();
    assert_eq!(soon(rig.events.recv()).await.unwrap(), Event::Rack);
    for wanted in [State::Connecting, State::Running] {
        let event = soon(rig.events.recv()).await.unwrap();
        assert!(
            matches!(&event, Event::Target { state, .. } if *state == wanted),
            "{event:?}"
        );
    }
    rig.end("new").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn added_targets_outlive_a_reload_until_they_are_removed() {
    let rig = start("");
    let names = |rig: &Rig| -> Vec<String> {
        let rack = rig.host.rack();
        rack.targets()
            .iter()
            .map(|target| target.name.clone())
            .collect()
    };
    for _ in 0..2 {
        rig.host.add("exec:cat").unwrap();
    }
    for _ in 0..2 {
        rig.host.add("exec:cat,name=named").unwrap();
    }
    assert_eq!(names(&rig), ["cat", "cat-2", "named"]);
    assert_eq!(rig.reload("").unwrap(), "nothing is different");
    assert_eq!(
        rig.host.remove(&Author::owner("alice"), &["cat"]).unwrap(),
        "removed cat"
    );
    assert_eq!(rig.reload("").unwrap(), "nothing is different");
    assert_eq!(names(&rig), ["cat-2", "named"]);
    rig.host
        .remove(&Author::owner("alice"), &["cat-2", "named"])
        .unwrap();
    assert_eq!(rig.reload("").unwrap(), "nothing is different");
    assert_eq!(
        rig.host.remove(&Author::owner("alice"), &["cat"]),
        Err("there is no target cat".into())
    );
    assert!(rig.host.add("exec:").is_err());
    let told = rig.host.add("gdb:server=lab,port=1234,name=later").unwrap();
    assert!(told.starts_with("added later\n"), "{told}");
    rig.end("cat").await.clear();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_listener_misses_nothing() {
    let rig = start(&target("t1", "exec:cat"));
    rig.state("t1", State::Running).await;
    let Rig { mut events, .. } = rig;
    assert_eq!(events.try_recv(), Ok(Event::Rack));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_file_changes_nothing() {
    let (far, port) = listener();
    let file = target("t1", &format!("raw:server=127.0.0.1,port={port}"));
    let rig = start(&file);
    let _near = accept(&far).await;
    rig.state("t1", State::Running).await;
    assert!(rig.reload("[[target]]\nconect = 1").is_err());
    assert_eq!(rig.target("t1").status.state(), State::Running);
    rig.end("t1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_can_be_switched_while_a_target_runs() {
    let (far, port) = listener();
    let all = target("t1", &format!("raw:server=127.0.0.1,port={port}"));
    let rig = start(&format!("[log]\nenabled = true\n{all}"));
    let mut near = accept(&far).await;
    near.write_all(b"one\nprompt> ").unwrap();
    rig.output("t1", "prompt> ").await;
    wait_log(&rig, Health::Writing).await;
    rig.reload(&format!("[log]\nenabled = false\n{all}"))
        .unwrap();
    wait_log(&rig, Health::Off).await;
    near.write_all(b"typed\ntwo\n").unwrap();
    rig.output("t1", "two").await;
    assert_eq!(lines(&rig.target("t1")), ["one", "prompt> typed", "two"]);
    rig.reload(&format!("[log]\nenabled = true\n{all}"))
        .unwrap();
    near.write_all(b"three\n").unwrap();
    rig.output("t1", "three").await;
    let logged = rig.end("t1").await;
    let output: Vec<_> = logged
        .iter()
        .filter(|line| !line.starts_with("--"))
        .collect();
    assert_eq!(output, ["one", "prompt> ", "three"], "{logged:?}");
}

async fn wait_log(rig: &Rig, wanted: Health) {
    let watch = rig.host.news().pulse().watch();
    soon(async {
        loop {
            watch.arm();
            if rig.target("t1").status.read().log == wanted {
                return;
            }
            watch.rung().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_target_says_at_its_end_is_logged() {
    let rig = start(&target("t1", "exec:echo up; read x"));
    rig.output("t1", "up\r").await;
    rig.host.remove(&Author::owner("alice"), &["t1"]).unwrap();
    let logged = rig.end("t1").await;
    assert!(logged.iter().any(|line| line == "up"), "{logged:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_to_a_target_that_is_gone_is_answered() {
    let rig = start(&target("t1", "exec:cat"));
    rig.state("t1", State::Running).await;
    let deck = Deck::Host(rig.host.clone());
    let id = rig.target("t1").id;
    let asked = deck.ask(id, &Author::owner("alice"), Request::Line("x".into()));
    assert!(asked.seq.is_some());
    rig.host.remove(&Author::owner("alice"), &["t1"]).unwrap();
    // Sent, or refused; but answered.
    soon(asked.answer).await.ok();
    let late = deck.ask(id, &Author::owner("alice"), Request::Line("x".into()));
    assert_eq!(
        (late.seq, soon(late.answer).await.unwrap().is_err()),
        (None, true)
    );
    rig.end("t1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_could_not_be_written_to_its_end_is_told() {
    let (far, port) = listener();
    let rig = start(&format!(
        "[log]\ndirectory = \"/dev/null/logs\"\n{}",
        target("t1", &format!("raw:server=127.0.0.1,port={port}"))
    ));
    let mut near = accept(&far).await;
    near.write_all(b"one\n").unwrap();
    rig.output("t1", "one").await;
    let problem = soon(rig.host.stop()).await.unwrap_err();
    assert!(problem.contains("t1"), "{problem}");
}
