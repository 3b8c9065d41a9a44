//! Whole runs, from typed lines to printed events, with real targets; every wait has a deadline.

use std::io::Cursor;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::config::{Config, Overrides, Places};
use crate::deck::{Deck, News};
use crate::host::Host;

const PATIENCE: Duration = Duration::from_secs(20);

/// An output whose lines are looked at while they come.
struct Lines(SyncSender<Vec<u8>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.send(bytes.to_vec()) {
            Ok(()) => Ok(bytes.len()),
            Err(_) => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A run, and a person at both ends of it.
struct Rig {
    input: Option<io::PipeWriter>,
    output: Receiver<Vec<u8>>,
    text: String,
    stop: CancellationToken,
    run: tokio::task::JoinHandle<io::Result<()>>,
    seat: Seat,
    _home: tempfile::TempDir,
}

fn host(home: &Path, targets: &[String]) -> std::sync::Arc<Host> {
    let places = Places::find_in(|_: &str| None, Some(home.to_path_buf()), home, None).unwrap();
    let overrides = Overrides {
        targets: targets
            .iter()
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
    Host::start(
        read().unwrap(),
        places,
        Box::new(read),
        Handle::current(),
        News::default(),
    )
    .unwrap()
}

fn start(targets: &[String], linger: bool) -> Rig {
    start_with(targets, linger, 1_000_000)
}

/// A run whose output takes so many pieces before somebody reads them.
fn start_with(targets: &[String], linger: bool, pieces: usize) -> Rig {
    let home = tempfile::tempdir().unwrap();
    let seat = Seat::new(Deck::Host(host(home.path(), targets)), Handle::current());
    let options = Options {
        json: true,
        only: Vec::new(),
        linger,
        no_input: false,
        author: Author::owner("alice"),
    };
    let (reader, input) = io::pipe().unwrap();
    let (sender, output) = sync_channel(pieces);
    let stop = CancellationToken::new();
    let run = tokio::spawn(run_on(
        seat.clone(),
        options,
        Handle::current(),
        stop.clone(),
        BufReader::new(reader),
        Box::new(Lines(sender)),
    ));
    Rig {
        input: Some(input),
        output,
        text: String::new(),
        stop,
        run,
        seat,
        _home: home,
    }
}

impl Rig {
    fn say(&mut self, lines: &str) {
        self.input
            .as_mut()
            .unwrap()
            .write_all(lines.as_bytes())
            .unwrap();
    }

    /// The next event; `None` when the run is over.
    fn next(&mut self) -> Option<Value> {
        tokio::task::block_in_place(|| {
            while !self.text.contains('\n') {
                match self.output.recv_timeout(PATIENCE) {
                    Ok(bytes) => self.text.push_str(&String::from_utf8(bytes).unwrap()),
                    Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => return None,
                    Err(_) => panic!("an event comes in time"),
                }
            }
            let (line, rest) = self.text.split_once('\n').unwrap();
            let event = serde_json::from_str(line).unwrap();
            self.text = rest.to_owned();
            Some(event)
        })
    }

    /// The next event that is as wanted.
    fn wait(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let event = self.next().expect("the run goes on");
            if wanted(&event) {
                return event;
            }
        }
    }

    fn state(&mut self, target: &str, state: &str) -> Value {
        self.wait(|event| event["target"] == target && event["state"] == state)
    }

    fn reply(&mut self, id: u64) -> Value {
        self.wait(|event| event["type"] == "reply" && event["id"] == id)
    }

    /// All events to the end of the run, which is asked for by the end of input.
    async fn finish(mut self) -> Vec<Value> {
        self.input = None;
        let mut events = Vec::new();
        while let Some(event) = self.next() {
            events.push(event);
        }
        let run = tokio::time::timeout(PATIENCE, self.run).await;
        run.expect("it ends").unwrap().unwrap();
        events
    }
}

async fn listener(name: &str) -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (
        listener,
        format!("raw:server=127.0.0.1,port={port},name={name}"),
    )
}

async fn accept(listener: &TcpListener) -> TcpStream {
    let accepted = tokio::time::timeout(PATIENCE, listener.accept()).await;
    accepted.expect("it is dialled").unwrap().0
}

fn texts<'a>(events: &'a [Value], kind: &str) -> Vec<&'a str> {
    events
        .iter()
        .filter(|event| event["type"] == kind)
        .map(|event| event["text"].as_str().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_moves_is_not_printed_twice() {
    let ((first, one), (second, two)) = (listener("a").await, listener("a").await);
    let mut rig = start(&[one], false);
    let mut near = accept(&first).await;
    near.write_all(b"one\n").await.unwrap();
    rig.wait(|event| event["text"] == "one");
    rig.say(&format!(".add {two}\n"));
    let mut near = accept(&second).await;
    near.write_all(b"two\n").await.unwrap();
    let mut events = vec![rig.wait(|event| event["text"] == "two")];
    events.extend(rig.finish().await);
    assert_eq!(texts(&events, "output"), ["two"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_added_target_tells_its_state() {
    let (_far, connect) = listener("new").await;
    let mut rig = start(&[], false);
    rig.say(&format!(".add {connect}\n"));
    // What it was before may be over when it is first looked at.
    rig.state("new", "running");
    rig.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_words_of_a_removed_target_are_printed() {
    let (far, connect) = listener("a").await;
    // Nobody reads at first, so the printer is behind.
    let mut rig = start_with(&[connect], false, 0);
    let mut near = accept(&far).await;
    rig.next();
    near.write_all(b"last words\n").await.unwrap();
    let target = rig.seat.deck().rack().named("a").unwrap().clone();
    let watch = rig.seat.news().pulse().watch();
    let heard = async {
        loop {
            watch.arm();
            if target.transcript.with(|ring| ring.output_lines()) == 1 {
                return;
            }
            watch.rung().await;
        }
    };
    tokio::time::timeout(PATIENCE, heard).await.unwrap();
    let deck = rig.seat.deck();
    deck.remove(&Author::owner("alice"), &["a"]).unwrap();
    let events = rig.finish().await;
    assert_eq!(texts(&events, "output"), ["last words"]);
    let last = events.iter().rfind(|event| event["type"] == "target");
    assert_eq!(last.unwrap()["state"], "closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_input_ends_a_run_in_the_middle_of_a_flood() {
    let (far, connect) = listener("a").await;
    let mut rig = start(&[connect], false);
    let mut near = accept(&far).await;
    let flood = tokio::spawn(async move {
        let lines = b"a line of a target that does not stop\n".repeat(4096);
        while near.write_all(&lines).await.is_ok() {}
    });
    rig.wait(|event| event["type"] == "output");
    rig.input = None;
    // The reader of the output is slower than the flood.
    let mut events = 0;
    while rig.next().is_some() {
        events += 1;
        assert!(events < 5_000_000, "it goes on for ever");
    }
    let run = tokio::time::timeout(PATIENCE, rig.run).await;
    run.expect("it ends").unwrap().unwrap();
    flood.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_what_waits() {
    let (far, connect) = listener("a").await;
    let mut rig = start(&[connect], true);
    let _near = accept(&far).await;
    rig.state("a", "running");
    rig.say("@a ls\n.wait 1000 never\n");
    rig.reply(1);
    rig.stop.cancel();
    // If it was begun.
    let events = rig.finish().await;
    let reply = events.iter().find(|event| event["id"] == 2);
    assert!(
        reply.is_none_or(|reply| reply["ok"] == false && reply["target"] == "a"),
        "{reply:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_takes_no_input_does_not_keep_a_run_from_its_end() {
    let (far, connect) = listener("a").await;
    let mut rig = start(&[connect], true);
    let _near = accept(&far).await;
    rig.state("a", "running");
    let line = format!(".send {}\n", "x".repeat(60_000));
    for _ in 0..200 {
        rig.say(&line);
    }
    rig.say(".help\n");
    rig.reply(201);
    rig.stop.cancel();
    let replies = rig.finish().await;
    let refused = replies
        .iter()
        .filter(|event| event["type"] == "reply" && event["ok"] == false)
        .count();
    assert!(refused > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disconnect_is_answered_when_the_target_is_closed() {
    let (far, connect) = listener("a").await;
    let mut rig = start(&[connect], false);
    let _near = accept(&far).await;
    rig.state("a", "running");
    rig.say(".disconnect\n");
    let events = rig.finish().await;
    let closed = events.iter().position(|event| event["state"] == "closed");
    assert!(closed.is_some(), "{events:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_has_one_reply_for_each_target_it_is_for() {
    let (far, one) = listener("a").await;
    let mut rig = start(&[one, "exec:cat,name=b".into()], false);
    let _near = accept(&far).await;
    rig.state("a", "running");
    rig.state("b", "running");
    rig.say("@all .status\n@b .last 3\n@all .find x\n@c x\n.nonsense\n.role\n@a .wait 0 x\n@a,b .keys \\x03\n.sleep 0\n@a\n.quit\n@a never\n");
    let events = rig.finish().await;
    let mut replies: Vec<(u64, &str)> = events
        .iter()
        .filter(|event| event["type"] == "reply")
        .map(|event| {
            (
                event["id"].as_u64().unwrap(),
                event["target"].as_str().unwrap_or(""),
            )
        })
        .collect();
    replies.sort_unstable();
    assert_eq!(
        replies,
        [
            (1, "a"),
            (1, "b"),
            (2, "b"),
            (3, "a"),
            (3, "b"),
            (4, ""),
            (5, ""),
            (6, ""),
            (7, "a"),
            (8, "a"),
            (8, "b"),
            (9, ""),
            (10, "a"),
            (11, "")
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_input_without_a_line_is_the_end_of_the_run() {
    let home = tempfile::tempdir().unwrap();
    let seat = Seat::new(Deck::Host(host(home.path(), &[])), Handle::current());
    let (sender, output) = sync_channel(10);
    let run = run_on(
        seat,
        Options {
            json: false,
            only: Vec::new(),
            linger: false,
            no_input: false,
            author: Author::owner("alice"),
        },
        Handle::current(),
        CancellationToken::new(),
        Cursor::new(""),
        Box::new(Lines(sender)),
    );
    tokio::time::timeout(PATIENCE, run)
        .await
        .expect("it ends")
        .unwrap();
    assert_eq!(output.recv().unwrap(), b"role: host\n");
}
