//! One rack, several screens: a host and those who have joined it, side by side.

use std::thread;

use super::support::deadline::Deadline;
use super::support::home::Home;
use super::support::peer::Connection;
use super::support::ports::free_port;
use super::support::relay::Relay;
use super::support::terminal::Terminal;
use super::{Desk, press, row};

/// The passwords of the servers here.
const OPERATOR: &str = "Lab12";
const OBSERVER: &str = "Watch34";

/// The size of the screens: there is room for the chat beside the rack.
const COLUMNS: u16 = 120;
const ROWS: u16 = 30;

/// A host's screen, with a server on a port and one on a pipe.
struct Host {
    home: Home,
    desk: Desk,
    port: u16,
}

impl Host {
    /// With so many targets, whose person is called olga.
    fn new(targets: usize) -> Self {
        let home = Home::new();
        // Nothing is to be told at the port that other tests use.
        home.configure("[server]\ndirectory = false\n");
        let port = free_port();
        let server = format!("tcp:port={port},password={OPERATOR},viewpassword={OBSERVER}");
        let servers = ["-server", &server, "-server", "npipe:pipe=lab"];
        let arguments = [&servers[..], &["--name", "olga"]].concat();
        let mut desk = Desk::in_home(home.clone(), COLUMNS, ROWS, targets, &arguments, &[]);
        desk.screen.wait_text(&format!("SERVER tcp:{port} +1"));
        // What to type to join is shown first.
        desk.screen
            .wait_text("kdeck -remote npipe:Pipe=lab,Server=");
        desk.screen.keys(press::ESC);
        desk.screen.wait_no_text("Server started.");
        Self { home, desk, port }
    }

    fn screen(&mut self) -> &mut Terminal {
        &mut self.desk.screen
    }

    fn line(&mut self) -> &mut Connection {
        &mut self.desk.lines[0]
    }

    /// The string that joins by the port.
    fn string(&self, password: &str) -> String {
        format!(
            "tcp:server=127.0.0.1,port={},password={password}",
            self.port
        )
    }

    /// Somebody of that name who joins by the port.
    fn join(&self, name: &str, password: &str) -> Terminal {
        self.joined(name, &self.string(password), "127.0.0.1")
    }

    /// Somebody of that name who joins by the pipe.
    fn join_pipe(&self, name: &str) -> Terminal {
        self.joined(name, "npipe:pipe=lab", "npipe:lab")
    }

    /// Somebody who joins with that string, and sees all targets run on that machine.
    fn joined(&self, name: &str, string: &str, machine: &str) -> Terminal {
        let arguments = ["-remote", string, "--name", name];
        // A pipe is found in the same places only.
        let screen = Terminal::start_in(self.home.clone(), COLUMNS, ROWS, &arguments);
        screen.wait_text(&format!("CLIENT of {machine}"));
        screen.wait_text(&format!("R {}", self.desk.lines.len()));
        screen
    }
}

/// Opens a target's pane, where the chat leaves it all the room.
fn open(screen: &mut Terminal, name: &str) {
    screen.keys(&format!(".open {name}\r"));
    screen.wait_text(&format!("\n 1 {name} "));
}

/// A pane alone in the middle of the screen: its title and its rows.
fn pane(screen: &vt100::Screen) -> Vec<String> {
    let rows = (1..ROWS - 2).map(|at| row(screen, at));
    rows.map(|row| row.trim_end().to_owned()).collect()
}

#[test]
fn those_who_join_see_what_the_host_sees() {
    let mut host = Host::new(2);
    host.line().send("\x1b[31mbefore\x1b[0m anybody came\n");
    host.screen().wait_text("before anybody came");
    let mut screens = [host.join_pipe("alice"), host.join("bob", OPERATOR)];
    for screen in &mut screens {
        screen.wait_text("before anybody came");
        open(screen, "alpha");
    }
    open(host.screen(), "alpha");
    host.line()
        .send("one\r\ntwo \x1b[1mwide 漢字\x1b[0m\r\nlogin: ");
    for screen in &screens {
        screen.wait_text("login: ");
    }
    let deadline = Deadline::soon();
    for screen in &screens {
        while screen.see(pane) != host.desk.screen.see(pane) {
            let (theirs, ours) = (screen.screen(), host.desk.screen.screen());
            assert!(deadline.left().is_some(), "{theirs}\n\n{ours}");
            thread::yield_now();
        }
    }
}

