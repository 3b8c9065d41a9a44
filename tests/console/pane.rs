//! Panes: opening, following, scrolling, searching, and what is typed at them.

use std::fmt::Write as _;

use super::{Desk, press, row, wire};

/// Many numbered lines.
fn lines(range: std::ops::Range<u32>) -> String {
    range.fold(String::new(), |mut text, number| {
        writeln!(text, "line number {number}").expect("a String takes all");
        text
    })
}

#[test]
fn a_pane_follows_until_it_is_scrolled_and_says_how_much_is_below() {
    let mut desk = Desk::in_pane(80, 24, 1);
    desk.lines[0].send(lines(0..200));
    desk.screen.wait_text("line number 199");
    desk.screen.keys(press::PAGE_UP);
    desk.screen.wait_text("lines below");
    desk.screen.wait_no_text("line number 199");
    let text = |screen: &vt100::Screen| (2..21).map(|y| row(screen, y)).collect::<Vec<_>>();
    let before = desk.screen.see(text);
    desk.lines[0].send(lines(200..250));
    desk.screen.wait("the new lines are counted", |screen| {
        let title = row(screen, 1);
        let count = title
            .split("▾ ")
            .nth(1)
            .and_then(|t| t.split(' ').next()?.parse().ok());
        count.is_some_and(|count: u32| count >= 50)
    });
    assert_eq!(desk.screen.see(text), before, "the text stands still");
    desk.screen.keys(press::ESC);
    desk.screen.wait("the line is left", |screen| {
        row(screen, 23).contains("follow")
    });
    desk.screen.keys(press::END);
    desk.screen.wait_text("line number 249");
    desk.screen.wait_no_text("below");
    desk.lines[0].send("and on\n");
    desk.screen.wait_text("and on");
    wire::check(&desk.quit().bytes);
}

#[test]
fn a_search_finds_what_was_printed_long_ago() {
    let mut desk = Desk::in_pane(80, 24, 1);
    desk.lines[0].send(lines(0..50) + "a needle here\n" + &lines(50..400));
    desk.screen.wait_text("line number 399");
    desk.screen.keys(press::ESC);
    desk.screen.wait_text("/ search");
    desk.screen.keys("/needle\r");
    desk.screen.wait_text("a needle here");
    desk.screen.wait("the neighbours are in sight", |screen| {
        screen.contents().contains("line number 49")
    });
}

#[test]
fn a_typed_line_reaches_its_target_and_is_shown_with_the_answer() {
    let mut desk = Desk::in_pane(80, 24, 2);
    desk.screen.keys("uname -a");
    desk.screen.wait_text("@alpha uname -a");
    desk.screen.keys(press::ENTER);
    assert_eq!(desk.lines[0].line(), "uname -a");
    desk.screen.wait_text("tester> uname -a");
    desk.lines[0].send("Linux alpha\n");
    desk.screen.wait_text("Linux alpha");
    desk.screen.keys("@beta date\r");
    assert_eq!(desk.lines[1].line(), "date");
    desk.screen.keys("next\r");
    assert_eq!(desk.lines[0].line(), "next");
}

#[test]
fn a_line_for_all_is_asked_about_first_and_a_no_writes_nothing() {
    let mut desk = Desk::new(80, 24, 3);
    for no in [press::ENTER, press::ESC, "n"] {
        desk.screen.keys("@all reboot\r");
        desk.screen.wait_text("Send to 3 targets?");
        desk.screen.wait_text("alpha beta gamma");
        desk.screen.keys(no);
        desk.screen.wait_no_text("Send to 3 targets?");
    }
    desk.screen.keys("@all date\r");
    desk.screen.wait_text("Send to 3 targets?");
    desk.screen.keys("y");
    for line in &mut desk.lines {
        // The first that comes: nothing was written before.
        assert_eq!(line.line(), "date");
    }
}

#[test]
fn a_pasted_text_of_several_lines_is_asked_about_first() {
    let mut desk = Desk::in_pane(80, 24, 1);
    desk.screen.keys("\x1b[200~one\ntwo\r\nthree\n\x1b[201~");
    desk.screen.wait_text("Send 3 pasted lines to alpha?");
    desk.screen.keys("n");
    desk.screen.wait_no_text("pasted lines");
    desk.screen.keys("\x1b[200~one\ntwo\r\nthree\n\x1b[201~");
    desk.screen.wait_text("Send 3 pasted lines to alpha?");
    desk.screen.keys("y");
    for line in ["one", "two", "three"] {
        assert_eq!(desk.lines[0].line(), line);
    }
    // A single line is only put where it can still be read before it is sent.
    desk.screen.keys("\x1b[200~just\x1b[31m one\n\x1b[201~");
    desk.screen.wait_text("@alpha just");
    desk.screen.keys(press::ENTER);
    assert!(!desk.lines[0].line().contains('\x1b'));
    wire::check(&desk.quit().bytes);
}

#[test]
fn panes_stand_side_by_side_and_keep_to_themselves() {
    let mut desk = Desk::new(120, 40, 4);
    desk.open("alpha beta");
    desk.lines[0].send(lines(0..60));
    desk.lines[1].send("only beta\n");
    desk.screen.wait("each is in its half", |screen| {
        let (left, right): (Vec<String>, Vec<String>) =
            (screen.rows(0, 59).collect(), screen.rows(61, 59).collect());
        let has = |half: &[String], text: &str| half.iter().any(|row| row.contains(text));
        has(&left, "line number 59")
            && !has(&right, "line number")
            && has(&right, "only beta")
            && !has(&left, "only beta")
    });
    desk.screen.keys(".close\r");
    desk.screen.wait_no_text("only beta");
}
