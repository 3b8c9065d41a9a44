//! The overview of the rack, at sizes from absurd to generous, and the time when nothing happens.

use super::support::headless::Headless;
use super::support::peer::Peer;
use super::support::ports::free_port;
use super::support::terminal::Terminal;
use super::{Desk, row, wire};

/// Bytes that the clock may write when a minute ends.
const CLOCK_BYTES_MAX: usize = 80;

/// Bytes for one typed character: far less than a row.
const KEY_BYTES_MAX: usize = 80;

#[test]
fn the_rack_shows_every_target_with_its_state_and_last_line_at_every_size() {
    for (columns, rows) in [(80, 24), (120, 40), (240, 70)] {
        let peer = Peer::listen();
        let refused = format!("raw:server=127.0.0.1,port={},name=gone", free_port());
        let waiting = format!("raw:listen,port={},name=open", free_port());
        let targets = ["-k", &peer.raw("web01"), "-k", &refused, "-k", &waiting];
        let screen = Terminal::start(columns, rows, &targets);
        let mut line = peer.accept();
        line.send("[    0.100] all is well\nlogin: ");
        screen.wait("the states are counted in the header", |screen| {
            let header = row(screen, 0);
            header.contains(" kdeck ")
                && header.contains("HOST")
                && header.contains("3 targets")
                && ["R 1", "W 1", "L 1"].iter().all(|s| header.contains(s))
        });
        screen.wait("each target has its letter and its last line", |screen| {
            let text = screen.contents();
            text.contains("R web01") && text.contains("L gone") && text.contains("W open")
        });
        screen.wait_text("login:");
        screen.wait_text("connection refused");
        screen.wait_text("1 needs you: L gone");
    }
}

#[test]
fn a_hundred_targets_are_all_in_sight_on_a_small_terminal() {
    let arguments = ["demo", "--count", "100", "--no-log", "--seed", "1"];
    let mut screen = Terminal::start(80, 24, &arguments);
    screen.wait_text("100 targets");
    screen.keys("G");
    screen.wait("the last target is chosen", |screen| {
        screen.contents().contains('►')
    });
    screen.resize(120, 40);
    // There is nothing to ask about before one is connected.
    screen.wait_text("targets  R");
    screen.keys("\x18");
    screen.wait_text("Quit kdeck?");
    screen.keys("y");
    let left = screen.wait_end();
    assert_eq!(left.status.code(), Some(0));
    assert_eq!(left.left_on, [""; 0]);
    wire::check(&left.bytes);
}

#[test]
fn a_screen_too_small_for_anything_is_survived() {
    let mut desk = Desk::new(80, 24, 2);
    desk.lines[0].send("漢字 wide characters that fit nowhere\n");
    desk.screen.wait_text("wide characters");
    for (columns, rows) in [(20, 5), (1, 1), (3, 2), (2, 1), (240, 70)] {
        desk.screen.resize(columns, rows);
        desk.screen.wait("something is drawn", |screen| {
            !screen.contents().trim().is_empty()
        });
    }
    desk.open("alpha beta");
    for (columns, rows) in [(20, 5), (1, 1), (2, 3), (80, 24)] {
        desk.screen.resize(columns, rows);
        desk.screen.wait("something is drawn", |screen| {
            !screen.contents().trim().is_empty()
        });
    }
    desk.screen.wait("the whole screen is back", |screen| {
        row(screen, 0).contains("2 targets") && screen.contents().contains("wide characters")
    });
    desk.screen.keys("still here");
    desk.screen.wait_text("@beta still here");
}

#[test]
fn nothing_is_written_while_nothing_happens_and_a_key_writes_little() {
    let mut desk = Desk::in_pane(80, 24, 2);
    desk.screen.keys("x");
    desk.screen.wait_text("@alpha x");
    // A window of time whose end is an answer, not a guess.
    let mut clock = Headless::start(&[]);
    clock.done(".sleep 0.3");
    let before = desk.screen.bytes().len();
    clock.done(".sleep 2.5");
    let idle = desk.screen.bytes().len() - before;
    assert!(idle <= CLOCK_BYTES_MAX, "{idle} bytes while idle");
    let before = desk.screen.bytes().len();
    desk.screen.keys("y");
    desk.screen.wait_text("@alpha xy");
    let typed = desk.screen.bytes().len() - before;
    assert!(typed <= KEY_BYTES_MAX + CLOCK_BYTES_MAX, "{typed} bytes");
    wire::check(&desk.quit().bytes);
}

#[test]
fn without_colour_no_sequence_for_colour_is_sent() {
    let coloured = "\x1b[31mred\x1b[0m \x1b[38;2;1;2;3mtrue\x1b[0m \x1b[48;5;9mback\x1b[0m end\n";
    let shows = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut desk = Desk::with_variables(80, 24, 1, arguments, variables);
        desk.lines[0].send(coloured);
        desk.screen.wait_text("red true back end");
        desk.open("alpha");
        desk.screen.wait_text("red true back end");
        desk.screen.keys(super::press::LEAVE_RAW);
        desk.screen.wait_text("RAW");
        desk.lines[0].send(coloured);
        desk.screen.wait_text("red true back end");
        desk.screen.keys(super::press::LEAVE_RAW);
        desk.screen.wait_no_text("RAW");
        let bytes = desk.quit().bytes;
        wire::check(&bytes);
        wire::colours(&bytes)
    };
    assert_eq!(shows(&[], &[("NO_COLOR", "1")]), 0);
    assert_eq!(shows(&["--color", "never"], &[]), 0);
    assert!(shows(&["--color", "always"], &[("NO_COLOR", "1")]) > 0);
    assert!(shows(&[], &[]) > 0);
}

#[test]
fn an_ascii_screen_is_drawn_with_ascii_alone() {
    let mut desk = Desk::with(100, 30, 2, &["--ascii"]);
    desk.lines[0].send("one\ntwo\n");
    desk.screen.wait_text("two");
    desk.open("alpha beta");
    for (key, shown) in [
        ("\x1bOP", "help"),
        (super::press::CTRL_P, "Find"),
        ("\x1bOQ", "host"),
    ] {
        desk.screen.keys(key);
        desk.screen.wait_text(shown);
        desk.screen.keys(super::press::CTRL_C);
    }
    let bytes = desk.quit().bytes;
    wire::check(&bytes);
    let other: Vec<u8> = bytes.into_iter().filter(|byte| !byte.is_ascii()).collect();
    assert_eq!(String::from_utf8_lossy(&other), "");
}