#[test]
fn a_target_that_is_looked_at_late_has_all_its_history() {
    let mut host = Host::new(2);
    let lines: Vec<String> = (0..10).map(|number| format!("early {number}")).collect();
    host.desk.lines[1].send(lines.join("\n") + "\n");
    host.screen().wait_text("early 9");
    let mut alice = host.join_pipe("alice");
    // Of what is not looked at there is the newest line.
    alice.wait_text("early 9");
    host.desk.lines[1].send("late\n");
    alice.wait_text("late");
    assert!(!alice.screen().contains("early"), "{}", alice.screen());
    open(&mut alice, "beta");
    alice.wait_text("early 0");
    for line in &lines {
        assert!(alice.screen().contains(line.as_str()), "{}", alice.screen());
    }
    host.desk.lines[1].send("later\n");
    alice.wait_text("later");
    assert!(!alice.screen().contains("dropped"), "{}", alice.screen());
}

#[test]
fn what_somebody_types_is_seen_by_all_with_their_name_and_reaches_the_target() {
    let mut host = Host::new(1);
    let (mut alice, mut bob) = (host.join_pipe("alice"), host.join("bob", OPERATOR));
    for screen in [host.screen(), &mut alice, &mut bob] {
        open(screen, "alpha");
    }
    alice.keys("uptime\r");
    assert_eq!(host.line().line(), "uptime");
    for screen in [host.screen(), &mut alice, &mut bob] {
        screen.wait_text("alice> uptime");
    }
    host.screen().keys("date\r");
    assert_eq!(host.line().line(), "date");
    bob.wait_text("olga> date");
    bob.keys("who\r");
    assert_eq!(host.line().line(), "who");
    host.screen().wait_text("bob> who");
}

#[test]
fn people_talk_and_see_what_is_new_to_them() {
    let mut host = Host::new(1);
    let mut alice = host.join_pipe("alice");
    host.screen().wait_text("alice joined (npipe,");
    // In a pane the chat leaves it the room, and counts.
    open(host.screen(), "alpha");
    open(&mut alice, "alpha");
    alice.keys(press::F4);
    alice.wait_text("chat ∙ olga, alice");
    alice.keys("good morning\r");
    alice.wait_text(">alice: good morning");
    host.screen().wait_text(" chat 1 ");
    alice.keys("Olga, is alpha yours?\r");
    host.screen().wait_text(" chat 2 @1 ");
    host.screen().keys(press::F4);
    host.screen().wait_text(" new ");
    host.screen().wait_text(" alice: good morning");
    host.screen().wait_text("@alice: Olga, is alpha");
    host.screen().wait_no_text(" chat 2 @1 ");
    // What is in sight is not new.
    host.screen().keys("take it\r");
    alice.wait_text(" olga: take it");
    assert!(!alice.screen().contains(" chat 1 "), "{}", alice.screen());
    alice.keys("/me takes it\r");
    host.screen().wait_text("* alice takes it");
    // Who comes later has all of it, and nothing of it is new.
    let bob = host.join("bob", OPERATOR);
    bob.wait_text(" alice: good morning");
    bob.wait_text("chat ∙ olga, alice, bob");
    alice.wait_text("bob joined (tcp,");
    drop(bob);
    let mut carol = host.join("carol", OBSERVER);
    alice.wait_text("carol joined (tcp,");
    carol.keys(press::CTRL_B);
    assert_eq!(carol.wait_end().status.code(), Some(0));
    alice.wait_text("carol left");
}

