//! Losing the terminal does not end a host, and its owner takes it back.

use std::os::fd::OwnedFd;

use rustix::process::Signal;

use super::support::deadline::Deadline;
use super::support::headless::Headless;
use super::support::home::{Home, KDECK};
use super::support::peer::{Connection, Peer};
use super::support::terminal::Terminal;

/// A console on one target, and that target's end of the line.
fn console(home: &Home) -> (Terminal, Connection) {
    let peer = Peer::listen();
    let target = peer.raw("alpha");
    let screen = Terminal::start_in(home.clone(), 80, 24, &["-k", &target]);
    let line = peer.accept();
    screen.wait_text("R 1");
    (screen, line)
}

#[test]
fn a_host_goes_on_without_its_terminal_and_is_taken_back() {
    let home = Home::new();
    let (screen, mut line) = console(&home);
    screen.signal(Signal::HUP);
    screen.wait("the terminal is given back", |screen| {
        !screen.alternate_screen()
    });
    line.send("printed while nobody looked\n");

    let mut back = Headless::start_in(home.clone(), &["attach"]);
    back.wait_output("alpha", "printed while nobody looked");
    let said = back.done(".clients");
    assert!(said.contains("owner, attach pid "), "{said}");
    back.done("@alpha hello");
    assert_eq!(line.line(), "hello");
    assert_eq!(back.finish().code(), 0);

    // It is there still, until its owner ends it.
    let mut again = Headless::start_in(home, &["attach"]);
    again.wait_output("alpha", "printed while nobody looked");
    again.done(".qq");
    assert_eq!(again.wait_end().code(), 0);
    let left = screen.wait_end();
    assert_eq!(left.status.code(), Some(0));
}

#[test]
fn a_host_goes_on_when_its_terminal_is_no_more() {
    let home = Home::new();
    let peer = Peer::listen();
    let (pty, terminal) = pty_process::blocking::open().expect("a pty");
    let target = peer.raw("alpha");
    let mut host = pty_process::blocking::Command::new(KDECK)
        .current_dir(home.path())
        .args(["-k", &target])
        .env("TERM", "xterm-256color")
        .envs(home.variables())
        .spawn(terminal)
        .expect("kdeck starts");
    let mut line = peer.accept();
    let mut screen = Connection::from(OwnedFd::from(pty));
    screen.read_until(b"alpha");
    // Unlike a signal alone this leaves nothing that could be written to.
    drop(screen);
    let log = home.path().join("state/kdeck.log");
    let deadline = Deadline::soon();
    while !std::fs::read_to_string(&log).is_ok_and(|log| log.contains("the host goes on")) {
        let ended = host.try_wait().expect("a child");
        assert!(ended.is_none() && deadline.left().is_some(), "{ended:?}");
        std::thread::yield_now();
    }
    line.send("printed while nobody looked\n");
    let mut back = Headless::start_in(home, &["attach"]);
    back.wait_output("alpha", "printed while nobody looked");
    back.say(".qq");
    assert_eq!(back.wait_end().code(), 0);
    assert_eq!(host.wait().expect("a child").code(), Some(0));
}

#[test]
fn an_attached_screen_leaves_its_host_alone() {
    let home = Home::new();
    let (first, mut line) = console(&home);
    first.signal(Signal::HUP);
    first.wait("the terminal is given back", |screen| {
        !screen.alternate_screen()
    });
    let mut second = Terminal::start_in(home, 80, 24, &["attach"]);
    second.wait_text("R 1");
    line.send("still here\n");
    second.wait_text("still here");
    second.keys("\u{2}");
    assert_eq!(second.wait_end().status.code(), Some(0));
    line.send("and here\n");
    first.signal(Signal::TERM);
    assert_eq!(first.wait_end().status.code(), Some(0));
}

#[test]
fn a_console_without_targets_ends_with_its_terminal() {
    let screen = Terminal::start(80, 24, &[]);
    screen.wait_text("0 targets");
    screen.signal(Signal::HUP);
    assert_eq!(screen.wait_end().status.code(), Some(0));
}
