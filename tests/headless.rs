//! The scripting contract: what `kdeck --headless` reads and prints, and how it ends.

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;

use rustix::process::Signal;
use support::deadline::Deadline;
use support::headless::{Event, Headless};
use support::home::{Home, TYPIST};
use support::peer::Peer;

/// A kdeck with targets of these names that are all connected, and the far ends of their connections.
fn connected(names: &[&str], arguments: &[&str]) -> (Headless, Vec<support::peer::Connection>) {
    let peers: Vec<Peer> = names.iter().map(|_| Peer::listen()).collect();
    let strings: Vec<String> = peers
        .iter()
        .zip(names)
        .map(|(peer, name)| peer.raw(name))
        .collect();
    let targets = strings.iter().flat_map(|string| ["-k", string]);
    let arguments: Vec<&str> = targets.chain(arguments.iter().copied()).collect();
    let kdeck = Headless::start(&arguments);
    let lines = peers.iter().map(Peer::accept).collect();
    (kdeck, lines)
}

#[test]
fn a_run_begins_with_the_role_and_the_state_of_every_target() {
    let (kdeck, _lines) = connected(&["a", "b"], &[]);
    for name in ["a", "b"] {
        let running = kdeck.wait_state(name, "running");
        assert!(running.detail().contains("127.0.0.1"), "{running:?}");
    }
    let events = kdeck.events();
    assert_eq!(events[0].kind(), "role");
    assert_eq!(events[0].0["role"], "host");
    assert_eq!(events[0].0["servers"], serde_json::json!([]));
    assert_eq!((events[1].kind(), events[1].target()), ("target", "a"));
    assert_eq!((events[2].kind(), events[2].target()), ("target", "b"));
}

#[test]
fn times_are_rfc_3339_with_microseconds() {
    let (kdeck, _lines) = connected(&["a"], &[]);
    kdeck.wait_state("a", "running");
    for event in kdeck.events() {
        let time = event.0["time"].as_str().expect("a time");
        let shape: String = time
            .chars()
            .map(|c| if c.is_ascii_digit() { '0' } else { c })
            .collect();
        assert_eq!(shape, "0000-00-00T00:00:00.000000Z", "{time}");
    }
}

#[test]
fn output_is_told_line_by_line_with_consecutive_numbers() {
    let (kdeck, mut lines) = connected(&["a"], &[]);
    lines[0].send("one\r\ntwo\n\nfour\n");
    let last = kdeck.wait_output("a", "four");
    let output: Vec<Event> = kdeck
        .events()
        .into_iter()
        .filter(|event| event.is_output("a"))
        .collect();
    let texts: Vec<&str> = output.iter().map(Event::text).collect();
    assert_eq!(texts, ["one", "two", "", "four"]);
    let seqs: Vec<u64> = output.iter().map(Event::seq).collect();
    assert!(
        seqs.windows(2).all(|pair| pair[0] + 1 == pair[1]),
        "{seqs:?}"
    );
    assert_eq!(seqs.last(), Some(&last.seq()));
}

#[test]
fn a_prompt_is_told_at_once_and_completed_under_its_number() {
    let (kdeck, mut lines) = connected(&["a"], &[]);
    lines[0].send("login: ");
    let prompt = kdeck.wait("a prompt", |event| event.is_output("a"));
    assert!(prompt.is_partial());
    assert_eq!(prompt.text(), "login: ");
    lines[0].send("root\r\nwelcome\r\n");
    let whole = kdeck.wait_output("a", "login: root");
    assert_eq!(whole.seq(), prompt.seq());
    let next = kdeck.wait_output("a", "welcome");
    assert!(next.seq() > whole.seq());
}

#[test]
fn a_line_typed_is_recorded_sent_and_answered() {
    let (mut kdeck, mut lines) = connected(&["a"], &[]);
    kdeck.wait_state("a", "running");
    kdeck.say("@a uname -a");
    assert_eq!(lines[0].line(), "uname -a");
    let command = kdeck.wait("the command", |event| event.kind() == "command");
    assert_eq!(command.text(), "uname -a");
    assert_eq!(command.0["who"], TYPIST);
    let reply = kdeck.wait("the reply", |event| event.kind() == "reply");
    assert!(reply.ok());
    assert_eq!((reply.target(), reply.id()), ("a", 1));
    assert_eq!(reply.seq(), command.seq());
}