#[test]
fn who_watches_cannot_type() {
    let mut host = Host::new(1);
    let mut carol = host.join("carol", OBSERVER);
    carol.wait_text(" observer");
    open(&mut carol, "alpha");
    carol.keys("reboot\r");
    carol.wait_text("an observer does not steer targets");
    carol.keys(&format!("{}hello\r", press::F4));
    host.screen().wait_text(" carol: hello");
    open(host.screen(), "alpha");
    host.screen().keys("uptime\r");
    assert_eq!(host.line().line(), "uptime", "and nothing before");
}

#[test]
fn who_takes_a_target_is_named_in_its_title() {
    let mut host = Host::new(1);
    let mut alice = host.join_pipe("alice");
    open(&mut alice, "alpha");
    open(host.screen(), "alpha");
    alice.keys(".take\r");
    alice.wait_text("you hold it");
    host.screen().wait_text("alice holds it");
    host.screen().keys("reboot\r");
    host.screen().wait_text("alice holds alpha since");
    host.screen().keys(".take /force\r");
    host.screen().wait_text("you hold it");
    alice.wait_text("olga holds it");
    host.screen().keys(".release\r");
    alice.wait_no_text("olga holds it");
    alice.keys("uptime\r");
    assert_eq!(host.line().line(), "uptime", "and nothing before");
}

#[test]
fn a_line_that_is_cut_comes_back_by_itself() {
    let mut host = Host::new(1);
    let relay = Relay::to(host.port);
    let string = format!(
        "tcp:server=127.0.0.1,port={},password={OPERATOR}",
        relay.port()
    );
    let mut alice = host.joined("alice", &string, "127.0.0.1");
    host.screen().wait_text("alice joined");
    relay.cut();
    alice.wait_text("reconnecting...");
    host.screen().wait_text("alice is away");
    host.line().send("while alice was away\n");
    host.screen().wait_text("while alice was away");
    relay.mend();
    alice.wait_no_text("reconnecting...");
    alice.wait_text("while alice was away");
    host.screen().wait_text("alice is back");
    open(&mut alice, "alpha");
    alice.keys("uptime\r");
    assert_eq!(host.line().line(), "uptime");
}

#[test]
fn a_server_is_ended_in_the_switcher_and_its_clients_are_told() {
    let mut host = Host::new(1);
    let alice = host.join("alice", OPERATOR);
    let bob = host.join_pipe("bob");
    host.screen().keys("R");
    host.screen().wait_text("alice (operator)  tcp 127.0.0.1:");
    host.screen().wait_text("bob (operator)  npipe pid ");
    host.screen().wait_text("2 clients here");
    host.screen().keys(&press::DOWN.repeat(2));
    host.screen().wait_text("Clients join with -remote tcp:");
    host.screen().keys("X");
    host.screen().wait_text("Cut off: 1 client.");
    host.screen().keys("y");
    let alice = alice.wait_end();
    let told = "the session is over here: the server was ended";
    assert!(alice.screen.contains(told), "{}", alice.screen);
    host.screen().wait_text("alice left");
    host.screen().wait_text("SERVER npipe:lab");
    assert!(bob.screen().contains("CLIENT of npipe:lab"));
}

#[test]
fn a_host_that_is_quit_says_so_on_the_screens_of_those_who_are_there() {
    let mut host = Host::new(1);
    let alice = host.join_pipe("alice");
    let mut bob = Terminal::start_in(Home::new(), COLUMNS, ROWS, &["--name", "bob"]);
    bob.wait_text(" HOST ");
    bob.keys(&format!(".remote {}\r", host.string(OPERATOR)));
    bob.wait_text("CLIENT of 127.0.0.1");
    host.screen().wait_text("3 people");
    host.screen().keys(press::CTRL_X);
    host.screen()
        .wait_text("2 people are here, and are put out.");
    host.screen().keys("y");
    let left = host.desk.screen.wait_end();
    assert_eq!(left.status.code(), Some(0));
    // Who came for the session alone leaves with it.
    let told = "the session is over here: the host ended";
    let alice = alice.wait_end();
    assert!(alice.screen.contains(told), "{}", alice.screen);
    assert!(
        alice.modes_restored && alice.left_on.is_empty(),
        "{alice:?}"
    );
    bob.wait_text(" HOST ");
    bob.wait_text(told);
}

