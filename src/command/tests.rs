//! Commands against real targets; every wait has a deadline.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;

use super::*;
use crate::config::{Config, Overrides, Places};
use crate::host::Host;
use crate::transcript::Kind;

const PATIENCE: Duration = Duration::from_secs(20);

struct Rig {
    deck: Deck,
    home: tempfile::TempDir,
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .expect("it takes far less than 20 s")
}

/// A host with targets of these names, and the far ends of their connections.
async fn start(names: &[&str]) -> (Rig, Vec<TcpStream>) {
    start_with(names, Overrides::default()).await
}

async fn start_with(names: &[&str], overrides: Overrides) -> (Rig, Vec<TcpStream>) {
    let home = tempfile::tempdir().unwrap();
    let user = Some(home.path().to_path_buf());
    let places = Places::find_in(|_: &str| None, user, home.path(), None).unwrap();
    let (mut listeners, mut targets) = (Vec::new(), Vec::new());
    for name in names {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let string = format!("raw:server=127.0.0.1,port={port},name={name},group=all-of-them");
        targets.push(string.parse().unwrap());
        listeners.push(listener);
    }
    let mut config = Config::default();
    config.override_with(Overrides {
        targets,
        log: Some(false),
        ..overrides
    });
    let source = Box::new(|| Ok(Config::default()));
    let host = Host::start(
        config,
        places,
        source,
        Handle::current(),
        crate::deck::News::default(),
    )
    .unwrap();
    let mut lines = Vec::new();
    for listener in &listeners {
        lines.push(soon(listener.accept()).await.unwrap().0);
    }
    let deck = Deck::Host(host);
    let rig = Rig { deck, home };
    for name in names {
        rig.until(name, |target| {
            target.status.state() == crate::rack::State::Running
        })
        .await;
    }
    (rig, lines)
}

impl Rig {
    async fn replies(&self, line: &str) -> Vec<Reply> {
        soon(submit(
            &self.deck,
            &crate::session::Author::owner("alice"),
            None,
            line,
        ))
        .await
    }

    /// The text of the one reply, good or bad.
    async fn ask(&self, line: &str) -> Result<String, String> {
        let replies = self.replies(line).await;
        let [reply] = replies.as_slice() else {
            panic!("one reply: {replies:?}")
        };
        if reply.ok {
            Ok(reply.text.clone())
        } else {
            Err(reply.text.clone())
        }
    }

    fn target(&self, name: &str) -> Arc<Target> {
        self.deck.rack().named(name).unwrap().clone()
    }

    async fn until(&self, name: &str, reached: impl Fn(&Target) -> bool) {
        let (target, watch) = (self.target(name), self.deck.pulse().watch());
        soon(async {
            loop {
                watch.arm();
                if reached(&target) {
                    return;
                }
                watch.rung().await;
            }
        })
        .await;
    }

    /// Waits until the target printed so many lines.
    async fn printed(&self, name: &str, lines: u64) {
        self.until(name, |target| {
            target.transcript.with(|ring| ring.output_lines()) == lines
        })
        .await;
    }
}

#[tokio::test]
async fn the_history_is_shown_searched_and_saved() {
    let (rig, mut lines) = start(&["a"]).await;
    let text = "alpha\n\x1b[31mbe\x1b[0mta\nALPHA\nlogin: ";
    lines[0].write_all(text.as_bytes()).await.unwrap();
    rig.printed("a", 4).await;
    assert_eq!(rig.ask("@a .last 2").await.unwrap(), "ALPHA\nlogin: ");
    assert_eq!(
        rig.ask("@a .find alpha").await.unwrap(),
        "2 lines\nalpha\nALPHA"
    );
    assert_eq!(rig.ask("@a .find beta").await.unwrap(), "1 line\nbeta");
    assert_eq!(rig.ask("@a .find nothing").await.unwrap(), "0 lines");
    assert!(rig.ask("@a .find").await.is_err());
    assert!(rig.ask("@a .last 0").await.is_err());
    assert!(rig.ask(".last").await.is_err());
    let path = rig.home.path().join("saved");
    let save = format!("@a .save {}", path.display());
    let told = rig.ask(&save).await.unwrap();
    assert!(told.starts_with("5 lines are in "), "{told}");
    let saved = std::fs::read_to_string(&path).unwrap();
    let (notice, rest) = saved.split_once('\n').unwrap();
    assert!(notice.starts_with("-- connected to "), "{notice}");
    assert_eq!(rest, "alpha\nbeta\nALPHA\nlogin: \n");
    let refused = rig.ask(&save).await.unwrap_err();
    assert!(refused.contains("exists"), "{refused}");
}

