//! Raw mode: every key is the target's, and its own screen is shown in its pane.

use super::{Desk, press, row, wire};

/// A console with the first of two panes in raw mode.
fn raw_desk() -> Desk {
    let mut desk = Desk::new(120, 40, 2);
    desk.open("beta alpha");
    desk.screen.keys(press::LEAVE_RAW);
    desk.screen.wait_text("RAW, ctrl+] leaves");
    desk
}

#[test]
fn every_key_reaches_the_target_until_the_one_that_leaves() {
    let mut desk = raw_desk();
    for (key, bytes) in [
        ("a", &b"a"[..]),
        ("\r", b"\r"),
        ("\t", b"\t"),
        ("\x7f", b"\x7f"),
        (press::CTRL_C, b"\x03"),
        (press::CTRL_Z, b"\x1a"),
        (press::CTRL_X, b"\x18"),
        (press::CTRL_P, b"\x10"),
        ("\x04", b"\x04"),
        ("\0", b"\0"),
        ("\x1c", b"\x1c"),
        (press::ESC, b"\x1b"),
        (press::UP, b"\x1b[A"),
        ("\x1b[D", b"\x1b[D"),
        (press::PAGE_UP, b"\x1b[5~"),
        ("\x1bOP", b"\x1bOP"),
        ("\x1b[24~", b"\x1b[24~"),
        ("\x1bx", b"\x1bx"),
        ("é漢", "é漢".as_bytes()),
    ] {
        desk.screen.keys(key);
        let came = desk.lines[0].read_until(bytes);
        assert_eq!(came, bytes, "{key:?}");
    }
    desk.screen.keys(press::LEAVE_RAW);
    desk.screen.wait_no_text("RAW");
    desk.screen.keys(":back\r");
    assert_eq!(desk.lines[0].read_until(b"\r"), b"back\r");
}

#[test]
fn application_cursor_keys_are_sent_where_the_target_asks_for_them() {
    let mut desk = raw_desk();
    desk.lines[0].send("\x1b[?1hready");
    desk.screen.wait_text("ready");
    desk.screen.keys(press::UP);
    assert_eq!(desk.lines[0].read_until(b"A"), b"\x1bOA");
    assert!(!desk.screen.see(vt100::Screen::application_cursor));
}

#[test]
fn the_targets_own_screen_is_shown_inside_its_pane() {
    let mut desk = raw_desk();
    desk.lines[1].send("quiet neighbour\n");
    desk.screen.wait_text("quiet neighbour");
    desk.lines[0].send("\x1b[2J\x1b[3;5HMENU\x1b[5;7H> \x1b[7mBoot\x1b[0m\x1b[6;9HSetup");
    desk.screen.wait_text("Setup");
    let left = desk
        .screen
        .see(|screen| row(screen, 3).starts_with("quiet"));
    assert!(left, "beta is the left pane:\n{}", desk.screen.screen());
    desk.screen.see(|screen| {
        let at = |row, column, text: &str| {
            let shown: String = (column..)
                .take(text.len())
                .filter_map(|column| screen.cell(row, column))
                .map(|cell| {
                    if cell.has_contents() {
                        cell.contents()
                    } else {
                        " "
                    }
                })
                .collect();
            assert_eq!(shown, text, "at {row},{column}:\n{}", screen.contents());
        };
        // The pane's text begins below the header and its title, right of the line between the panes.
        at(2 + 2, 61 + 4, "MENU");
        at(2 + 4, 61 + 6, "> Boot");
        at(2 + 5, 61 + 8, "Setup");
        let boot = screen.cell(6, 69).expect("a cell");
        assert!(boot.inverse());
    });
    desk.lines[0].send("\x1b[3;5H\x1b[Kgone");
    desk.screen.wait("a menu is redrawn in place", |screen| {
        row(screen, 4).contains("gone") && !screen.contents().contains("MENU")
    });
    wire::check(&desk.screen.bytes());
}

#[test]
fn a_paste_of_several_lines_is_asked_about_in_raw_mode_too() {
    let mut desk = raw_desk();
    desk.screen.keys("\x1b[200~one\ntwo\n\x1b[201~");
    desk.screen.wait_text("Type 2 pasted lines to alpha?");
    desk.screen.keys("n");
    desk.screen.wait_no_text("pasted");
    desk.lines[0].send("\x1b[?2004hready");
    desk.screen.wait_text("ready");
    desk.screen.keys("\x1b[200~one\ntwo\n\x1b[201~");
    desk.screen.wait_text("Type 2 pasted lines to alpha?");
    desk.screen.keys("y");
    let pasted = desk.lines[0].read_until(b"\x1b[201~");
    assert_eq!(pasted, b"\x1b[200~one\rtwo\r\x1b[201~");
}
