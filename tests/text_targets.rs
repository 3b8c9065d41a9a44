//! Every kind of text target against peers that play a script.

mod support;

use std::fs;

use support::deadline::Deadline;
use support::headless::Headless;
use support::home::Home;
use support::peer::{Netconsole, Peer, SerialLine, UnixPeer, call};
use support::ports::free_port;

/// Tries at once and again soon, so that tests of reconnecting are short.
const IMPATIENT: &str = "[reconnect]\nfirst = \"20ms\"\nlongest = \"100ms\"\n";

/// kdeck with short pauses between tries.
fn impatient(targets: &[&str]) -> Headless {
    let home = Home::new();
    home.configure(IMPATIENT);
    let arguments: Vec<&str> = targets.iter().flat_map(|target| ["-k", target]).collect();
    Headless::start_in(home, &arguments)
}

#[test]
fn a_lost_target_is_connected_to_again_and_keeps_its_history() {
    let peer = Peer::listen();
    let mut kdeck = impatient(&[&peer.raw("a")]);
    let mut line = peer.accept();
    line.send("before\nopen prompt> ");
    let before = kdeck.wait_output("a", "before");
    drop(line);
    let lost = kdeck.wait_state("a", "lost");
    assert!(lost.detail().contains("closed by the target"), "{lost:?}");
    assert!(lost.detail().contains("next try in"), "{lost:?}");
    // The prompt that was open is a line of its own now.
    kdeck.wait_output("a", "open prompt> ");
    kdeck.forget();
    let mut line = peer.accept();
    kdeck.wait_state("a", "running");
    line.send("after\n");
    let after = kdeck.wait_output("a", "after");
    assert!(after.seq() > before.seq());
    assert!(kdeck.done("@a .find before|after").starts_with("2 lines"));
}

#[test]
fn a_peer_that_starts_later_is_found() {
    let port = free_port();
    let target = format!("raw:server=127.0.0.1,port={port},name=a");
    let kdeck = impatient(&[&target]);
    let lost = kdeck.wait_state("a", "lost");
    assert!(lost.detail().contains("connection refused"), "{lost:?}");
    let peer = Peer::listen_on(port);
    peer.accept();
    kdeck.wait_state("a", "running");
}

#[test]
fn a_target_can_be_left_alone_and_taken_up_again() {
    let peer = Peer::listen();
    let mut kdeck = Headless::watching([peer.raw("a")]);
    let mut line = peer.accept();
    kdeck.wait_state("a", "running");
    kdeck.done("@a .disconnect");
    line.wait_close();
    kdeck.wait_state("a", "closed");
    assert!(kdeck.refused("@a ls").contains("not connected"));
    kdeck.done("@a .connect");
    peer.accept();
    kdeck.wait_state("a", "running");
}

#[test]
fn a_target_told_not_to_reconnect_stays_closed_until_asked() {
    let peer = Peer::listen();
    let mut kdeck = impatient(&[&format!("{},reconnect=no", peer.raw("a"))]);
    drop(peer.accept());
    kdeck.wait_state("a", "closed");
    kdeck.done("@a .connect");
    peer.accept();
    kdeck.wait_state("a", "running");
}

#[test]
fn input_ends_as_the_target_wants_it() {
    for (eol, end) in [("cr", "\r"), ("lf", "\n"), ("crlf", "\r\n")] {
        let peer = Peer::listen();
        let mut kdeck = Headless::watching([format!("{},eol={eol}", peer.raw("a"))]);
        let mut line = peer.accept();
        kdeck.wait_state("a", "running");
        kdeck.done("@a ls");
        assert_eq!(line.message(), format!("ls{end}").into_bytes(), "{eol}");
    }
}

#[test]
fn a_plain_stream_has_neither_break_nor_speed() {
    let peer = Peer::listen();
    let mut kdeck = Headless::watching([peer.raw("a")]);
    let _line = peer.accept();
    kdeck.wait_state("a", "running");
    let reason = kdeck.refused("@a .break");
    assert!(reason.contains("no break"), "{reason}");
    let reason = kdeck.refused("@a .baud 9600");
    assert!(reason.contains("no serial line"), "{reason}");
    assert!(kdeck.refused("@a .baud fast").contains(".baud 115200"));
}

#[test]
fn telnet_is_negotiated_escaped_and_can_break() {
    const OPENING: &[u8] = b"\xff\xfb\x01\xff\xfb\x03\xff\xfd\x00\xff\xfb\x00";
    let peer = Peer::listen();
    let mut kdeck = Headless::watching([peer.telnet("a")]);
    let mut line = peer.accept();
    line.send(OPENING);
    // WILL ECHO and WILL BINARY get DO, DO BINARY gets WILL.
    let mut answers = Vec::new();
    for answer in [b"\xff\xfd\x01", b"\xff\xfd\x00", b"\xff\xfb\x00"] {
        while !answers.windows(3).any(|window| window == answer) {
            answers.extend(line.message());
        }
    }
    line.send(b"100 \xff\xff of it\r\n\xff\xf1");
    let whole = kdeck.wait_output("a", "of it");
    assert_eq!(whole.text(), "100 \u{fffd} of it");

    kdeck.done(r"@a .keys a\xffb");
    assert_eq!(line.read_until(b"b"), b"a\xff\xffb");
    kdeck.done("@a .break");
    assert_eq!(line.read_until(b"\xf3"), b"\xff\xf3");
}