#[tokio::test]
async fn a_file_that_takes_nothing_holds_up_no_target() {
    let (rig, mut lines) = start(&["a"]).await;
    let line = [&[b'x'; 1000][..], b"\n"].concat();
    lines[0].write_all(&line.repeat(2000)).await.unwrap();
    rig.printed("a", 2000).await;
    // A pipe that nobody reads: it is full at once, and whoever writes to it waits.
    let pipe = rig.home.path().join("pipe");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RWXU,
        0,
    )
    .unwrap();
    let reader = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(&pipe)
        .unwrap();
    // The command makes a new file only, so the history is written to the pipe as it would be.
    let target = rig.target("a");
    let writing = {
        let (target, pipe) = (target.clone(), pipe.clone());
        std::thread::spawn(move || {
            let file = std::fs::OpenOptions::new().write(true).open(pipe).unwrap();
            history::write_all(&target, file).ok();
        })
    };
    let mut filled = false;
    while !filled {
        let waiting = rustix::io::ioctl_fionread(&reader).unwrap();
        filled = waiting >= 60_000;
        std::thread::yield_now();
    }
    let looked = tokio::task::spawn_blocking(move || target.transcript.with(|ring| ring.next()));
    assert!(soon(looked).await.unwrap() > 2000);
    drop(reader);
    writing.join().unwrap();
}

#[tokio::test]
async fn waiting_is_for_all_targets_at_once_and_counts_only_what_is_new() {
    let (rig, mut lines) = start(&["a", "b"]).await;
    for line in &mut lines {
        line.write_all(b"old ready\nlogin: ").await.unwrap();
    }
    rig.printed("a", 2).await;
    rig.printed("b", 2).await;
    assert_eq!(rig.ask("@a .wait login:").await.unwrap(), "login: ");
    assert!(rig.ask("@a .wait 0 ready").await.is_err());
    let both = submit(
        &rig.deck,
        &crate::session::Author::owner("alice"),
        None,
        "@all .wait 15 ready",
    );
    lines[1].write_all(b"\nready b\n").await.unwrap();
    lines[0].write_all(b"\nready a\n").await.unwrap();
    let texts: Vec<_> = soon(both)
        .await
        .into_iter()
        .map(|reply| reply.text)
        .collect();
    assert_eq!(texts, ["ready a", "ready b"]);
    for wrong in [".wait x", "@a .wait", "@a .wait 0 x"] {
        assert!(rig.ask(wrong).await.is_err(), "{wrong}");
    }
}

#[tokio::test]
async fn the_end_of_the_program_ends_what_waits() {
    let (rig, _lines) = start(&["a"]).await;
    let waits = submit(
        &rig.deck,
        &crate::session::Author::owner("alice"),
        None,
        "@a .wait 1000 never",
    );
    let sleeps = submit(
        &rig.deck,
        &crate::session::Author::owner("alice"),
        None,
        ".sleep 1000",
    );
    rig.deck.end();
    for replies in [soon(waits).await, soon(sleeps).await] {
        assert_eq!(replies.len(), 1);
        assert_eq!(replies[0].text, ENDING);
    }
    let late = rig.ask("@a ls").await.unwrap_err();
    assert_eq!(late, GONE);
}

#[tokio::test]
async fn keys_go_as_they_are_and_are_recorded_as_typed() {
    let (rig, mut lines) = start(&["a"]).await;
    let replies = rig.replies(r"@a .keys \x03q\e\\").await;
    assert!(replies[0].ok && replies[0].seq.is_some(), "{replies:?}");
    let typed = rig.target("a").transcript.with(|ring| {
        let entry = ring.entry(replies[0].seq?)?;
        Some(String::from_utf8_lossy(entry.bytes).into_owned())
    });
    assert_eq!(typed.as_deref(), Some(r".keys \x03q\e\\"));
    let mut bytes = [0; 4];
    soon(lines[0].read_exact(&mut bytes)).await.unwrap();
    assert_eq!(&bytes, b"\x03q\x1b\\");
    let replies = rig.replies("@a ls").await;
    let target = rig.target("a");
    let recorded = target.transcript.with(|ring| {
        let entry = ring.entry(replies[0].seq?)?;
        let who = entry.who.map(String::from);
        Some((
            entry.kind,
            who,
            String::from_utf8_lossy(entry.bytes).into_owned(),
        ))
    });
    assert_eq!(
        recorded,
        Some((Kind::Command, Some("alice".into()), "ls".into()))
    );
}