#[test]
fn lines_go_out_in_the_order_typed_each_as_a_message() {
    const LINES: usize = 50;
    let (mut kdeck, mut lines) = connected(&["a"], &["--name", "alice"]);
    kdeck.wait_state("a", "running");
    let typed: Vec<String> = (0..LINES).map(|n| format!("command {n}")).collect();
    let input: String = typed.iter().map(|line| format!("@a {line}\n")).collect();
    kdeck.feed(input.as_bytes());
    let (mut received, mut messages) = (Vec::new(), 0);
    while received.iter().filter(|byte| **byte == b'\r').count() < LINES {
        let message = lines[0].message();
        assert_eq!(message.last(), Some(&b'\r'), "a line came in pieces");
        received.extend(message);
        messages += 1;
    }
    let expected: String = typed.iter().map(|line| format!("{line}\r")).collect();
    assert_eq!(
        received.escape_ascii().to_string(),
        expected.as_bytes().escape_ascii().to_string()
    );
    // A busy machine may let us find several at once, but not as a rule.
    assert!(
        messages > LINES / 2,
        "{LINES} lines came in {messages} messages"
    );
    kdeck.wait("the last reply", |event| {
        event.kind() == "reply" && event.id() == LINES as u64
    });
    let (mut commands, mut replies) = (Vec::new(), Vec::new());
    for event in kdeck.events() {
        match event.kind() {
            "command" => {
                assert_eq!(event.0["who"], "alice");
                commands.push(event.text().to_owned());
            }
            "reply" => replies.push(event.id()),
            _ => {}
        }
    }
    assert_eq!(commands, typed);
    replies.sort_unstable();
    assert_eq!(replies, (1..=LINES as u64).collect::<Vec<_>>());
}

#[test]
fn groups_globs_and_all_address_several_targets() {
    let peers: Vec<Peer> = (0..3).map(|_| Peer::listen()).collect();
    let strings = [
        format!("{},group=web+rack-a", peers[0].raw("web01")),
        format!("{},group=web", peers[1].raw("web02")),
        peers[2].raw("db01"),
    ];
    let mut kdeck = Headless::watching(strings);
    let mut lines: Vec<_> = peers.iter().map(Peer::accept).collect();
    for name in ["web01", "web02", "db01"] {
        kdeck.wait_state(name, "running");
    }
    for (address, reached) in [
        ("@web", &[0, 1][..]),
        ("@all", &[0, 1, 2]),
        ("@web*", &[0, 1]),
        ("@rack-a", &[0]),
        ("@db01", &[2]),
    ] {
        kdeck.forget();
        kdeck.say(&format!("{address} to {address}"));
        for at in reached {
            assert_eq!(lines[*at].line(), format!("to {address}"));
            let name = ["web01", "web02", "db01"][*at];
            let reply = kdeck.wait(&format!("the reply of {name}"), |event| {
                event.kind() == "reply" && event.target() == name
            });
            assert!(reply.ok());
        }
    }
    // Whoever was not meant got nothing: this is the next line for all of them.
    kdeck.say("@all last");
    for line in &mut lines {
        assert_eq!(line.line(), "last");
    }
}

#[test]
fn a_line_for_nobody_is_refused_with_the_way_out() {
    let (mut kdeck, _lines) = connected(&["web01", "web02"], &[]);
    assert!(kdeck.refused("hello").contains("@NAME"));
    let reason = kdeck.refused("@web03 hello");
    assert!(
        reason.contains("@web03") && reason.contains("@web02"),
        "{reason}"
    );
    let reason = kdeck.refused("@web01 .brake");
    assert!(reason.contains(".break"), "{reason}");
    let reason = kdeck.refused(".layout grid");
    assert!(reason.contains("screen"), "{reason}");
}

#[test]
fn a_rack_of_one_needs_no_address() {
    let (mut kdeck, mut lines) = connected(&["a"], &[]);
    kdeck.wait_state("a", "running");
    assert_eq!(kdeck.done("ls"), "");
    assert_eq!(lines[0].line(), "ls");
    kdeck.done("..profile");
    assert_eq!(lines[0].line(), ".profile");
    kdeck.done(".send .profile  two blanks");
    assert_eq!(lines[0].line(), ".profile  two blanks");
    kdeck.done(r".keys \x03q\r");
    assert_eq!(lines[0].line(), "\u{3}q");
}

#[test]
fn a_script_waits_for_what_a_target_prints() {
    let (mut kdeck, mut lines) = connected(&["a"], &[]);
    kdeck.wait_state("a", "running");
    lines[0].send("old login: nobody\r\n");
    kdeck.wait_output("a", "old login");
    kdeck.feed(b"@a .wait login:\n@a root\n");
    lines[0].send("starting\r\nlogin: ");
    let reply = kdeck.wait("the wait's reply", |event| event.kind() == "reply");
    assert!(reply.ok());
    assert_eq!(reply.text(), "login: ");
    // What stands behind it was not sent before.
    assert_eq!(lines[0].line(), "root");
    kdeck.wait("its reply", |event| {
        event.kind() == "reply" && event.id() == 2
    });

    let reason = kdeck.refused("@a .wait 0.05 never");
    assert!(reason.contains("never"), "{reason}");
}