#[test]
fn a_session_is_ended_for_all_by_somebody_who_says_yes() {
    let mut host = Host::new(1);
    let alice = host.join_pipe("alice");
    let mut bob = host.join("bob", OPERATOR);
    bob.keys(":q\r");
    bob.wait_text("leaves, the session goes on; qq ends it for all");
    bob.keys("qq\r");
    bob.wait_text("End the session for everybody?");
    bob.wait_text("All 3 who are here are put out.");
    bob.keys("n");
    bob.wait_no_text("End the session for everybody?");
    host.line().send("still here\n");
    bob.wait_text("still here");
    bob.keys("qq\r");
    bob.wait_text("End the session for everybody?");
    bob.keys("y");
    let left = host.desk.screen.wait_end();
    assert_eq!(left.status.code(), Some(0));
    assert!(left.modes_restored && left.left_on.is_empty(), "{left:?}");
    for screen in [alice, bob] {
        let left = screen.wait_end();
        let told = "the session is over here: ";
        assert!(left.screen.contains(told), "{}", left.screen);
    }
}

#[test]
fn a_password_is_asked_for_until_it_is_right() {
    let mut host = Host::new(1);
    host.line().send("hello\n");
    let mut alice = Terminal::start_in(Home::new(), COLUMNS, ROWS, &["--name", "alice"]);
    alice.wait_text(" HOST ");
    alice.keys(press::CTRL_R);
    alice.wait_text("Join a session");
    alice.keys(&format!("tcp:server=127.0.0.1,port={}\r", host.port));
    alice.wait_text("The server has a password.");
    alice.keys("Lab13\r");
    alice.wait_text("That was not the password.");
    alice.keys(&format!("{OPERATOR}\r"));
    alice.wait_text("CLIENT of 127.0.0.1");
    alice.wait_text("hello");
    host.screen().wait_text("alice joined (tcp,");
    let shown = alice.bytes();
    for secret in ["Lab13", OPERATOR] {
        let found = memchr::memmem::find(&shown, secret.as_bytes());
        assert_eq!(found, None, "{secret} was on the screen");
    }
}

#[test]
fn a_certificate_is_asked_about_when_it_is_first_seen() {
    let mut host = Host::new(1);
    let port = free_port();
    let server = format!(".server ssl:port={port},password={OPERATOR}\r");
    host.screen().keys(&server);
    host.screen().wait_text("SHA256:");
    let fingerprint = fingerprint(&host.desk.screen);
    host.screen().keys(press::ESC);
    let mut alice = Terminal::start_in(Home::new(), COLUMNS, ROWS, &["--name", "alice"]);
    alice.wait_text(" HOST ");
    let string = format!("ssl:server=127.0.0.1,port={port},password={OPERATOR}\r");
    let ask = |alice: &mut Terminal| {
        alice.keys(press::CTRL_R);
        alice.wait_text("Join a session");
        alice.keys(&string);
    };
    ask(&mut alice);
    alice.wait_text("Is this the right server?");
    alice.wait_text(&format!("127.0.0.1:{port} was never seen from here."));
    assert_eq!(self::fingerprint(&alice), fingerprint);
    alice.keys("n");
    alice.wait_text("given up");
    alice.keys("\r");
    alice.wait_text("Is this the right server?");
    alice.keys("y");
    alice.wait_text("CLIENT of 127.0.0.1");
    alice.wait_text("R 1");
    alice.wait_no_text("Join a session");
    // It is known from then on.
    alice.keys(press::CTRL_B);
    alice.wait_text(" HOST ");
    ask(&mut alice);
    alice.wait_text("CLIENT of 127.0.0.1");
}

/// The fingerprint that is on a screen.
fn fingerprint(screen: &Terminal) -> String {
    let text = screen.screen();
    let from = text.find("SHA256:").expect(&text);
    let word = text[from..].split(|c: char| c != ':' && !c.is_alphanumeric());
    word.into_iter().next().unwrap_or_default().to_owned()
}