#[tokio::test]
async fn a_status_tells_what_is_known() {
    let (rig, mut lines) = start(&["a"]).await;
    lines[0].write_all(b"one\n").await.unwrap();
    rig.printed("a", 1).await;
    let status = rig.ask("@a .status").await.unwrap();
    for part in [
        "a running raw:server=127.0.0.1",
        "groups  all-of-them",
        "lines   1",
        "bytes   4",
        "log     off",
        "link    ",
    ] {
        assert!(status.contains(part), "{part}: {status}");
    }
    rig.ask("@a .disconnect").await.unwrap();
    let status = rig.ask("@a .status").await.unwrap();
    assert!(status.starts_with("a closed "), "{status}");
}

#[tokio::test]
async fn an_alert_and_a_prompt_are_told_with_the_rest() {
    let (rig, _lines) = start(&["a"]).await;
    let status = rig.target("a").status.clone();
    assert!(rig.ask(".targets").await.unwrap().starts_with("R a "));
    status.set_alert("BUGCHECK D1");
    status.set_prompt("0: kd>");
    let listed = rig.ask(".targets").await.unwrap();
    assert!(
        listed.starts_with("! a running") && listed.ends_with("BUGCHECK D1"),
        "{listed}"
    );
    let told = rig.ask("@a .status").await.unwrap();
    assert!(
        told.contains("alert   BUGCHECK D1") && told.contains("prompt  0: kd>"),
        "{told}"
    );
}

#[tokio::test]
async fn groups_lists_and_globs_reach_each_target_once() {
    let (rig, _lines) = start(&["a", "b"]).await;
    for address in ["@all-of-them", "@a,b", "@all", "@*", "@a,all-of-them,b"] {
        let replies = rig.replies(&format!("{address} .status")).await;
        assert_eq!(replies.len(), 2, "{address}");
    }
    let reason = rig.ask("@a,bb ls").await.unwrap_err();
    assert!(reason.contains("bb") && reason.contains("@b"), "{reason}");
    assert!(rig.ask("ls").await.unwrap_err().contains("@NAME"));
}

#[tokio::test]
async fn targets_are_added_and_removed() {
    let (rig, _lines) = start(&["a"]).await;
    assert_eq!(rig.ask(".add exec:cat,name=c").await.unwrap(), "added c");
    assert!(rig.ask(".targets").await.unwrap().contains("exec:cat"));
    assert!(!rig.target("c").debugger);
    let added = rig.ask(".add 1394:channel=3,name=k").await.unwrap();
    assert!(added.starts_with("added k"), "{added}");
    assert!(rig.target("k").debugger);
    assert_eq!(rig.ask("@a,c,k .remove").await.unwrap(), "removed a, c, k");
    assert!(rig.ask(".targets").await.unwrap().starts_with("no targets"));
    assert!(rig.ask(".remove").await.is_err());
    assert!(rig.ask(".add nonsense").await.is_err());
}

#[tokio::test]
async fn words_that_end_a_session_are_a_console_s_input_or_end_it_for_whoever_may() {
    let (rig, mut lines) = start(&["a"]).await;
    let say = |permission, focus, line: &'static str| {
        let author = crate::session::Author {
            person: None,
            name: "alice".to_owned(),
            permission,
        };
        submit(&rig.deck, &author, focus, line)
    };
    let focus = Some(rig.target("a").id);
    assert!(soon(say(Permission::Operator, focus, "q")).await[0].ok);
    let mut typed = [0; 2];
    soon(lines[0].read_exact(&mut typed)).await.unwrap();
    assert_eq!(&typed, b"q\r");
    for (permission, line, says) in [
        (Permission::Operator, "q", "qq ends it for all"),
        (Permission::Owner, "qd", ".disconnect"),
        (Permission::Observer, "qq", "observer"),
    ] {
        let replies = soon(say(permission, None, line)).await;
        assert!(
            !replies[0].ok && replies[0].text.contains(says),
            "{replies:?}"
        );
    }
    assert!(soon(say(Permission::Owner, None, "q")).await[0].ok);
    let over = soon(rig.deck.over()).await;
    assert!(over.contains("alice"), "{over}");
}

#[tokio::test]
async fn no_program_is_run_where_that_was_forbidden_at_the_start() {
    let no_shell = true;
    let (rig, _) = start_with(
        &[],
        Overrides {
            no_shell,
            ..Overrides::default()
        },
    )
    .await;
    let refused = rig.ask(".shell id").await.unwrap_err();
    assert!(
        refused.starts_with("-noshell or .noshell was said"),
        "{refused}"
    );
}