#[test]
fn the_history_can_be_asked() {
    let (mut kdeck, mut lines) = connected(&["a"], &[]);
    lines[0].send("alpha\nbeta\ngamma\n");
    kdeck.wait_output("a", "gamma");
    assert_eq!(kdeck.done("@a .last 2"), "beta\ngamma");
    assert_eq!(kdeck.done("@a .find ^b"), "1 line\nbeta");
    kdeck.done("@a .save kept");
    let kept = std::fs::read_to_string(kdeck.home.path().join("kept")).expect("a saved file");
    assert!(kept.ends_with("alpha\nbeta\ngamma\n"), "{kept}");
    assert!(kdeck.refused("@a .save kept").contains("exists"));
    let status = kdeck.done("@a .status");
    assert!(status.contains("a running"), "{status}");
    assert!(status.contains("lines   3\nbytes   17\n"), "{status}");
    assert!(kdeck.done(".targets").contains("running"));
    assert!(kdeck.done(".help .wait").contains("REGEX"));
    assert!(kdeck.done(".role").contains("host"));
}

#[test]
fn what_is_said_to_everybody_is_a_chat_event() {
    let (mut kdeck, _lines) = connected(&["a"], &[]);
    kdeck.done(".echo begin of part two");
    let chat = kdeck.wait("the words", |event| event.kind() == "chat");
    assert_eq!(chat.text(), "begin of part two");
    assert_eq!(chat.0["from"], TYPIST);
}

#[test]
fn only_the_types_asked_for_are_printed() {
    let (mut kdeck, mut lines) = connected(&["a"], &["--only", "reply,output"]);
    lines[0].send("one\n");
    kdeck.wait_output("a", "one");
    kdeck.done("@a two");
    let others: Vec<Event> = kdeck
        .finish()
        .events
        .into_iter()
        .filter(|event| !["reply", "output"].contains(&event.kind()))
        .collect();
    assert_eq!(others, []);
}

#[test]
fn the_end_of_input_ends_the_run_with_all_replies_given() {
    let (mut kdeck, mut lines) = connected(&["a"], &[]);
    kdeck.wait_state("a", "running");
    kdeck.feed(b"@a one\n@a two");
    let ended = kdeck.finish();
    assert_eq!(ended.code(), 0, "{}", ended.complaints);
    let replies: Vec<&Event> = ended
        .events
        .iter()
        .filter(|event| event.kind() == "reply")
        .collect();
    assert_eq!(replies.len(), 2);
    assert!(replies.iter().all(|reply| reply.ok()));
    assert_eq!(
        (lines[0].line(), lines[0].line()),
        ("one".into(), "two".into())
    );
    lines[0].wait_close();
}

#[test]
fn a_lingering_run_goes_on_until_it_is_told_to_end() {
    for signal in [Signal::TERM, Signal::INT] {
        let (mut kdeck, mut lines) = connected(&["a"], &["--linger"]);
        kdeck.wait_state("a", "running");
        kdeck.end_input();
        // Whoever started it may log out.
        kdeck.signal(Signal::HUP);
        lines[0].send("after the end of input\n");
        kdeck.wait_output("a", "after the end");
        kdeck.signal(signal);
        lines[0].wait_close();
        let ended = kdeck.wait_end();
        assert_eq!(ended.code(), 0, "{signal:?}: {}", ended.complaints);
        let log = ended.home.log("a");
        assert!(log.contains("after the end of input\n"), "{log}");
    }
}

#[test]
fn quit_ends_the_run() {
    let (mut kdeck, _lines) = connected(&["a"], &["--linger"]);
    kdeck.say(".quit");
    kdeck.say("@a never sent");
    let ended = kdeck.wait_end();
    assert_eq!(ended.code(), 0);
    let reply = ended.events.iter().rfind(|event| event.kind() == "reply");
    assert!(
        reply.is_some_and(|reply| reply.ok() && reply.id() == 1),
        "{reply:?}"
    );
}