#[test]
fn telnet_is_not_spoken_to_who_does_not_speak_it() {
    let peer = Peer::listen();
    let mut kdeck = Headless::watching([peer.telnet("a")]);
    let mut line = peer.accept();
    line.send("plain login: ");
    kdeck.wait("the prompt", |event| event.is_output("a"));
    kdeck.done("@a root");
    let first = line.message();
    assert!(first.starts_with(b"root\r"), "{}", first.escape_ascii());
}

#[test]
fn a_target_may_dial_in_again_and_again() {
    let port = free_port();
    let mut kdeck = Headless::watching([format!("raw:listen,port={port},bind=127.0.0.1,name=a")]);
    let waiting = kdeck.wait_state("a", "waiting");
    assert!(waiting.detail().contains(&port.to_string()), "{waiting:?}");
    for round in ["first", "second"] {
        let mut line = call(port);
        kdeck.wait_state("a", "running");
        line.send(format!("{round} boot\n"));
        kdeck.wait_output("a", round);
        kdeck.done(&format!("@a seen {round}"));
        assert_eq!(line.line(), format!("seen {round}"));
        kdeck.forget();
        drop(line);
        kdeck.wait_state("a", "waiting");
    }
}

#[test]
fn a_unix_socket_may_go_and_come_back() {
    let home = Home::new();
    home.configure(IMPATIENT);
    let path = home.path().join("vm.sock");
    let target = format!("raw:pipe={},name=vm", path.display());
    let mut kdeck = Headless::start_in(home, &["-k", &target]);
    let lost = kdeck.wait_state("vm", "lost");
    assert!(lost.detail().contains("no such socket"), "{lost:?}");
    for round in ["first", "second"] {
        kdeck.forget();
        let peer = UnixPeer::listen(&path);
        let mut line = peer.accept();
        kdeck.wait_state("vm", "running");
        line.send(format!("{round} boot\n"));
        kdeck.wait_output("vm", round);
        fs::remove_file(&path).expect("the socket");
        drop((peer, line));
        kdeck.wait_state("vm", "lost");
    }
}

#[test]
fn a_serial_line_has_its_speed_set_and_carries_both_ways() {
    let mut serial = SerialLine::open();
    let device = serial.device.display();
    let mut kdeck = Headless::watching([format!("raw:com={device},baud=57600,name=board")]);
    kdeck.wait_state("board", "running");
    assert_eq!(serial.baud(), 57600);
    serial.far.send("U-Boot 2026.01\r\n=> ");
    kdeck.wait_output("board", "U-Boot");
    kdeck.done("@board printenv");
    assert_eq!(serial.far.line(), "printenv");
    assert!(kdeck.done("@board .baud 9600").contains("9600"));
    assert_eq!(serial.baud(), 9600);
}

#[test]
fn a_serial_line_that_is_not_there_says_so() {
    let kdeck = Headless::watching(["raw:com=/dev/no-such-line,baud=9600,name=board"]);
    let lost = kdeck.wait_state("board", "lost");
    assert!(lost.detail().contains("no such device"), "{lost:?}");
}

#[test]
fn a_program_has_a_terminal_and_its_end_is_told() {
    let mut kdeck =
        Headless::watching(["exec:stty size; read word; echo got $word; exit 0,name=p"]);
    kdeck.wait_output("p", "24 80");
    kdeck.done("@p hello");
    kdeck.wait_output("p", "got hello");
    let closed = kdeck.wait_state("p", "closed");
    assert!(closed.detail().contains("exit status 0"), "{closed:?}");
    // Asked for, it is started again.
    kdeck.forget();
    kdeck.done("@p .connect");
    kdeck.wait_output("p", "24 80");
}

#[test]
fn a_program_is_started_again_as_its_policy_says() {
    let home = Home::new();
    home.configure(IMPATIENT);
    let kdeck = Headless::start_in(
        home,
        &[
            "-k",
            "exec:echo began; exit 3,name=failing",
            "-k",
            "exec:echo began; exit 0,restart=always,name=always",
            "-k",
            "exec:echo began; exit 3,restart=never,name=never",
            "-k",
            "exec:echo began; kill -KILL $$,restart=never,name=killed",
        ],
    );
    let closed = kdeck.wait_state("never", "closed");
    assert!(closed.detail().contains("exit status 3"), "{closed:?}");
    let closed = kdeck.wait_state("killed", "closed");
    assert!(
        closed.detail().contains("KILL") || closed.detail().contains("signal 9"),
        "{closed:?}"
    );
    for name in ["failing", "always"] {
        let mut starts = Vec::new();
        while starts.len() < 3 {
            let line = kdeck.wait(&format!("{name} begins again"), |event| {
                event.is_output(name) && event.text() == "began" && !starts.contains(&event.seq())
            });
            starts.push(line.seq());
        }
    }
    let begins = kdeck.events().into_iter();
    let begins = begins.filter(|event| event.is_output("never") && event.text() == "began");
    assert_eq!(begins.count(), 1);
}

