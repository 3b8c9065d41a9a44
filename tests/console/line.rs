//! The command line and the boxes over the screen: completion, history, help, palette, leaving.

use super::support::terminal::Terminal;
use super::{Desk, press, row};

#[test]
fn names_and_commands_are_completed() {
    let mut desk = Desk::new(80, 24, 3);
    desk.screen.keys("@be\t");
    desk.screen.wait_text("@beta");
    desk.screen.keys("x\r");
    assert_eq!(desk.lines[1].line(), "x");
    desk.screen.keys(".disc\t");
    desk.screen.wait_text(".disconnect");
    desk.screen.keys(press::CTRL_C);
    desk.screen.wait_no_text(".disconnect");
}

#[test]
fn typed_lines_are_there_again_in_the_next_run() {
    let mut desk = Desk::in_pane(80, 24, 1);
    for line in ["first thing", "second thing"] {
        desk.screen.keys(&format!("{line}\r"));
        assert_eq!(desk.lines[0].line(), line);
    }
    desk.screen.keys(press::UP);
    desk.screen.wait_text("@alpha second thing");
    desk.screen.keys(press::UP);
    desk.screen.wait_text("@alpha first thing");
    let left = desk.quit();
    assert_eq!(left.status.code(), Some(0));
    let mut screen = Terminal::start_in(left.home, 80, 24, &[]);
    screen.wait_text("0 targets");
    screen.keys(&format!(":{}", press::UP));
    screen.wait_text("second thing");
    screen.keys(&format!("{}{}first", press::CTRL_C, press::CTRL_R));
    screen.wait_text("first thing");
    screen.keys(press::ENTER);
    screen.wait("the line is taken", |screen| {
        row(screen, 22).contains("first thing")
    });
}

#[test]
fn what_answers_a_prompt_for_a_password_is_neither_shown_nor_remembered() {
    let mut desk = Desk::in_pane(80, 24, 1);
    desk.lines[0].send("Password: ");
    desk.screen.wait_text("Password:");
    desk.screen.keys("hunter2");
    desk.screen.wait_text("*******");
    desk.screen.keys(press::ENTER);
    assert_eq!(desk.lines[0].line(), "hunter2");
    desk.lines[0].send("\nwelcome\n");
    desk.screen.wait_text("welcome");
    let left = desk.quit();
    let shown = String::from_utf8_lossy(&left.bytes).into_owned();
    let history = std::fs::read_to_string(left.home.path().join("state/history"));
    assert!(!shown.contains("hunter"), "the password was shown");
    assert!(!history.unwrap_or_default().contains("hunter2"));
    assert!(!left.home.log("alpha").contains("hunter2"));
}

#[test]
fn help_and_palette_show_what_can_be_done_and_do_it() {
    let mut desk = Desk::new(80, 24, 2);
    desk.screen.keys("?");
    desk.screen.wait_text("Drop the filter and all marks");
    desk.screen.keys(press::ESC);
    desk.screen.wait_no_text("Drop the filter and all marks");
    desk.screen.keys(press::CTRL_P);
    desk.screen.wait_text("toggle-view");
    desk.screen.keys("beta");
    desk.screen.wait_no_text("toggle-view");
    desk.screen.keys(press::ENTER);
    desk.screen.wait_text("\n@beta");
    // A box that is open keeps the keys from the command line below.
    desk.screen.keys("\x1bOP");
    desk.screen.wait_text("Help: ");
    desk.screen.keys("zzz");
    desk.screen.wait_text("nothing matches");
    desk.screen.keys(press::CTRL_C);
    desk.screen.keys("typed\r");
    assert_eq!(desk.lines[1].line(), "typed");
}

#[test]
fn leaving_is_asked_about_while_targets_are_connected() {
    for way in ["q", ".quit\r", ".exit\r", press::CTRL_X] {
        let mut desk = Desk::new(80, 24, 2);
        desk.screen.keys(way);
        desk.screen.wait_text("2 targets are connected");
        desk.screen.keys(press::ENTER);
        desk.screen.wait_no_text("2 targets are connected");
        desk.screen.keys(way);
        desk.screen.wait_text("2 targets are connected");
        desk.screen.keys(&format!("{}{}", press::TAB, press::ENTER));
        let left = desk.screen.wait_end();
        assert_eq!(left.status.code(), Some(0), "{way:?}");
        for line in &mut desk.lines {
            line.wait_close();
        }
    }
}

#[test]
fn leaving_an_empty_rack_needs_no_question() {
    let mut screen = Terminal::start(80, 24, &[]);
    screen.wait_text("no targets yet");
    screen.keys("q");
    assert_eq!(screen.wait_end().status.code(), Some(0));
}

#[test]
fn a_wrong_line_is_told_and_stays_to_be_corrected() {
    let mut desk = Desk::in_pane(80, 24, 1);
    desk.screen.keys(".brake\r");
    desk.screen.wait_text("did you mean .break?");
    desk.screen.wait_text("@alpha .brake");
    desk.screen.keys(&format!("{}@nobody hi\r", press::CTRL_C));
    desk.screen
        .wait_text("no target or group is called @nobody");
}