#[test]
fn without_json_the_same_is_told_to_people() {
    let home = Home::new();
    let peer = Peer::listen();
    let mut child = home
        .kdeck()
        .args(["--headless", "-k", &peer.raw("web01")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("kdeck starts");
    let mut line = peer.accept();
    let mut input = child.stdin.take().expect("a pipe");
    line.send("hello\n");
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut text = String::new();
    while !text.contains("hello\n") {
        assert_ne!(output.read_line(&mut text).expect("text"), 0, "{text}");
    }
    input.write_all(b"@web01 ls\n@web02 ls\n").expect("a pipe");
    drop(input);
    output.read_to_string(&mut text).expect("text");
    for expected in [
        "role: host\n",
        "web01: running: connected to 127.0.0.1",
        "web01  hello\n",
        "web01  tester> ls\n",
        "no target or group is called @web02",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in\n{text}");
    }
    assert!(child.wait().expect("a child").success());
}

#[test]
fn input_that_makes_no_sense_is_told_and_skipped() {
    let (mut kdeck, mut lines) = connected(&["a"], &[]);
    kdeck.wait_state("a", "running");
    kdeck.feed(b"\n\n@a \xff\xfe\n");
    kdeck.wait("an error", |event| {
        event.kind() == "error" && event.text().contains("UTF-8")
    });
    kdeck.feed(&[b'x'; 200_000]);
    kdeck.feed(b"\n@a after\r\n");
    let error = kdeck.wait("an error", |event| {
        event.kind() == "error" && event.text().contains("200001")
    });
    assert!(error.text().contains("65536"), "{error:?}");
    assert_eq!(lines[0].line(), "after");
}

#[test]
fn a_reader_that_goes_away_ends_the_run_without_a_complaint() {
    let home = Home::new();
    let peer = Peer::listen();
    let mut child = home
        .kdeck()
        .args(["--headless", "--json", "--linger", "-k", &peer.raw("a")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("kdeck starts");
    let mut line = peer.accept();
    drop(child.stdout.take());
    line.send("is anybody there?\n");
    line.wait_close();
    let mut complaints = String::new();
    let mut errors = child.stderr.take().expect("a pipe");
    errors.read_to_string(&mut complaints).expect("text");
    assert_eq!(complaints, "");
    assert!(child.wait().expect("a child").success());
}

#[test]
fn a_reader_that_does_not_read_holds_up_neither_targets_nor_logs_nor_the_end() {
    const LINES: usize = 20_000;
    let home = Home::new();
    let peer = Peer::listen();
    // Nobody reads this pipe, but it stays open.
    let (held, output) = std::io::pipe().expect("a pipe");
    let mut child = home
        .kdeck()
        .args(["--headless", "--json", "--linger", "-k", &peer.raw("a")])
        .stdin(Stdio::piped())
        .stdout(output)
        .spawn()
        .expect("kdeck starts");
    let mut line = peer.accept();
    for number in 0..LINES {
        line.send(format!("line {number} of a target that has much to say\n"));
    }
    let last = format!("line {} of", LINES - 1);
    let deadline = Deadline::soon();
    while !home.log("a").contains(&last) {
        assert!(deadline.left().is_some(), "the log does not go on");
        std::thread::yield_now();
    }
    let pid = i32::try_from(child.id())
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    rustix::process::kill_process(pid.expect("a process id"), Signal::TERM).expect("it runs");
    line.wait_close();
    let deadline = Deadline::soon();
    let status = loop {
        match child.try_wait().expect("a child") {
            Some(status) => break status,
            None if deadline.left().is_some() => std::thread::yield_now(),
            None => {
                child.kill().expect("a child");
                panic!("it does not end while its output is not read");
            }
        }
    };
    assert!(status.success(), "{status}");
    drop(held);
}

#[test]
fn the_demo_runs_without_a_screen_too() {
    let kdeck = Headless::start(&[
        "demo",
        "--count",
        "5",
        "--rate",
        "20",
        "--only",
        "target,output",
    ]);
    kdeck.wait("a target prints", |event| event.kind() == "output");
    let mut running = Vec::new();
    while running.len() < 5 {
        let event = kdeck.wait("one more target runs", |event| {
            event.state() == "running" && !running.contains(&event.target().to_owned())
        });
        running.push(event.target().to_owned());
    }
    assert_eq!(kdeck.finish().code(), 0);
}

#[test]
fn what_is_typed_at_a_password_prompt_is_sent_and_not_recorded() {
    let (mut kdeck, mut lines) = connected(&["a"], &[]);
    lines[0].send("root@lab1's password: ");
    kdeck.wait("the prompt", |event| {
        event.is_output("a") && event.text().ends_with("password: ")
    });
    kdeck.say("@a hunter2");
    assert_eq!(lines[0].line(), "hunter2");
    let command = kdeck.wait("the command", |event| event.kind() == "command");
    assert_eq!(command.text(), "(not shown)");
}