#[test]
fn a_program_and_its_children_end_with_kdeck() {
    let kdeck = Headless::watching(["exec:trap '' HUP; sleep 1000 & echo child $!; wait,name=p"]);
    let line = kdeck.wait_output("p", "child ");
    let child = line.text().trim_start_matches("child ").to_owned();
    assert_eq!(kdeck.finish().code(), 0);
    let deadline = Deadline::soon();
    // A process that has ended may be a zombie until its new parent looks.
    let runs = || {
        let state = fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
        !(state.is_empty() || state.contains(") Z "))
    };
    while runs() {
        assert!(deadline.left().is_some(), "process {child} is still there");
        std::thread::yield_now();
    }
}

#[test]
fn netconsole_targets_share_a_port_and_are_told_apart_by_source() {
    let port = free_port();
    let kdeck = Headless::watching([
        format!("netconsole:port={port},source=127.0.0.2,name=k2"),
        format!("netconsole:port={port},source=127.0.0.3,name=k3"),
    ]);
    for name in ["k2", "k3"] {
        let waiting = kdeck.wait_state(name, "waiting");
        assert!(waiting.detail().contains(&port.to_string()), "{waiting:?}");
    }
    Netconsole::new("127.0.0.4", port).send(b"<6>from a stranger\n");
    Netconsole::new("127.0.0.2", port).send(b"6,1,1000,-;from two\n");
    Netconsole::new("127.0.0.3", port).send(b"[    1.000000] from three\n");
    kdeck.wait_output("k2", "from two");
    kdeck.wait_output("k3", "from three");
    kdeck.wait_state("k2", "running");
    let output = kdeck.events().into_iter();
    let output = output.filter(|event| event.kind() == "output");
    assert_eq!(output.count(), 2);
}

#[test]
fn extended_netconsole_is_put_together_ordered_and_its_gaps_are_told() {
    let port = free_port();
    let mut kdeck = Headless::watching([format!("netconsole:port={port},name=k")]);
    kdeck.wait_state("k", "waiting");
    let kernel = Netconsole::new("127.0.0.5", port);
    kernel.send(b"6,10,1000,-;ten\n");
    // Fragments out of order, then a record that overtakes another.
    kernel.send(b"6,11,2000,-,ncfrag=8/13;lfth\n");
    kernel.send(b"6,11,2000,-,ncfrag=0/13;the twe");
    kernel.send(b"6,11,2000,-,ncfrag=7/13;-");
    kernel.send(b"6,13,4000,-;thirteen\n");
    kernel.send(b"6,12,3000,-;tw\\xc3\\xa9lve\n");
    kernel.send(b"6,12,3000,-;tw\\xc3\\xa9lve\n");
    kernel.send(b"6,20,5000,-;twenty\n SUBSYSTEM=pci\n");
    kdeck.wait_output("k", "twenty");
    kdeck.wait_notice("k", "6 records were not received");
    let texts: Vec<String> = kdeck
        .events()
        .into_iter()
        .filter(|event| event.is_output("k"))
        .map(|event| event.text().to_owned())
        .collect();
    let at = |word: &str| {
        let found: Vec<usize> = (0..texts.len())
            .filter(|at| texts[*at].contains(word))
            .collect();
        assert_eq!(found.len(), 1, "{word} in {texts:?}");
        found[0]
    };
    assert!(at("ten") < at("the twe-lfth"));
    assert!(at("the twe-lfth") < at("twélve"));
    assert!(at("twélve") < at("thirteen"));
    assert!(at("thirteen") < at("twenty"));
    let reason = kdeck.refused("@k reboot");
    assert!(reason.contains("one way"), "{reason}");
}

#[test]
fn a_kind_that_is_not_served_says_so_and_disturbs_nobody() {
    let peer = Peer::listen();
    let mut kdeck = Headless::watching([
        "gdb:server=127.0.0.1,port=1234,name=g".to_owned(),
        peer.raw("a"),
    ]);
    let closed = kdeck.wait_state("g", "closed");
    assert!(!closed.detail().is_empty(), "{closed:?}");
    assert_eq!(kdeck.refused("@g continue"), closed.detail());
    peer.accept();
    kdeck.wait_state("a", "running");
}

#[test]
fn two_who_throw_each_other_out_are_noticed() {
    let peer = Peer::listen();
    let kdeck = impatient(&[&peer.telnet("a")]);
    for _ in 0..3 {
        drop(peer.accept());
    }
    kdeck.wait("the suspicion", |event| {
        event.is_state("a", "lost") && event.detail().contains("somebody else may have")
    });
}
