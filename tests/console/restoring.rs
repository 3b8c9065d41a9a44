//! The terminal is given back, however kdeck ends.

use std::path::Path;

use kdeck::ui::terminal::{Screen, install_panic_hook};
use rustix::process::Signal;

use super::support::home::Home;
use super::support::terminal::{Left, Terminal};
use super::{Desk, press, wire};

/// Set for the copy of this program that panics on purpose.
const PANICS: &str = "KDECK_TEST_PANICS";

/// Everything in use that can be: a pane, raw mode, mouse, colour.
fn busy_desk() -> Desk {
    let mut desk = Desk::in_pane(80, 24, 2);
    desk.lines[0].send("\x1b[1;31mred and left on \x1b[?1049h\x1b[?25l");
    desk.screen.wait_text("red and left on");
    desk.screen.keys(press::LEAVE_RAW);
    desk.screen.wait_text("RAW");
    assert_eq!(
        desk.screen.see(vt100::Screen::mouse_protocol_mode),
        vt100::MouseProtocolMode::ButtonMotion
    );
    assert!(desk.screen.see(vt100::Screen::bracketed_paste));
    assert!(!desk.screen.has_its_modes());
    desk
}

fn assert_restored(left: &Left) {
    assert!(left.modes_restored, "the line's modes are not as before");
    assert_eq!(left.left_on, [""; 0]);
}

#[test]
fn the_terminal_is_given_back_after_quitting() {
    let mut desk = busy_desk();
    desk.screen.keys(press::LEAVE_RAW);
    desk.screen.wait_no_text("RAW");
    let left = desk.quit();
    assert_eq!(left.status.code(), Some(0));
    assert_restored(&left);
    assert_eq!(left.screen, "", "nothing is left on the screen");
    wire::check(&left.bytes);
}

#[test]
fn the_terminal_is_given_back_after_signals() {
    for signal in [Signal::TERM, Signal::INT] {
        let desk = busy_desk();
        desk.screen.signal(signal);
        let left = desk.screen.wait_end();
        assert_restored(&left);
        assert_eq!(left.status.code(), Some(0), "{signal:?}");
        wire::check(&left.bytes);
    }
}

#[test]
fn a_stopped_console_lends_the_terminal_and_takes_it_back() {
    let mut desk = Desk::in_pane(80, 24, 1);
    desk.screen.keys(press::CTRL_Z);
    desk.screen.wait_stopped();
    assert!(desk.screen.has_its_modes());
    desk.screen.wait("everything is off", |screen| {
        !screen.alternate_screen() && !screen.bracketed_paste() && !screen.hide_cursor()
    });
    desk.lines[0].send("printed meanwhile\n");
    desk.screen.signal(Signal::CONT);
    desk.screen.wait_text("printed meanwhile");
    desk.screen.wait_text("@alpha");
    assert!(desk.screen.see(vt100::Screen::alternate_screen));
    desk.screen.keys("hello\r");
    assert_eq!(desk.lines[0].line(), "hello");
    assert_restored(&desk.quit());
}

#[test]
fn the_terminal_is_given_back_when_the_drawing_thread_panics() {
    let program = std::env::current_exe().expect("this program has a path");
    let test = "restoring::panics_with_the_terminal_in_use";
    let arguments = ["--exact", test, "--nocapture", "--test-threads=1"];
    let variables = [("TERM", "xterm-256color"), (PANICS, "1")];
    let home = Home::new();
    let left = Terminal::start_program(Path::new(&program), home, 80, 24, &arguments, &variables);
    let left = left.wait_end();
    assert_eq!(left.status.code(), Some(101), "{}", left.screen);
    assert_restored(&left);
    let text = String::from_utf8_lossy(&left.bytes);
    let back = text.rfind("\x1b[?1049l").expect("the screen was left");
    let message = text.find("a panic on purpose").expect("it is told");
    assert!(back < message, "the message comes after the way back");
    assert!(text[..back].contains("drawn before"));
}

/// Does nothing unless [`the_terminal_is_given_back_when_the_drawing_thread_panics`] runs it on a terminal.
#[test]
fn panics_with_the_terminal_in_use() {
    if std::env::var_os(PANICS).is_none() {
        return;
    }
    install_panic_hook();
    let mut screen = Screen::enter(true).expect("a terminal");
    let drawn = screen.draw(|frame| {
        let style = ratatui::style::Style::new().red();
        frame.buffer_mut().set_string(0, 0, "drawn before", style);
    });
    drawn.expect("the terminal takes a frame");
    panic!("a panic on purpose");
}
